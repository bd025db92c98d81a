package http

import "github.com/penstock-dev/penstock/commerce"

func singleName(field int) string {
	return [singleFields]string{
		headerIdempotencyKey, headerCaller, headerContentType, headerIfMatch, headerAuthorization, headerOrigin,
	}[field]
}

// checkSingleFields refuses header fields of one value that are sent more than once: which of the two is
// meant would be a guess, and a proxy in front may guess otherwise. An idempotency key that is sent but
// empty is refused, too: its sender believes to be protected. REQUIRES: the head has been read.
func (r *request) checkSingleFields() error {
	var faults []commerce.Violation
	for field, n := range r.head.sent[:singleFields] {
		switch {
		case n > 1:
			faults = append(faults, commerce.Violation{Pointer: singleName(field), Detail: "must be sent once"})
		case field == fieldIdempotencyKey && r.head.emptyKey:
			faults = append(faults, commerce.Violation{Pointer: headerIdempotencyKey, Detail: "must not be empty"})
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return &commerce.Error{Code: commerce.CodeValidation, Detail: "the request is not valid", Violations: faults}
}
