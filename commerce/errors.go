package commerce

import (
	"fmt"
	"time"
)

// Code names a kind of refusal. Codes are part of the API: clients branch on them, never on text.
type Code string

// The codes of refusals. The comment after each says whose turn it is.
const (
	CodeValidation          Code = "validation_failed"     // caller: mend the request
	CodeNotFound            Code = "not_found"             // caller
	CodeInsufficientStock   Code = "insufficient_stock"    // caller: ask for less, or later
	CodePriceChanged        Code = "price_changed"         // caller: show the new price
	CodeProductArchived     Code = "product_archived"      // caller: it is no longer sold
	CodeCurrencyMismatch    Code = "currency_mismatch"     // caller: one currency an order
	CodeInvalidTransition   Code = "invalid_transition"    // caller: the order is in another state
	CodeSKUTaken            Code = "sku_taken"             // caller: choose another SKU
	CodeIdempotencyInFlight Code = "idempotency_in_flight" // caller: the first request is still running
	CodeIdempotencyMismatch Code = "idempotency_mismatch"  // caller: the key was used for something else
	CodePrecondition        Code = "precondition_failed"   // caller: read again, then decide
	CodePreconditionMissing Code = "precondition_required" // caller: send If-Match
	CodeOverloaded          Code = "overloaded"            // try again: nothing was done
	CodeOutcomeUnknown      Code = "outcome_unknown"       // try again with the same key
	CodeStoreUnavailable    Code = "store_unavailable"     // try again: nothing was done
	CodeQuarantined         Code = "quarantined"           // operator: the product's books do not add up
	CodeFenced              Code = "fenced"                // operator: a newer process owns the store
	CodeCustomerLimit       Code = "customer_limit"        // caller: as much as one customer may have
	CodeForbidden           Code = "forbidden"             // caller: ask somebody who may
	CodeInternal            Code = "internal_error"        // us: a bug
)

// Violation is one fault in a request: where, and what would be right.
type Violation struct {
	// Pointer is a JSON pointer (RFC 6901) into the body, or the name of a parameter or header.
	Pointer string
	Detail  string
}

// Error is a refusal with a code and a text that is safe to show. The optional fields carry what
// a client needs to act without reading the text.
type Error struct {
	Code       Code
	Detail     string
	Violations []Violation

	// Product and Available say which item is short and how many units are left
	// (insufficient_stock), or which product the refusal is about.
	Product   ID
	Available int64
	// Order names the order whose outcome is not known yet (outcome_unknown).
	Order ID
	// Price is the catalogue's price (price_changed).
	Price Money
	// RetryAfter is how long to wait before the same request can succeed; zero says nothing.
	RetryAfter time.Duration
}

// Error implements error.
func (e *Error) Error() string {
	if len(e.Violations) > 0 {
		return fmt.Sprintf("%s: %s (%s: %s)", e.Code, e.Detail, e.Violations[0].Pointer, e.Violations[0].Detail)
	}
	return string(e.Code) + ": " + e.Detail
}

// Is lets errors.Is compare by code: errors.Is(err, &Error{Code: CodeNotFound}).
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Errorf makes a refusal with a formatted text.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// NoProduct says that there is no such product.
func NoProduct(id ID) *Error {
	return &Error{Code: CodeNotFound, Product: id, Detail: "there is no product " + id.String()}
}

// NoOrder says that there is no such order, or none that the principal may know of: both in the same words.
func NoOrder(id ID) *Error {
	return &Error{Code: CodeNotFound, Detail: "there is no order " + id.String()}
}

// invalid makes a validation refusal out of its violations; nil when there are none.
func invalid(violations []Violation) error {
	if len(violations) == 0 {
		return nil
	}
	return &Error{Code: CodeValidation, Detail: "the request is not valid", Violations: violations}
}
