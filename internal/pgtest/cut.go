package pgtest

import (
	"strings"
	"sync"
)

// CutMode is the moment of a commit at which a connection is cut.
type CutMode int

const (
	// CutBeforeRequest passes on a part of the request only: it is never committed.
	CutBeforeRequest CutMode = iota

	// CutAfterRequest passes on the whole request and cuts the client off at once, while the server
	// still works on it: it is committed, but perhaps later than the client is back. A request to
	// cancel it is lost too.
	CutAfterRequest

	// CutAfterAnswer waits for the server's answer and withholds it: committed when the client sees
	// the cut.
	CutAfterAnswer

	// CutDuringAnswer does the same, but passes on a part of the answer.
	CutDuringAnswer
)

// String returns the mode's name.
func (m CutMode) String() string {
	switch m {
	case CutBeforeRequest:
		return "before request"
	case CutAfterRequest:
		return "after request"
	case CutAfterAnswer:
		return "after answer"
	case CutDuringAnswer:
		return "during answer"
	default:
		return "unknown"
	}
}

// Cut describes a batch of messages that is to be cut. A batch is what a client sends up to a Sync,
// or one simple query.
type Cut struct {
	Application string // the beginning of the connection's application_name; empty is any
	Mode        CutMode

	// ExecutesMin is how many Execute messages the batch has at least; 0 is 1, so that preparing and
	// pinging do not count. A simple query COMMIT always counts.
	ExecutesMin int

	// Part is the share of the bytes that is passed on, of the request (CutBeforeRequest) or of the
	// answer (CutDuringAnswer); never all of them. 0 ≤ Part < 1.
	Part float64
}

func (c *Cut) matches(application string, b *batch) bool {
	return strings.HasPrefix(application, c.Application) && (b.commit || b.executes >= max(1, c.ExecutesMin))
}

// armed is a cut that waits for its batch.
type armed struct {
	Cut

	once sync.Once
	done chan struct{}
}

// finish says that the client's connection has been cut.
func (a *armed) finish() { a.once.Do(func() { close(a.done) }) }
