package audience

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"time"

	"github.com/penstock-dev/penstock/internal/subscriber"
)

// hostility is a way to do harm.
type hostility int

// The ways to do harm, one as often as another.
const (
	neverReads  hostility = iota // nothing is read, no ping is answered
	halfOpen                     // half a frame is sent, and nothing after it
	floodsPings                  // pings, as many as go through
	oversized                    // frames far too big
	hostilities
)

// hostileSession is a connection that does harm until the server ends it, or the context. It reports
// whether the server did.
func hostileSession(ctx context.Context, conn net.Conn, how hostility) (ended bool) {
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	switch how {
	case neverReads:
		return awaitsEnd(ctx, conn)
	case halfOpen:
		_, _ = conn.Write(subscriber.ClientFrame(subscriber.FramePing, []byte("half"))[:4])
		return awaitsEnd(ctx, conn)
	case floodsPings:
		return writesOn(ctx, conn, bytes.Repeat(subscriber.ClientFrame(subscriber.FramePing, []byte("flood")), 200))
	default:
		head := binary.BigEndian.AppendUint64([]byte{0x82, 0x80 | 127}, 1<<40)
		return writesOn(ctx, conn, append(head, make([]byte, 32<<10)...))
	}
}

// awaitsEnd waits without reading a byte: only writing tells that the connection has ended.
func awaitsEnd(ctx context.Context, conn net.Conn) bool {
	ticker := time.NewTicker(500 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-ticker.C:
			if reset(conn) {
				return true
			}
		}
	}
}

// writesOn writes the same again and again, and reads nothing.
func writesOn(ctx context.Context, conn net.Conn, b []byte) bool {
	for ctx.Err() == nil {
		_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
		if _, err := conn.Write(b); err != nil && (errors.Is(subscriber.Gone(err), subscriber.ErrGone) || reset(conn)) {
			return ctx.Err() == nil
		}
	}
	return false
}

// greet reads the answer to a handshake and the first message, as somebody harmless would.
func greet(conn net.Conn, path string) error {
	_ = conn.SetDeadline(time.Now().Add(subscriber.OpenPatience))
	if _, err := io.WriteString(conn, subscriber.Handshake(path)); err != nil {
		return err
	}
	buf := make([]byte, 1<<10)
	if _, err := conn.Read(buf); err != nil {
		return err
	}
	return conn.SetDeadline(time.Time{})
}
