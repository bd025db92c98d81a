package http

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
)

// door is a way into the server. What can be asked there is in newRouter.
type door uint8

const (
	doorPublic     door = iota // where callers ask
	doorOperations             // where operators ask
	doors
)

const (
	// acceptWaitMin and acceptWaitMax bound the wait after an accept that failed, for instance
	// for want of file descriptors.
	acceptWaitMin = 5 * time.Millisecond
	acceptWaitMax = time.Second
)

// listener accepts connections up to the limits.
type listener struct {
	net.Listener
	all        *connections
	door       door
	encryption *tls.Config             // nil when there is none
	refusals   [fullAddress + 1][]byte // the answers to a connection too many
	done       chan struct{}
	once       sync.Once
}

func (c *connections) listen(ln net.Listener, at door, encryption *tls.Config) *listener {
	l := &listener{Listener: ln, all: c, door: at, encryption: encryption, done: make(chan struct{})}
	l.refusals[fullServer] = refusal("Service Unavailable", commerce.CodeOverloaded, "too many connections; try again")
	l.refusals[fullAddress] = refusal("Too Many Requests", codeTooManyRequests, "too many connections from your address; use fewer, and keep them open")
	return l
}

// refusal writes an answer that is given before anything has been read.
func refusal(reason string, code commerce.Code, detail string) []byte {
	status, title := statusOf(code)
	body := wire.AppendProblem(nil, &wire.Problem{
		Refusal: &commerce.Error{Code: code, Detail: detail}, Title: title, Status: status, CorrelationID: freshCorrelation(),
	})
	head := fmt.Sprintf("HTTP/1.1 %d %s\r\nConnection: close\r\nRetry-After: 1\r\nContent-Type: %s\r\nCache-Control: no-store\r\n"+
		securityLines+"Content-Length: %d\r\n\r\n", status, reason, contentTypeProblem, len(body))
	return append([]byte(head), body...)
}

// Accept implements net.Listener. A failure that can pass is waited out: running out of file
// descriptors must not end the server.
func (l *listener) Accept() (net.Conn, error) {
	wait := acceptWaitMin
	for {
		raw, err := l.Listener.Accept()
		if err != nil {
			if !passes(err) {
				return nil, err
			}
			select {
			case <-time.After(wait):
			case <-l.done:
			}
			wait = min(2*wait, acceptWaitMax)
			continue
		}
		wait = acceptWaitMin
		conn := l.all.wrap(raw, l.door, l.encryption)
		why := l.all.add(conn)
		if why == fullNot {
			return conn, nil
		}
		if l.encryption == nil { // the work of a handshake is too much for a connection too many
			_ = raw.SetWriteDeadline(time.Now().Add(drainReadMax))
			_, _ = raw.Write(l.refusals[why])
		}
		_ = raw.Close()
	}
}

// Close implements net.Listener. Closing twice is harmless.
func (l *listener) Close() error {
	var err error
	l.once.Do(func() {
		close(l.done)
		err = l.Listener.Close()
	})
	return err
}

func passes(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) ||
		errors.Is(err, syscall.ENOBUFS) || errors.Is(err, syscall.ENOMEM) || errors.Is(err, syscall.ECONNABORTED)
}
