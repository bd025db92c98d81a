package http

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// sealed is the encryption of a connection. As long as fasthttp has the connection, it is as usual. When a
// subscriber takes it over, what is encrypted is kept until who sends to the subscriber takes it: he writes
// to the socket himself, without waiting for it. Nobody else writes then, so that records stay in order.
//
//	            hold
//	direct ─────────────► held: Write ──► pending ──take──► socket
type sealed struct {
	tls  *tls.Conn
	raw  net.Conn
	done bool // the handshake; of the goroutine that reads

	mu struct {
		sync.Mutex
		held    bool
		pending []byte
	}
}

// sealedMax bounds what is encrypted and not yet taken: a delivery, and answers to a client that asks for
// new keys.
const sealedMax = 4 << 20

var errSealedFull = errors.New("too much is encrypted and not sent")

func newSealed(raw net.Conn, config *tls.Config) *sealed {
	s := &sealed{raw: raw}
	s.tls = tls.Server(sealedSocket{raw, s}, config)
	return s
}

// open makes the handshake at the first call. It ends when the connection's read deadline has passed, and
// nothing is said about one that failed: most are made by programs that look for open ports.
// REQUIRES: one goroutine reads.
func (s *sealed) open(draining func() bool) bool {
	if s.done {
		return true
	}
	if draining() {
		return false
	}
	if err := s.tls.Handshake(); err != nil {
		var plain tls.RecordHeaderError
		if errors.As(err, &plain) && plain.Conn != nil && looksLikeHTTP(plain.RecordHeader) {
			_ = s.raw.SetWriteDeadline(time.Now().Add(drainReadMax))
			_, _ = io.WriteString(s.raw, plainHTTP)
		}
		return false
	}
	s.done = true
	return true
}

// plainHTTP answers who speaks HTTP without encryption.
const plainHTTP = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n" +
	"This port speaks HTTPS: write https:// in front.\n"

// looksLikeHTTP reports whether five bytes are the begin of a request.
func looksLikeHTTP(first [5]byte) bool {
	switch string(first[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "PATCH", "DELET", "OPTIO":
		return true
	}
	return false
}

// hold keeps from now on what is encrypted, for take.
func (s *sealed) hold() {
	s.mu.Lock()
	s.mu.held = true
	s.mu.Unlock()
}

// seal encrypts a message, and returns what is to be written to the socket. The caller keeps it.
// REQUIRES: it is held, and the caller alone writes to the socket.
func (s *sealed) seal(message []byte) ([]byte, error) {
	if _, err := s.tls.Write(message); err != nil {
		return nil, err
	}
	return s.take(), nil
}

// take returns what has been encrypted, in order.
func (s *sealed) take() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.mu.pending
	s.mu.pending = nil
	return taken
}

// goodbye says that nothing more is sent, so that the client knows that it has got all.
func (s *sealed) goodbye() error {
	if err := s.tls.CloseWrite(); err != nil {
		return err
	}
	if taken := s.take(); len(taken) > 0 {
		_ = s.raw.SetWriteDeadline(time.Now().Add(goodbyeWait))
		_, err := s.raw.Write(taken)
		return err
	}
	return nil
}

// goodbyeWait bounds the last record, which is small: a socket that is full does without it.
const goodbyeWait = 10 * time.Millisecond

// sealedSocket is what the encryption reads from and writes to.
type sealedSocket struct {
	net.Conn
	s *sealed
}

// Write implements net.Conn.
func (c sealedSocket) Write(b []byte) (int, error) {
	c.s.mu.Lock()
	if !c.s.mu.held {
		c.s.mu.Unlock()
		return c.Conn.Write(b)
	}
	defer c.s.mu.Unlock()
	if len(c.s.mu.pending)+len(b) > sealedMax {
		return 0, errSealedFull
	}
	c.s.mu.pending = append(c.s.mu.pending, b...)
	return len(b), nil
}

// SetWriteDeadline implements net.Conn. Once the encryption does not write to the socket any more, its
// deadlines are not for those who do.
func (c sealedSocket) SetWriteDeadline(t time.Time) error {
	c.s.mu.Lock()
	held := c.s.mu.held
	c.s.mu.Unlock()
	if held {
		return nil
	}
	return c.Conn.SetWriteDeadline(t)
}
