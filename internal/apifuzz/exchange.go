package apifuzz

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

const (
	// answerTimeMax bounds the wait for an answer; a server that takes longer is stuck.
	answerTimeMax = 30 * time.Second
	answerBodyMax = 16 << 20
	answerHeadMax = 64 << 10
)

// line is a connection to the server, which is made anew when the server has closed it.
type line struct {
	address string
	conn    net.Conn
	reader  *bufio.Reader
}

// answer is what came back.
type answer struct {
	status int
	header fasthttp.ResponseHeader
	media  string // the Content-Type without its parameters
	body   []byte
	cut    bool // the body goes on and on, and was not read
}

func (l *line) close() {
	if l.conn != nil {
		_ = l.conn.Close()
		l.conn = nil
	}
}

// ask sends a request as it stands and reads the answer.
func (l *line) ask(ctx context.Context, method string, text []byte) (*answer, error) {
	if l.conn == nil {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", l.address)
		if err != nil {
			return nil, fmt.Errorf("connect: %w", err)
		}
		l.conn, l.reader = conn, bufio.NewReaderSize(conn, answerHeadMax)
	}
	_ = l.conn.SetDeadline(time.Now().Add(answerTimeMax)) // fails only on a closed connection
	// The server may refuse what it has not read to its end: then writing fails, and the answer is there.
	_, sent := l.conn.Write(text)
	a, err := l.read(method)
	if err != nil {
		l.close()
		return nil, errors.Join(err, sent)
	}
	if a.cut || a.header.ConnectionClose() {
		l.close()
	}
	return a, nil
}

func (l *line) read(method string) (*answer, error) {
	a := new(answer)
	if err := a.header.Read(l.reader); err != nil {
		return nil, fmt.Errorf("read the answer's header: %w", err)
	}
	a.status = a.header.StatusCode()
	media, _, _ := strings.Cut(string(a.header.ContentType()), ";")
	a.media = strings.TrimSpace(media)
	switch {
	case a.status == fasthttp.StatusSwitchingProtocols || a.media == "text/event-stream":
		a.cut = true
		return a, nil
	case method == fasthttp.MethodHead || a.status == fasthttp.StatusNoContent || a.status == fasthttp.StatusNotModified:
		return a, nil
	}
	var response fasthttp.Response
	a.header.CopyTo(&response.Header)
	if err := response.ReadBody(l.reader, answerBodyMax); err != nil {
		return nil, fmt.Errorf("read the answer's body: %w", err)
	}
	a.body = response.Body()
	return a, nil
}

// append writes the request as it goes over the connection.
func (d *draft) append(dst []byte, host string) []byte {
	dst = append(dst, d.method+" "+d.path...)
	for i, q := range d.query {
		mark := byte('&')
		if i == 0 {
			mark = '?'
		}
		dst = append(append(dst, mark), q.name+"="+q.value...)
	}
	dst = append(dst, " HTTP/1.1\r\nHost: "+host+"\r\n"...)
	if d.caller.Header != "" {
		dst = append(dst, "Authorization: "+d.caller.Header+"\r\n"...)
	}
	if d.caller.Cookie != "" {
		dst = append(dst, "Cookie: "+d.caller.Cookie+"\r\n"...)
	}
	for _, h := range d.headers {
		dst = append(dst, h.name+": "+h.value+"\r\n"...)
	}
	if d.text != nil {
		if d.media != "" {
			dst = append(dst, "Content-Type: "+d.media+"\r\n"...)
		}
		dst = append(dst, "Content-Length: "+strconv.Itoa(len(d.text))+"\r\n"...)
	}
	return append(append(dst, "\r\n"...), d.text...)
}
