package pgtest

import (
	"bufio"
	"io"
	"net"
	"sync"
)

// link is one client's connection through a proxy. One goroutine brings requests to the server,
// another one answers to the client.
type link struct {
	proxy       *Proxy
	client      net.Conn
	fromClient  *bufio.Reader
	application string
	ended       chan struct{} // closed by close
	end         sync.Once

	mu struct {
		sync.Mutex
		server   net.Conn // nil before it is dialled
		asked    int      // answers that the server owes or has given; its greeting is the first
		answered int
		key      string // with which the server lets queries be cancelled
		cut      *armed // what is done to this connection; nil for most
		cutAt    int    // the answer that it concerns
	}
}

func newLink(p *Proxy, client net.Conn) *link {
	l := &link{proxy: p, client: client, fromClient: bufio.NewReaderSize(client, 64<<10), ended: make(chan struct{})}
	l.mu.asked = 1
	return l
}

// close cuts both sides.
func (l *link) close() {
	l.end.Do(func() {
		close(l.ended)
		l.mu.Lock()
		defer l.mu.Unlock()
		_ = l.client.Close() // nobody could do anything about an error
		if l.mu.server != nil {
			_ = l.mu.server.Close()
		}
		if l.mu.cut != nil {
			l.mu.cut.finish()
		}
	})
}

// reset refuses the client.
func (l *link) reset() {
	if conn, ok := l.client.(*net.TCPConn); ok {
		_ = conn.SetLinger(0) // else it is told in a friendlier way
	}
	l.close()
}

// run serves the connection until it ends.
func (l *link) run() {
	defer l.close()
	code, startup, err := l.greet()
	if err != nil || !l.wait() {
		return
	}
	server, err := net.Dial(l.proxy.network, l.proxy.address)
	if err != nil {
		l.reset()
		return
	}
	if !l.connect(server) {
		return
	}
	if code == codeCancel && l.proxy.isCut(cancelKey(startup)) {
		return
	}
	if _, err := server.Write(startup); err != nil {
		return
	}
	if code == codeCancel {
		_, _ = io.Copy(io.Discard, server) // the server's end of it is all there is to wait for
		return
	}
	l.application = applicationName(startup)
	var running sync.WaitGroup
	running.Go(func() { l.answers(server) })
	l.requests(server)
	running.Wait()
}

// greet reads the client's first message, and declines encryption as often as it is offered.
func (l *link) greet() (code uint32, startup []byte, err error) {
	for {
		code, startup, err = readStartup(l.fromClient)
		if err != nil || (code != codeTLS && code != codeGSS) {
			return code, startup, err
		}
		if _, err := l.client.Write([]byte{'N'}); err != nil {
			return 0, nil, err
		}
	}
}

// connect notes the server's connection, and closes it when the client's has been closed meanwhile.
func (l *link) connect(server net.Conn) bool {
	l.mu.Lock()
	l.mu.server = server
	l.mu.Unlock()
	select {
	case <-l.ended:
		_ = server.Close() // perhaps once more
		return false
	default:
		return true
	}
}

// wait waits while the proxy pauses. It reports false when the connection has ended.
func (l *link) wait() bool {
	for {
		gate := l.proxy.gate()
		if gate == nil {
			return true
		}
		select {
		case <-gate:
		case <-l.ended:
			return false
		}
	}
}

// requests brings the client's messages to the server, a batch at a time.
func (l *link) requests(server net.Conn) {
	// The server is told when the client leaves, and ends the connection when it has answered.
	defer closeWrite(server)
	var b batch
	b.passed(true)
	for {
		pass, complete, err := b.read(l.fromClient)
		if err != nil {
			return
		}
		if !pass {
			continue
		}
		if !l.wait() {
			return
		}
		if complete {
			if cut := l.proxy.take(l.application, &b); cut != nil {
				l.cut(server, cut, &b)
				return
			}
			l.ask(nil)
		}
		if _, err := server.Write(b.bytes); err != nil {
			return // what it said before it left is still to be passed on
		}
		b.passed(complete)
	}
}

// cut does to the batch what was asked for, as far as requests are concerned.
func (l *link) cut(server net.Conn, cut *armed, b *batch) {
	l.ask(cut)
	if cut.Mode == CutBeforeRequest {
		_, _ = server.Write(b.beginning(cut.Part)) // a server that is gone makes no difference
		l.close()
		return
	}
	if _, err := server.Write(b.bytes); err != nil {
		l.close()
		return
	}
	if cut.Mode == CutAfterRequest {
		_ = l.client.Close() // the server's side stays open until it has done its work
		cut.finish()
	}
}

// ask notes that the server owes one answer more, to a batch that is cut or to one that is not.
func (l *link) ask(cut *armed) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if cut != nil {
		l.mu.cut, l.mu.cutAt = cut, l.mu.asked
	}
	l.mu.asked++
}

// answers brings the server's messages to the client.
func (l *link) answers(server net.Conn) {
	defer l.close()
	from := bufio.NewReaderSize(server, 64<<10)
	to := bufio.NewWriterSize(l.client, 64<<10)
	var withheld, message []byte
	for {
		var kind byte
		var err error
		kind, message, err = appendMessage(message[:0], from)
		if err != nil || !l.wait() {
			return
		}
		cut, complete := l.answer(kind, message)
		switch {
		case cut == nil:
			if _, err := to.Write(message); err != nil {
				return
			}
		case cut.Mode == CutAfterRequest: // the client is gone; let the server finish
		case complete:
			withheld = append(withheld, message...)
			l.finishCut(to, cut, withheld)
			return
		case len(withheld) < batchBytesMax:
			withheld = append(withheld, message...)
		}
		if from.Buffered() == 0 && cut == nil {
			if err := to.Flush(); err != nil {
				return
			}
		}
	}
}

// answer takes note of one message of an answer. It returns the cut when the message is not to be
// passed on, and whether it is the last one of the answer.
func (l *link) answer(kind byte, message []byte) (cut *armed, complete bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if kind == kindKey {
		l.mu.key = string(message[headerBytes:])
	}
	if c := l.mu.cut; c != nil && (c.Mode == CutAfterRequest || l.mu.answered == l.mu.cutAt) {
		cut = c
	}
	complete = kind == kindReady
	if complete {
		l.mu.answered++
	}
	return cut, complete
}

// isCutWith reports whether the connection has been cut, and is the one that a key belongs to.
func (l *link) isCutWith(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.cut != nil && l.mu.key == key
}

// finishCut passes on what the cut lets through of an answer that has arrived in full.
func (l *link) finishCut(to *bufio.Writer, cut *armed, answer []byte) {
	if cut.Mode == CutDuringAnswer {
		_, _ = to.Write(answer[:share(len(answer), cut.Part)]) // a client that is gone makes no difference
	}
	_ = to.Flush()
}

func closeWrite(conn net.Conn) {
	if c, ok := conn.(interface{ CloseWrite() error }); ok {
		_ = c.CloseWrite() // fails only when it is closed
	}
}
