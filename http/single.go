package http

import (
	"bytes"

	"github.com/penstock-dev/penstock/commerce"
)

// singleFields are the places of header fields that must not be sent twice: which of the two is
// meant would be a guess, and a proxy in front may guess otherwise.
const (
	singleIdempotencyKey = iota
	singleCaller
	singleContentType
	singleIfMatch
	singleFields
)

func singleName(field int) string {
	return [singleFields]string{headerIdempotencyKey, headerCaller, headerContentType, headerIfMatch}[field]
}

// checkSingleFields refuses header fields of one value that are sent more than once, and an
// idempotency key that is sent but empty: its sender believes to be protected. fasthttp keeps one
// of several Content-Type fields, so that the header block is read as it was sent.
func (r *request) checkSingleFields() error {
	var sent [singleFields]int
	empty := false
	for line := range bytes.Lines(r.ctx.Request.Header.RawHeaders()) {
		name, value, _ := bytes.Cut(line, []byte{':'})
		field := singleField(bytes.TrimRight(name, " \t"))
		if field < 0 {
			continue
		}
		sent[field]++
		empty = empty || field == singleIdempotencyKey && len(bytes.TrimSpace(value)) == 0
	}
	var faults []commerce.Violation
	for field, n := range sent {
		switch {
		case n > 1:
			faults = append(faults, commerce.Violation{Pointer: singleName(field), Detail: "must be sent once"})
		case field == singleIdempotencyKey && empty:
			faults = append(faults, commerce.Violation{Pointer: headerIdempotencyKey, Detail: "must not be empty"})
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return &commerce.Error{Code: commerce.CodeValidation, Detail: "the request is not valid", Violations: faults}
}

// singleField returns the place of a header field by its name, in any case, or -1. It stands on
// the way of every request, hence looks at the length first: the names differ in it.
func singleField(name []byte) int {
	var field int
	switch len(name) {
	case len(headerIdempotencyKey):
		field = singleIdempotencyKey
	case len(headerContentType):
		field = singleContentType
	case len(headerCaller):
		field = singleCaller
	case len(headerIfMatch):
		field = singleIfMatch
	default:
		return -1
	}
	if !bytes.EqualFold(name, []byte(singleName(field))) {
		return -1
	}
	return field
}
