package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

const (
	// bodyMax bounds the body of one answer.
	bodyMax = 64 << 20
	// headersMax bounds the header lines of one answer.
	headersMax = 64

	readBuffer = 8 << 10

	// Answers with these never carry a body, whatever Content-Length says.
	statusNoContent   = 204
	statusNotModified = 304
)

// ErrProtocol says that the peer's answer is not HTTP/1.1 as this client reads it.
var ErrProtocol = errors.New("unreadable answer")

// Conn is one keep-alive connection that carries one request at a time. It sends requests that
// are already rendered and reads of an answer only what a measurement or a check needs: that is
// what makes it several times cheaper than a general client. It is not safe for concurrent use.
//
// After an error other than one from Dial the request may or may not have been carried out, and
// the connection is of no more use.
type Conn struct {
	conn   net.Conn
	reader *bufio.Reader

	authorization []byte // the field that every request carries, or empty
	out           []byte // a request with it
}

// Answer is what a server said. Its slices are reused by the next request it is passed to.
type Answer struct {
	Status   int
	Replayed bool // Idempotency-Replayed: true
	Closing  bool // Connection: close, after which the connection is of no more use
	ETag     []byte
	Location []byte
	Retry    []byte // Retry-After
	Body     []byte
}

// Dial opens a connection to a host:port. Timeout bounds opening it and, later, each request; 0
// means no bound.
func Dial(ctx context.Context, address string, timeout time.Duration) (*Conn, error) {
	dialer := net.Dialer{Timeout: timeout}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	return &Conn{conn: conn, reader: bufio.NewReaderSize(conn, readBuffer)}, nil
}

// Close closes the connection. A request under way on another goroutine ends with an error.
func (c *Conn) Close() error { return c.conn.Close() }

// SetDeadline bounds the requests from now on.
func (c *Conn) SetDeadline(t time.Time) error { return c.conn.SetDeadline(t) }

// Authorize sends a credential with every request from now on; "" sends none.
func (c *Conn) Authorize(credential string) {
	c.authorization = c.authorization[:0]
	if credential != "" {
		c.authorization = append(c.authorization, "Authorization: Bearer "+credential+"\r\n"...)
	}
}

// Do sends one rendered request and reads its answer into a.
func (c *Conn) Do(request []byte, a *Answer) error {
	if len(c.authorization) > 0 {
		first := bytes.IndexByte(request, '\n') + 1 // behind the request line
		c.out = append(append(append(c.out[:0], request[:first]...), c.authorization...), request[first:]...)
		request = c.out
	}
	if _, err := c.conn.Write(request); err != nil {
		return fmt.Errorf("send request: %w", err)
	}
	if err := c.read(a); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	return nil
}

func (c *Conn) read(a *Answer) error {
	a.Status, a.Replayed, a.Closing = 0, false, false
	a.ETag, a.Location, a.Retry, a.Body = a.ETag[:0], a.Location[:0], a.Retry[:0], a.Body[:0]
	line, err := c.line()
	if err != nil {
		return err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return fmt.Errorf("%w: status line %q", ErrProtocol, line)
	}
	if a.Status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return fmt.Errorf("%w: status line %q", ErrProtocol, line)
	}
	length, err := c.headers(a)
	if err != nil || length == 0 || a.Status == statusNoContent || a.Status == statusNotModified {
		return err
	}
	if cap(a.Body) < length {
		a.Body = make([]byte, length)
	}
	a.Body = a.Body[:length]
	_, err = io.ReadFull(c.reader, a.Body)
	return err
}

// headers reads header lines up to the empty one and returns the length of the body.
func (c *Conn) headers(a *Answer) (length int, err error) {
	for range headersMax {
		line, err := c.line()
		if err != nil {
			return 0, err
		}
		if len(line) == 0 {
			return length, nil
		}
		name, value, found := bytes.Cut(line, []byte(":"))
		if !found {
			return 0, fmt.Errorf("%w: header line %q", ErrProtocol, line)
		}
		value = bytes.TrimSpace(value)
		switch {
		case is(name, "content-length"):
			length, err = strconv.Atoi(string(value))
			if err != nil || length < 0 || length > bodyMax {
				return 0, fmt.Errorf("%w: Content-Length %q", ErrProtocol, value)
			}
		case is(name, "transfer-encoding"):
			return 0, fmt.Errorf("%w: Transfer-Encoding %q", ErrProtocol, value)
		case is(name, "etag"):
			a.ETag = append(a.ETag, value...)
		case is(name, "location"):
			a.Location = append(a.Location, value...)
		case is(name, "retry-after"):
			a.Retry = append(a.Retry, value...)
		case is(name, "connection"):
			a.Closing = is(value, "close")
		case is(name, "idempotency-replayed"):
			a.Replayed = string(value) == "true"
		}
	}
	return 0, fmt.Errorf("%w: more than %d header lines", ErrProtocol, headersMax)
}

// line reads one line without its end. It is valid until the next read.
func (c *Conn) line() ([]byte, error) {
	line, err := c.reader.ReadSlice('\n')
	if err != nil {
		if errors.Is(err, bufio.ErrBufferFull) {
			return nil, fmt.Errorf("%w: a line of more than %d bytes", ErrProtocol, readBuffer)
		}
		return nil, err
	}
	return bytes.TrimRight(line, "\r\n"), nil
}

// is compares a header's name with one in lower case. It looks at the length first: most names
// differ there.
func is(name []byte, lower string) bool {
	return len(name) == len(lower) && bytes.EqualFold(name, []byte(lower))
}
