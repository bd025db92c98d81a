package pgtest

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"
)

// What the proxy has to know of PostgreSQL's protocol, version 3: where messages begin and end, and
// which of them ask for an answer.
const (
	kindParse    = 'P'
	kindBind     = 'B'
	kindDescribe = 'D'
	kindExecute  = 'E'
	kindClose    = 'C'
	kindSync     = 'S'
	kindQuery    = 'Q'
	kindKey      = 'K' // from the server: what a request to cancel a query has to show
	kindReady    = 'Z' // from the server: the answer ends here

	codeCancel = 80877102
	codeTLS    = 80877103
	codeGSS    = 80877104

	headerBytes     = 5 // kind, length
	startupBytesMax = 10_000
	messageBytesMax = 1 << 30
	batchBytesMax   = 64 << 20 // that are held back; of a longer batch the beginning is passed on
)

var errMalformed = errors.New("malformed message")

// appendMessage reads one message and appends it, header and all.
func appendMessage(to []byte, r *bufio.Reader) (kind byte, message []byte, err error) {
	var header [headerBytes]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return 0, to, err
	}
	length := binary.BigEndian.Uint32(header[1:])
	if length < 4 || length > messageBytesMax {
		return 0, to, fmt.Errorf("%w: length %d", errMalformed, length)
	}
	to = append(to, header[:]...)
	body := int(length) - 4
	// Grown as it is read: a length alone takes no memory.
	for body > 0 {
		part := min(body, 1<<20)
		to = slices.Grow(to, part)
		n, err := io.ReadFull(r, to[len(to):len(to)+part])
		to = to[:len(to)+n]
		if err != nil {
			return 0, to, err
		}
		body -= part
	}
	return header[0], to, nil
}

// readStartup reads the first message of a connection, which has no kind, and returns its code.
func readStartup(r *bufio.Reader) (code uint32, message []byte, err error) {
	var header [8]byte // length, code
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return 0, nil, err
	}
	length := binary.BigEndian.Uint32(header[:])
	if length < 8 || length > startupBytesMax {
		return 0, nil, fmt.Errorf("%w: length %d", errMalformed, length)
	}
	message = make([]byte, length)
	copy(message, header[:])
	_, err = io.ReadFull(r, message[8:])
	return binary.BigEndian.Uint32(header[4:]), message, err
}

// applicationName returns the name that a client gives itself in its first message.
func applicationName(startup []byte) string {
	var message pgproto3.StartupMessage
	if err := message.Decode(startup[4:]); err != nil {
		return ""
	}
	return message.Parameters["application_name"]
}

// cancelKey returns what a request to cancel shows.
func cancelKey(cancel []byte) string { return string(cancel[8:]) }

// batch gathers a client's messages until one of them asks for an answer. It is used again.
type batch struct {
	bytes       []byte
	executes    int  // since the last answer was asked for
	lastExecute int  // where the last Execute begins in bytes; -1 when none is held
	commit      bool // it is a COMMIT of its own
}

// read takes the client's next message in, and reports whether what is held must be passed on now,
// and whether that ends the batch.
func (b *batch) read(r *bufio.Reader) (pass, complete bool, err error) {
	begin := len(b.bytes)
	kind, bytes, err := appendMessage(b.bytes, r)
	b.bytes = bytes
	if err != nil {
		return false, false, err
	}
	switch kind {
	case kindExecute:
		b.executes++
		b.lastExecute = begin
	case kindParse, kindBind, kindDescribe, kindClose:
	case kindSync:
		return true, true, nil
	case kindQuery:
		b.commit = isCommit(b.bytes[begin+headerBytes:])
		return true, true, nil
	default:
		return true, false, nil // Flush, COPY's data, passwords, the end
	}
	return len(b.bytes) > batchBytesMax, false, nil
}

// passed forgets what has been passed on.
func (b *batch) passed(complete bool) {
	b.bytes = b.bytes[:0]
	b.lastExecute = -1
	if complete {
		b.executes = 0
		b.commit = false
	}
}

// beginning returns a part of what is held, so short that the server cannot commit it.
func (b *batch) beginning(part float64) []byte {
	limit := len(b.bytes) - 1
	if b.lastExecute >= 0 {
		limit = b.lastExecute // it may be a COMMIT, which does not wait for Sync
	}
	return b.bytes[:share(limit, part)]
}

// share returns a part of a number: all but one of it at most, and at least none.
func share(of int, part float64) int { return max(0, min(int(part*float64(of)), of-1)) }

func isCommit(query []byte) bool {
	words := strings.FieldsFunc(strings.ToLower(string(query)), func(r rune) bool { return r <= ' ' || r == ';' })
	return len(words) > 0 && (words[0] == "commit" || words[0] == "end")
}
