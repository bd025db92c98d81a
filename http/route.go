package http

import (
	"fmt"
	"slices"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/commerce"
)

// Route is one operation of the API, described once: the router, the checks of its parameters and
// body, its metrics and the API document are made from it.
type Route struct {
	Method     string
	Path       string // the template, with {id} for the id of a product or an order
	Operation  string // its name in the document
	Tag        string
	Summary    string
	Parameters []Parameter
	AnyQuery   bool // query parameters are ignored: probes and scrapers add their own
	Body       *Body
	Answers    []Answer
	Problems   []commerce.Code // besides those of every route
	Policy     policy          // who may use it
	Class      access.Class    // which rate it counts against
	Place      place           // at which listeners it can be asked for
	Ticket     bool            // a ticket in the query may stand for a credential: browsers' sockets
	Handle     func(*Server, *request) error
}

// Body describes what a route reads.
type Body struct {
	Schema   string   // in the document's components
	Types    []string // media types; the first is the usual one
	Optional bool     // the parameters can say it instead
}

// Answer describes what a route answers when it does what it was asked for.
type Answer struct {
	Status      int
	Schema      string   // in the document's components, or "" when there is no body
	Type        string   // media type; "" is JSON
	OtherTypes  []string // it may have one of these instead: the parameters say
	Headers     []string
	Description string
}

// parameter returns the position of a path or query parameter, or -1.
func (r *Route) parameter(name string) int {
	for i := range r.Parameters {
		if p := &r.Parameters[i]; p.Name == name && p.In != InHeader {
			return i
		}
	}
	return -1
}

// mustParameter returns the position of a parameter that a handler reads. A parameter missing in
// the registry is our bug.
func (r *Route) mustParameter(name string) int {
	at := r.parameter(name)
	if at < 0 {
		panic(fmt.Sprintf("route %s has no parameter %q", r.Operation, name))
	}
	return at
}

// problems returns every code that the route can answer with.
func (r *Route) problems() []commerce.Code {
	codes := everyProblem()
	if r.Class != access.ClassNone {
		codes = append(codes, codeTooManyRequests)
	}
	if r.Body != nil {
		codes = append(codes, codeMediaType)
	}
	codes = append(codes, r.Problems...)
	slices.Sort(codes)
	return slices.Compact(codes)
}

// everyProblem returns the codes that any route can answer with: the request may be none, and the caller
// nobody.
func everyProblem() []commerce.Code {
	return []commerce.Code{
		commerce.CodeValidation, codeBadRequest, codeUnauthenticated, commerce.CodeForbidden, codeOriginRefused, codeProxyRefused,
		codeRequestTimeout, codePayloadTooLarge, codeURITooLong, codeHostRefused, codeHeaderTooLarge, commerce.CodeOverloaded,
		commerce.CodeStoreUnavailable, commerce.CodeInternal,
	}
}
