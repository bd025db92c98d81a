package subscriber

import (
	"encoding/binary"
	"fmt"
	"io"
)

// The opcodes of frames, as RFC 6455 has them.
const (
	frameText  = 0x1
	frameClose = 0x8
	FramePing  = 0x9
	framePong  = 0xa
)

// frameMax bounds a frame of the server. An order of few items takes less than 2 KiB.
const frameMax = 64 << 10

// frame reads a frame. The payload is valid until the next one.
func (s *Subscriber) frame() (op byte, payload []byte, err error) {
	var head [10]byte
	if _, err := io.ReadFull(s.r, head[:2]); err != nil {
		return 0, nil, Gone(err)
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
		return 0, nil, Gone(err)
	}
	switch more {
	case 2:
		n = uint64(binary.BigEndian.Uint16(head[2:]))
	case 8:
		n = binary.BigEndian.Uint64(head[2:])
	}
	// A server's frame here is final, has no reserved bits and is not masked.
	if head[0]&0xf0 != 0x80 || head[1]&0x80 != 0 || n > frameMax {
		return 0, nil, fmt.Errorf("%w: a frame that begins with %x and has %d bytes", ErrAnswer, head[:2], n)
	}
	if uint64(cap(s.buf)) < n {
		s.buf = make([]byte, n)
	}
	payload = s.buf[:n]
	if _, err := io.ReadFull(s.r, payload); err != nil {
		return 0, nil, Gone(err)
	}
	return head[0] & 0xf, payload, nil
}

// ClientFrame returns a frame of a client. REQUIRES: the payload has at most 125 bytes.
func ClientFrame(op byte, payload []byte) []byte {
	b := []byte{0x80 | op, 0x80 | byte(len(payload)), 1, 2, 3, 4}
	for i, c := range payload {
		b = append(b, c^b[2+i%4])
	}
	return b
}
