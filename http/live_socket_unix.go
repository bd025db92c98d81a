//go:build unix

package http

import (
	"errors"
	"syscall"
)

// socketWriter writes to sockets without waiting for them. It is for one goroutine.
type socketWriter struct {
	write func(fd uintptr) bool // made once, lest each write makes one
	state *socketWrite
}

type socketWrite struct {
	buf []byte
	n   int
	err error
}

func newSocketWriter() socketWriter {
	w := new(socketWrite)
	return socketWriter{state: w, write: func(fd uintptr) bool {
		for w.n < len(w.buf) {
			n, err := syscall.Write(int(fd), w.buf[w.n:])
			if n > 0 {
				w.n += n
			}
			if err != nil && !errors.Is(err, syscall.EINTR) {
				if !errors.Is(err, syscall.EAGAIN) {
					w.err = err
				}
				break
			}
		}
		return true // done for now: do not wait until more can be written
	}}
}

// try writes what the socket takes at once. Of a connection that is none of the system's it writes nothing.
func (s *socketWriter) try(socket syscall.RawConn, b []byte) (n int, err error) {
	if socket == nil {
		return 0, nil
	}
	*s.state = socketWrite{buf: b}
	err = socket.Write(s.write)
	s.state.buf = nil
	return s.state.n, errors.Join(err, s.state.err)
}
