package http

import (
	"strconv"
	"time"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/commerce"
)

// Limiter says how often a caller may ask.
type Limiter interface {
	// Take counts one request of a caller in a class.
	Take(caller string, class access.Class) access.Decision
}

// limitRate counts the request against its caller's rate. Who is believed without proof is not limited: nothing
// would be gained from a caller who may name himself anew each time.
func (s *Server) limitRate(r *request) error {
	class := r.route.Class
	if s.cfg.Limiter == nil || r.believed || class == access.ClassNone || r.identity != nil && r.identity.Process {
		return nil
	}
	caller := r.by.Subject
	switch {
	case r.identity == nil:
		if r.client().IsLoopback() { // a proxy on this machine, or somebody who could do worse
			return nil
		}
		caller = r.addressName()
	case r.by.Customer != r.by.Subject && (class == access.ClassRead || class == access.ClassWrite):
		// A shop's program acts for many customers, each with a rate of its own. Exports and sums are for nobody
		// in particular: naming another customer each time must not get more of them.
		caller += "\n" + r.by.Customer
	}
	return s.take(r, caller, class)
}

// addressName is the name that a caller's address is counted under: of IPv6 the network, because who has one
// address there has all of them. No subject begins like it.
func (r *request) addressName() string {
	return string(networkOf(r.client()).AppendTo(append(r.buf[:0], '\n')))
}

// take counts, and tells the caller how it stands (IETF draft-ietf-httpapi-ratelimit-headers).
func (s *Server) take(r *request, caller string, class access.Class) error {
	d := s.cfg.Limiter.Take(caller, class)
	if d.Limit <= 0 {
		return nil // no limit
	}
	name := class.String()
	header := &r.ctx.Response.Header
	field := append(append(append(r.buf[:0], '"'), name...), `";r=`...)
	field = append(strconv.AppendInt(field, int64(d.Remaining), 10), ";t="...)
	field = strconv.AppendInt(field, wholeSeconds(d.Reset), 10)
	header.SetCanonical(r.keys.rateLimit, field)
	field = append(append(append(r.buf[:0], '"'), name...), `";q=`...)
	field = append(strconv.AppendInt(field, 2*int64(d.Limit), 10), ";w=2"...) // what a bucket of two seconds holds
	header.SetCanonical(r.keys.rateLimitPolicy, field)
	if d.Allowed {
		return nil
	}
	return &commerce.Error{
		Code: codeTooManyRequests, RetryAfter: max(d.RetryAfter, time.Second),
		Detail: "too many requests of this kind (" + name + "): at most " + strconv.Itoa(d.Limit) + " a second",
	}
}

// wholeSeconds rounds up: who waits that long has waited long enough.
func wholeSeconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }
