package wire

import (
	"strings"

	"github.com/penstock-dev/penstock/commerce"
)

// ProblemTypePrefix and a code make the type of a problem: a stable name, not a page.
const ProblemTypePrefix = "https://penstock.dev/problems/"

// Problem is a refusal on its way out (RFC 9457), with the fields a client needs to act without
// reading the text.
type Problem struct {
	Refusal       *commerce.Error
	Title         string
	Status        int
	Instance      string // the path that was asked for, or ""
	CorrelationID string
}

// AppendProblem appends a problem.
func AppendProblem(dst []byte, p *Problem) []byte {
	e := p.Refusal
	dst = append(dst, `{"type":"`...)
	dst = append(dst, ProblemTypePrefix...)
	dst = append(dst, e.Code...)
	dst = append(dst, '"')
	dst = fieldText(dst, "title", p.Title)
	dst = fieldInt(dst, "status", int64(p.Status))
	dst = fieldText(dst, "detail", e.Detail)
	dst = fieldSome(dst, "instance", p.Instance)
	dst = fieldText(dst, "code", string(e.Code))
	dst = fieldText(dst, "correlation_id", p.CorrelationID)
	dst = appendViolations(dst, e.Violations)
	return append(appendFacts(dst, e), '}')
}

// appendFacts appends what the refusal is about.
func appendFacts(dst []byte, e *commerce.Error) []byte {
	if !e.Product.IsZero() {
		dst = fieldID(dst, "product_id", e.Product)
	}
	switch e.Code {
	case commerce.CodeInsufficientStock, commerce.CodeCustomerLimit:
		dst = fieldInt(dst, "available", e.Available)
	case commerce.CodePriceChanged:
		dst = fieldInt(dst, "price", e.Price.Amount)
		dst = fieldCurrency(dst, e.Price.Currency)
	}
	if !e.Order.IsZero() {
		dst = fieldID(dst, "order_id", e.Order)
	}
	return dst
}

func appendViolations(dst []byte, violations []commerce.Violation) []byte {
	if len(violations) == 0 {
		return dst
	}
	dst = append(field(dst, "errors"), '[')
	for i := range violations {
		v := &violations[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '{', '"')
		dst = append(dst, placeKind(v.Pointer)...)
		dst = append(dst, '"', ':')
		dst = appendText(dst, v.Pointer)
		dst = fieldText(dst, "detail", v.Detail)
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

// placeKind tells a JSON pointer, the name of a header and that of a parameter apart: a pointer is
// empty or starts with a slash, a header's name with a capital letter, a parameter's with a small
// one.
func placeKind(place string) string {
	switch {
	case place == "" || strings.HasPrefix(place, "/"):
		return "pointer"
	case place[0] >= 'A' && place[0] <= 'Z':
		return "header"
	default:
		return "parameter"
	}
}
