package access

import "time"

// Class is a kind of operation that has a rate of its own.
type Class uint8

// The classes. What is in ClassNone is not limited.
const (
	ClassNone Class = iota
	ClassRead
	ClassWrite
	ClassExport
	ClassAnalytics
	ClassRefused // credentials that proved nothing, by address
	classes
)

// String returns the class's name in header fields and settings.
func (c Class) String() string {
	return [classes]string{"none", "read", "write", "export", "analytics", "refused"}[c]
}

// Decision is what a limiter says of one request.
type Decision struct {
	Allowed    bool
	Limit      int           // requests a second; 0: there is no limit
	Remaining  int           // that would be allowed at once
	Reset      time.Duration // until all are allowed again
	RetryAfter time.Duration // until the next is allowed, when this one is not
}
