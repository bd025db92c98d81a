package audience

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/torture"
)

// The kinds of faults beside torture's.
const (
	FaultGap    torture.FaultKind = "gap"    // an event was left out
	FaultRepeat torture.FaultKind = "repeat" // an event came twice
	FaultClosed torture.FaultKind = "closed" // a good subscriber was closed, or a hostile one was not
	FaultFinal  torture.FaultKind = "final"  // the last event seen is not the order's last
)

// errGone says that the server has closed the connection, or is no more.
var errGone = errors.New("the server is gone")

// The opcodes of frames, as RFC 6455 has them.
const (
	frameText  = 0x1
	frameClose = 0x8
	framePing  = 0x9
	framePong  = 0xa
)

// message is what a subscriber reads of a message.
type message struct {
	Type    string `json:"type"`
	OrderID string `json:"order_id"`
	Seq     uint64 `json:"seq"`
	Cursor  string `json:"cursor"`
	Data    struct {
		Status string `json:"status"`
	} `json:"data"`
}

// subscriber is one connection that follows something. It is for one goroutine.
type subscriber struct {
	conn net.Conn
	r    *bufio.Reader
	buf  []byte
}

const (
	// readBuffer is small: there are many of them.
	readBuffer = 1 << 10
	// dialPatience bounds a handshake.
	dialPatience = 30 * time.Second
	// frameMax bounds a frame of the server. An order of few items takes less than 2 KiB.
	frameMax = 64 << 10
)

// dial connects from one of the loopback's addresses. One address has some 28,000 ports, and the server
// counts subscribers by address.
func dial(ctx context.Context, address string, source int) (net.Conn, error) {
	dialer := net.Dialer{
		Timeout: dialPatience, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+source))},
	}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errGone, err)
	}
	return conn, nil
}

func handshake(path string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
}

// subscribe opens a WebSocket.
func subscribe(ctx context.Context, address string, source int, path string) (*subscriber, error) {
	conn, err := dial(ctx, address, source)
	if err != nil {
		return nil, err
	}
	s := &subscriber{conn: conn, r: bufio.NewReaderSize(conn, readBuffer)}
	if err := s.open(path); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return s, nil
}

func (s *subscriber) open(path string) error {
	_ = s.conn.SetDeadline(time.Now().Add(dialPatience))
	if _, err := io.WriteString(s.conn, handshake(path)); err != nil {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	status, err := s.r.ReadString('\n')
	if err != nil {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	for line := status; line != "\r\n"; {
		if line, err = s.r.ReadString('\n'); err != nil {
			return fmt.Errorf("%w: %w", errGone, err)
		}
	}
	if !strings.HasPrefix(status, "HTTP/1.1 101 ") {
		return fmt.Errorf("%w: subscribe to %s: %s", torture.ErrAnswer, path, strings.TrimSpace(status))
	}
	return s.conn.SetDeadline(time.Time{})
}

func (s *subscriber) close() { _ = s.conn.Close() }

// next returns the next message, and answers pings before it. Each frame must come before the patience
// ends.
func (s *subscriber) next(patience time.Duration) (m message, err error) {
	for {
		_ = s.conn.SetReadDeadline(time.Now().Add(patience))
		op, payload, err := s.frame()
		if err != nil {
			return m, err
		}
		switch op {
		case frameText:
			if err := json.Unmarshal(payload, &m); err != nil {
				return m, fmt.Errorf("%w: message %q: %w", torture.ErrAnswer, payload, err)
			}
			return m, nil
		case framePing:
			if _, err := s.conn.Write(clientFrame(framePong, payload)); err != nil {
				return m, fmt.Errorf("%w: %w", errGone, err)
			}
		case frameClose:
			if len(payload) < 2 {
				return m, fmt.Errorf("%w: closed without a code", errGone)
			}
			return m, fmt.Errorf("%w: closed with %d: %s", errGone, binary.BigEndian.Uint16(payload), payload[2:])
		default:
			return m, fmt.Errorf("%w: a frame with opcode %d", torture.ErrAnswer, op)
		}
	}
}

// frame reads a frame. The payload is valid until the next one.
func (s *subscriber) frame() (op byte, payload []byte, err error) {
	var head [10]byte
	if _, err := io.ReadFull(s.r, head[:2]); err != nil {
		return 0, nil, gone(err)
	}
	n := uint64(head[1])
	more := 0
	switch n {
	case 126:
		more = 2
	case 127:
		more = 8
	}
	if _, err := io.ReadFull(s.r, head[2:2+more]); err != nil {
		return 0, nil, gone(err)
	}
	switch more {
	case 2:
		n = uint64(binary.BigEndian.Uint16(head[2:]))
	case 8:
		n = binary.BigEndian.Uint64(head[2:])
	}
	if head[0]&0xf0 != 0x80 || n > frameMax {
		return 0, nil, fmt.Errorf("%w: a frame that begins with %x and has %d bytes", torture.ErrAnswer, head[0], n)
	}
	if uint64(cap(s.buf)) < n {
		s.buf = make([]byte, n)
	}
	payload = s.buf[:n]
	if _, err := io.ReadFull(s.r, payload); err != nil {
		return 0, nil, gone(err)
	}
	return head[0] & 0xf, payload, nil
}

// gone tells a deadline that has passed from a server that is not there any more.
func gone(err error) error {
	if failure, ok := errors.AsType[net.Error](err); ok && failure.Timeout() {
		return err
	}
	return fmt.Errorf("%w: %w", errGone, err)
}

// clientFrame returns a frame of a client.
func clientFrame(op byte, payload []byte) []byte {
	b := []byte{0x80 | op, 0x80 | byte(len(payload)), 1, 2, 3, 4}
	for i, c := range payload {
		b = append(b, c^b[2+i%4])
	}
	return b
}

func updatesOf(order commerce.ID) string { return "/api/v2/orders/" + order.String() + "/updates" }
