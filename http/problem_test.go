package http

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// codesOf returns the constants of type Code that a source file declares.
func codesOf(t *testing.T, path, typeName string) []commerce.Code {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	require.NoError(t, err)
	var codes []commerce.Code
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Type == nil {
			return true
		}
		if name := fmt.Sprint(spec.Type); !strings.Contains(name, typeName) {
			return true
		}
		for _, v := range spec.Values {
			text, err := strconv.Unquote(v.(*ast.BasicLit).Value) //nolint:forcetypeassert // all are literals
			require.NoError(t, err)
			codes = append(codes, commerce.Code(text))
		}
		return true
	})
	require.NotEmpty(t, codes)
	return codes
}

func TestStatusOf_KnowsEveryCode(t *testing.T) {
	t.Parallel()
	codes := append(codesOf(t, "../commerce/errors.go", "Code"), codesOf(t, "problem.go", "Code")...)
	require.Contains(t, codes, commerce.CodeFenced)
	require.Contains(t, codes, codeTooManyRequests)
	titles := make(map[string]commerce.Code)
	var table strings.Builder
	for _, code := range codes {
		status, title := statusOf(code)
		require.NotZero(t, status, "%s has no row", code)
		require.NotEmpty(t, title)
		require.Empty(t, titles[title], "%s and %s share a title", code, titles[title])
		titles[title] = code
		fmt.Fprintf(&table, "%d %s: %s\n", status, code, title)
	}
	golden(t, "codes.txt", table.String())
	status, _ := statusOf("no_such_code")
	require.Zero(t, status)
}

func TestRefuse_AnswersEveryRefusalOfTheEngine(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	place := call{"POST", pathOrders, orderBody, nil}
	var out strings.Builder
	for _, refusal := range []error{
		&commerce.Error{Code: commerce.CodeNotFound, Product: sampleID(2), Detail: "there is no such product"},
		&commerce.Error{Code: commerce.CodeInsufficientStock, Product: sampleID(2), Available: 1, Detail: "1 unit left"},
		&commerce.Error{
			Code: commerce.CodePriceChanged, Product: sampleID(2), Detail: "it costs 1300 now",
			Price: commerce.Money{Amount: 1300, Currency: commerce.DefaultCurrency()},
		},
		&commerce.Error{Code: commerce.CodeIdempotencyMismatch, Detail: "the key was used for another order"},
		&commerce.Error{Code: commerce.CodeIdempotencyInFlight, Detail: "it is still running", RetryAfter: time.Second},
		&commerce.Error{Code: commerce.CodeOutcomeUnknown, Order: sampleID(1), Detail: "ask again", RetryAfter: 1500 * time.Millisecond},
		&commerce.Error{Code: commerce.CodeOverloaded, Detail: "try again"},
		&commerce.Error{Code: commerce.CodeQuarantined, Product: sampleID(2), Detail: "its books do not add up"},
		fmt.Errorf("read the order: %w", persistence.ErrNotFound),
		fmt.Errorf("commit: %w", persistence.ErrUnavailable),
		fmt.Errorf("commit: %w", persistence.ErrClosed),
		fmt.Errorf("commit: %w", persistence.ErrFenced),
		fmt.Errorf("read: %w", context.DeadlineExceeded),
		fmt.Errorf("place the order: %w", &commerce.Error{Code: commerce.CodeSKUTaken, Detail: "wrapped"}),
		&commerce.Error{Code: commerce.CodeInternal, Detail: "the grain failed; nothing was done"},
		&commerce.Error{Code: "never_heard_of", Detail: "secret of the engine"},
		errors.New("secret of the store: SELECT 1"),
	} {
		b.engine.placeOrder = func(*commerce.PlaceOrder) (actors.OrderReceipt, error) { return actors.OrderReceipt{}, refusal }
		a := b.do(t, place)
		require.NotContains(t, a.body, "secret")
		require.Equal(t, contentTypeProblem, a.field("Content-Type"))
		inFlight := errors.Is(refusal, &commerce.Error{Code: commerce.CodeIdempotencyInFlight})
		require.Equal(t, a.status == 503 || inFlight, a.field("Retry-After") != "")
		fmt.Fprintf(&out, "engine: %v\n", refusal)
		show(t, &out, call{}, a)
		out.WriteString("\n")
	}
	golden(t, "refusals.txt", out.String())
	require.Equal(t, 3, strings.Count(b.log.String(), `"message":"request failed"`), "unexpected errors are logged once")
	require.Contains(t, b.log.String(), "secret of the store: SELECT 1")
}

func TestRefuse_APanicCostsItsOwnRequestOnly(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.engine.placeOrder = func(*commerce.PlaceOrder) (actors.OrderReceipt, error) { panic("boom") }
	a := b.do(t, call{"POST", pathOrders, orderBody, nil})
	require.Equal(t, 500, a.status)
	require.Contains(t, a.body, `"code":"internal_error"`)
	require.NotContains(t, a.body, "boom")
	require.Contains(t, b.log.String(), "handler panicked: boom")
	require.Contains(t, b.log.String(), "placeOrder", "the log holds the stack")
	require.Equal(t, 200, b.do(t, call{"GET", "/livez", "", nil}).status)
}
