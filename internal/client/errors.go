package client

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-dev/penstock/commerce"
)

// TargetError says that a target is no base URL of a server: the caller's mistake.
type TargetError struct {
	Target string
	Detail string
}

// Error implements error.
func (e *TargetError) Error() string {
	return fmt.Sprintf("target %q %s; a target looks like http://127.0.0.1:8000", e.Target, e.Detail)
}

// UnavailableError says that a server gave no answer, however often it was asked.
type UnavailableError struct {
	Target   string
	Attempts int
	Err      error
}

// Error implements error.
func (e *UnavailableError) Error() string {
	return fmt.Sprintf("no answer from %s after %d attempts: %v", e.Target, e.Attempts, e.Err)
}

// Unwrap returns what the last attempt failed with.
func (e *UnavailableError) Unwrap() error { return e.Err }

// ProblemError is a refusal: an application/problem+json answer, or any other answer outside 2xx.
type ProblemError struct {
	Status     int
	Code       commerce.Code // empty when the answer was no problem document
	Detail     string
	Violations []commerce.Violation
	RetryAfter time.Duration
}

// Error implements error.
func (e *ProblemError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d", e.Status)
	if e.Code != "" {
		fmt.Fprintf(&b, " %s", e.Code)
	}
	if e.Detail != "" {
		fmt.Fprintf(&b, ": %s", e.Detail)
	}
	for i, v := range e.Violations {
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		fmt.Fprintf(&b, "%s%s %s", sep, v.Pointer, v.Detail)
	}
	return b.String()
}

// CodeOf returns the code of a refusal, or "" when err is none.
func CodeOf(err error) commerce.Code {
	var problem *ProblemError
	if errors.As(err, &problem) {
		return problem.Code
	}
	return ""
}

// IsUnavailable reports whether the server could not be asked, or can do nothing for anybody now:
// going on with other requests is useless.
func IsUnavailable(err error) bool {
	var unavailable *UnavailableError
	var problem *ProblemError
	return errors.As(err, &unavailable) || errors.As(err, &problem) && problem.passing()
}

// repeatable reports whether the same request may succeed later. An error that is no problem comes
// from the connection; the server may or may not have acted, which the idempotency key tells.
func repeatable(err error) bool {
	var problem *ProblemError
	return !errors.As(err, &problem) || problem.passing() || problem.Status == 429 ||
		problem.Code == commerce.CodeIdempotencyInFlight
}

// passing reports whether the refusal is about the server's state and not about the request. A
// quarantined product waits for an operator, and only its own orders wait with it.
func (e *ProblemError) passing() bool {
	return e.Status >= 502 && e.Status <= 504 && e.Code != commerce.CodeQuarantined
}

// problemTextMax bounds what is shown of an answer that is no problem document.
const problemTextMax = 200

func problemOf(status int, body []byte, retryAfter string) *ProblemError {
	problem := &ProblemError{Status: status}
	var document struct {
		Code   commerce.Code `json:"code"`
		Title  string        `json:"title"`
		Detail string        `json:"detail"`
		Errors []struct {
			Pointer   string `json:"pointer"`
			Header    string `json:"header"`
			Parameter string `json:"parameter"`
			Detail    string `json:"detail"`
		} `json:"errors"`
	}
	if err := json.Unmarshal(body, &document); err == nil {
		problem.Code, problem.Detail = document.Code, cmp.Or(document.Detail, document.Title)
		for _, e := range document.Errors {
			problem.Violations = append(problem.Violations, commerce.Violation{
				Pointer: cmp.Or(e.Pointer, e.Header, e.Parameter), Detail: e.Detail,
			})
		}
	} else {
		problem.Detail = strings.ToValidUTF8(string(body[:min(len(body), problemTextMax)]), "�")
	}
	if seconds, err := strconv.ParseUint(retryAfter, 10, 31); err == nil {
		problem.RetryAfter = time.Duration(seconds) * time.Second
	}
	return problem
}
