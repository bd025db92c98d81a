package subscriber

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

var (
	// ErrGone says that the server has closed the connection, or is no more.
	ErrGone = errors.New("the server is gone")
	// ErrAnswer says that the server has said what it must not say here.
	ErrAnswer = errors.New("wrong answer")
)

const (
	// readBuffer is small: there are many of them.
	readBuffer = 1 << 10
	// OpenPatience bounds a handshake.
	OpenPatience = 30 * time.Second
)

// Subscriber is one connection that follows something. It is for one goroutine, but for Close.
type Subscriber struct {
	conn net.Conn
	r    *bufio.Reader
	buf  []byte
}

// Open opens a WebSocket on a connection, which is the subscriber's from now on, also when it fails. The
// error is ErrGone when the server went away, ErrAnswer when it refused.
func Open(conn net.Conn, path string) (*Subscriber, error) {
	s := &Subscriber{conn: conn, r: bufio.NewReaderSize(conn, readBuffer)}
	if err := s.open(path); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return s, nil
}

func (s *Subscriber) open(path string) error {
	_ = s.conn.SetDeadline(time.Now().Add(OpenPatience))
	if _, err := io.WriteString(s.conn, Handshake(path)); err != nil {
		return fmt.Errorf("%w: %w", ErrGone, err)
	}
	status, err := s.r.ReadString('\n')
	if err != nil {
		return fmt.Errorf("%w: %w", ErrGone, err)
	}
	for line := status; line != "\r\n"; {
		if line, err = s.r.ReadString('\n'); err != nil {
			return fmt.Errorf("%w: %w", ErrGone, err)
		}
	}
	if !strings.HasPrefix(status, "HTTP/1.1 101 ") {
		return fmt.Errorf("%w: subscribe to %s: %s", ErrAnswer, path, strings.TrimSpace(status))
	}
	return s.conn.SetDeadline(time.Time{})
}

// Close closes the connection. A Next under way on another goroutine ends with an error.
func (s *Subscriber) Close() { _ = s.conn.Close() }

// Next returns the next message, and answers pings before it. Each frame must come before the patience
// ends; else the error is a timeout. It is ErrGone when the server has ended the session.
func (s *Subscriber) Next(patience time.Duration) (m Message, err error) {
	for {
		_ = s.conn.SetReadDeadline(time.Now().Add(patience))
		op, payload, err := s.frame()
		if err != nil {
			return m, err
		}
		switch op {
		case frameText:
			if err := json.Unmarshal(payload, &m); err != nil {
				return m, fmt.Errorf("%w: message %q: %w", ErrAnswer, payload, err)
			}
			return m, nil
		case FramePing:
			if _, err := s.conn.Write(ClientFrame(framePong, payload)); err != nil {
				return m, fmt.Errorf("%w: %w", ErrGone, err)
			}
		case frameClose:
			if len(payload) < 2 {
				return m, fmt.Errorf("%w: closed without a code", ErrGone)
			}
			return m, fmt.Errorf("%w: closed with %d: %s", ErrGone, binary.BigEndian.Uint16(payload), payload[2:])
		default:
			return m, fmt.Errorf("%w: a frame with opcode %d", ErrAnswer, op)
		}
	}
}

// Handshake returns the request that opens a WebSocket.
func Handshake(path string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
}

// UpdatesOf returns the path where an order is followed.
func UpdatesOf(order string) string { return "/api/v2/orders/" + order + "/updates" }

// Gone wraps an error of a connection with ErrGone, unless it is only a deadline that has passed.
func Gone(err error) error {
	if failure, ok := errors.AsType[net.Error](err); ok && failure.Timeout() {
		return err
	}
	return fmt.Errorf("%w: %w", ErrGone, err)
}
