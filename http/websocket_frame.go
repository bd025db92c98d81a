package http

import (
	"encoding/binary"
	"io"
	"unicode/utf8"

	"github.com/fasthttp/websocket"
)

// Frames of RFC 6455. The handshake is the library's; the frames are not, for three reasons. Its
// connection keeps the buffer that fasthttp read the request's header with, 16 KiB for each subscriber.
// It takes what the RFC forbids: a close frame with half a code, lengths longer than they need be.
// And its writes wait for the client, which here are the writes of a few goroutines for everybody.

const (
	frameFinal = 0x80
	frameRSV   = 0x70
	frameMask  = 0x80

	opContinuation byte = 0x0
	opText         byte = 0x1
	opBinary       byte = 0x2
	opClose        byte = 0x8
	opPing         byte = 0x9
	opPong         byte = 0xa

	// controlMax is how long the payload of a control frame may be (RFC 6455, section 5.5).
	controlMax = 125
	// frameBufferBytes holds the longest control frame with its head.
	frameBufferBytes = 144
	// messageMax is how long a message of a client may be before it is refused as too big. Whatever it
	// says is refused: there is nothing to be said to a subscription.
	messageMax = 4096
)

// closeError ends a connection: the code and the reason of the close frame that the client gets.
type closeError struct {
	code   uint16
	reason string
}

func (e *closeError) Error() string { return e.reason }

func protocolError(reason string) error {
	return &closeError{code: websocket.CloseProtocolError, reason: reason}
}

// frameReader reads what a client sends. Data is looked at and dropped, a piece at a time; control
// frames are handed out. Its buffer is small: there is one for each subscriber.
type frameReader struct {
	from    io.Reader
	early   []byte // what had arrived with the handshake
	buf     [frameBufferBytes]byte
	head    int // buf[head:tail] has been read and not used
	tail    int
	message byte // opText or opBinary while a message has begun, else 0
	length  int  // of the message so far
	utf8    utf8Checker
}

// control is a control frame. Its payload is valid until the next one is read.
type control struct {
	op      byte
	payload []byte
}

// next returns the next control frame. A message of the client, or a frame that the RFC forbids, is a
// *closeError; any other error is the connection's.
func (r *frameReader) next() (control, error) {
	for {
		op, final, length, mask, err := r.header()
		if err != nil {
			return control{}, err
		}
		if op >= opClose {
			payload, err := r.take(int(length))
			if err != nil {
				return control{}, err
			}
			unmask(payload, mask, 0)
			return control{op: op, payload: payload}, nil
		}
		if err := r.data(op, final, length, mask); err != nil {
			return control{}, err
		}
	}
}

// header reads a frame's head and checks all that it tells.
func (r *frameReader) header() (op byte, final bool, length uint64, mask [4]byte, err error) {
	b, err := r.take(2)
	if err != nil {
		return 0, false, 0, mask, err
	}
	op, final = b[0]&0xf, b[0]&frameFinal != 0
	masked, short := b[1]&frameMask != 0, b[1]&^frameMask
	switch {
	case b[0]&frameRSV != 0:
		err = protocolError("reserved bits are set, and no extension was agreed on")
	case op > opBinary && op < opClose || op > opPong:
		err = protocolError("this opcode is reserved")
	case op >= opClose && !final:
		err = protocolError("a control frame must not be fragmented")
	case op >= opClose && short > controlMax:
		err = protocolError("a control frame must be at most 125 bytes long")
	case !masked:
		err = protocolError("a client must mask its frames")
	case op == opContinuation && r.message == 0:
		err = protocolError("there is no message to continue")
	case (op == opText || op == opBinary) && r.message != 0:
		err = protocolError("the message before has not ended")
	default:
		if length, err = r.length64(short); err == nil {
			if b, err = r.take(len(mask)); err == nil {
				copy(mask[:], b)
			}
		}
	}
	return op, final, length, mask, err
}

// length64 reads the rest of a frame's length.
func (r *frameReader) length64(short byte) (uint64, error) {
	switch short {
	case 126:
		b, err := r.take(2)
		if err != nil {
			return 0, err
		}
		if n := binary.BigEndian.Uint16(b); n >= 126 {
			return uint64(n), nil
		}
	case 127:
		b, err := r.take(8)
		if err != nil {
			return 0, err
		}
		n := binary.BigEndian.Uint64(b)
		if n>>63 != 0 {
			return 0, protocolError("the length's first bit must be 0")
		}
		if n > 0xffff {
			return n, nil
		}
	default:
		return uint64(short), nil
	}
	return 0, protocolError("the length must be written in the fewest bytes")
}

// data reads a data frame's payload, checks it and forgets it. At the message's end, or where it has become
// too long, it says why the message is not welcome.
func (r *frameReader) data(op byte, final bool, length uint64, mask [4]byte) error {
	if op != opContinuation {
		r.message, r.length, r.utf8 = op, 0, utf8Checker{}
	}
	if length > uint64(messageMax-r.length) {
		return &closeError{code: websocket.CloseMessageTooBig, reason: "a message must be at most 4096 bytes long"}
	}
	r.length += int(length)
	for read := 0; read < int(length); {
		piece, err := r.take(min(int(length)-read, len(r.buf)))
		if err != nil {
			return err
		}
		unmask(piece, mask, read)
		read += len(piece)
		if r.message == opText && !r.utf8.write(piece) {
			return &closeError{code: websocket.CloseInvalidFramePayloadData, reason: "a text must be UTF-8"}
		}
	}
	if !final {
		return nil
	}
	if r.message == opText && !r.utf8.complete() {
		return &closeError{code: websocket.CloseInvalidFramePayloadData, reason: "a text must be UTF-8"}
	}
	return &closeError{code: websocket.ClosePolicyViolation, reason: "a subscription takes no messages"}
}

// take returns the next n bytes. REQUIRES: n is at most the buffer's length.
func (r *frameReader) take(n int) ([]byte, error) {
	if len(r.buf)-r.head < n {
		r.tail = copy(r.buf[:], r.buf[r.head:r.tail])
		r.head = 0
	}
	for r.tail-r.head < n {
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
	b := r.buf[r.head : r.head+n]
	r.head += n
	if r.head == r.tail {
		// The bytes stay where they are until the next read.
		r.head, r.tail = 0, 0
	}
	return b, nil
}

func (r *frameReader) fill() error {
	if len(r.early) > 0 {
		n := copy(r.buf[r.tail:], r.early)
		r.tail += n
		if r.early = r.early[n:]; len(r.early) == 0 {
			r.early = nil
		}
		return nil
	}
	n, err := r.from.Read(r.buf[r.tail:])
	r.tail += n
	if n > 0 {
		return nil
	}
	if err == nil {
		return io.ErrNoProgress
	}
	return err
}

// unmask applies the mask to a payload's bytes from a position on.
func unmask(b []byte, mask [4]byte, position int) {
	for i := range b {
		b[i] ^= mask[(position+i)&3]
	}
}

// readClose returns what a client's close frame says: its code, or CloseNoStatusReceived. What the RFC
// forbids is a *closeError.
func readClose(payload []byte) (code uint16, err error) {
	switch {
	case len(payload) == 0:
		return websocket.CloseNoStatusReceived, nil
	case len(payload) == 1:
		return 0, protocolError("a close frame has no code or two bytes of it")
	}
	code = binary.BigEndian.Uint16(payload)
	if !validCloseCode(code) {
		return 0, protocolError("this close code must not be sent")
	}
	if !utf8.Valid(payload[2:]) {
		return 0, &closeError{code: websocket.CloseInvalidFramePayloadData, reason: "the reason of a close frame must be UTF-8"}
	}
	return code, nil
}

// validCloseCode reports whether a client may send a code: those of RFC 6455 and of the registry beside
// it, and those of libraries and applications (section 7.4).
func validCloseCode(code uint16) bool {
	switch code {
	case 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014:
		return true
	}
	return code >= 3000 && code <= 4999
}

// appendFrame appends an unfragmented frame of a server, which is not masked.
func appendFrame(dst []byte, op byte, payload []byte) []byte {
	return append(appendHead(dst, op, len(payload)), payload...)
}

func appendHead(dst []byte, op byte, n int) []byte {
	dst = append(dst, frameFinal|op)
	switch {
	case n <= controlMax:
		return append(dst, byte(n))
	case n <= 0xffff:
		return binary.BigEndian.AppendUint16(append(dst, 126), uint16(n))
	default:
		return binary.BigEndian.AppendUint64(append(dst, 127), uint64(n))
	}
}

// openFrame and closeFrame make a frame of what is appended between them.
func openFrame(dst []byte) (_ []byte, from int) {
	return append(dst, make([]byte, frameHeadMax)...), len(dst)
}

// frameHeadMax is the length of a server's longest frame head.
const frameHeadMax = 1 + 1 + 8

func closeFrame(dst []byte, from int, op byte) []byte {
	payload := dst[from+frameHeadMax:]
	head := appendHead(dst[from:from], op, len(payload))
	n := copy(dst[from+len(head):], payload)
	return dst[:from+len(head)+n]
}

// appendClose appends a close frame. A code that means "none was received" is not sent.
func appendClose(dst []byte, code uint16, reason string) []byte {
	if code == websocket.CloseNoStatusReceived {
		return appendFrame(dst, opClose, nil)
	}
	var payload [controlMax]byte
	binary.BigEndian.PutUint16(payload[:], code)
	n := 2 + copy(payload[2:], reason)
	return appendFrame(dst, opClose, payload[:n])
}

// utf8Checker checks a text that comes in pieces.
type utf8Checker struct {
	cut [utf8.UTFMax]byte // the beginning of a character whose end has not come yet
	n   int
}

// write takes a piece; false says that the text is not UTF-8, whatever follows.
func (c *utf8Checker) write(b []byte) bool {
	for c.n > 0 && len(b) > 0 {
		c.cut[c.n] = b[0]
		c.n++
		b = b[1:]
		if utf8.FullRune(c.cut[:c.n]) {
			if !utf8.Valid(c.cut[:c.n]) {
				return false
			}
			c.n = 0
		}
	}
	for len(b) > 0 {
		if !utf8.FullRune(b) {
			c.n = copy(c.cut[:], b)
			return true
		}
		r, size := utf8.DecodeRune(b)
		if r == utf8.RuneError && size == 1 {
			return false
		}
		b = b[size:]
	}
	return true
}

// complete reports whether the text ends between two characters.
func (c *utf8Checker) complete() bool { return c.n == 0 }
