package wire_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
	"github.com/penstock-dev/penstock/persistence"
)

// pretty checks that an answer is JSON and lays it out for reading, in the order it was written.
func pretty(t *testing.T, text []byte) string {
	t.Helper()
	require.True(t, json.Valid(text), "%s", text)
	var b bytes.Buffer
	require.NoError(t, json.Indent(&b, text, "", "  "))
	return b.String()
}

func TestAppend_WritesTheAnswersOfTheAPI(t *testing.T) {
	t.Parallel()
	shipped := sampleOrder()
	shipped.Status, shipped.Version = commerce.StatusShipped, 4
	shipped.Carrier, shipped.TrackingNumber, shipped.Note = "CJ", "7-1", "<b>\"&\u2028\x01\\"
	shipped.Address.Phone, shipped.Address.Street2, shipped.Address.State = "010", "3F", "Gangnam"
	cancelled := sampleOrder()
	cancelled.Status, cancelled.CancelReason, cancelled.Version = commerce.StatusCancelled, "too late", 2
	product, stock := sampleProduct()
	bare := &commerce.Product{ID: sampleID(9), Name: "Cup", Version: 1, Archived: true, CreatedAt: at(), UpdatedAt: at()}
	bare.Price.Currency = commerce.DefaultCurrency()
	movements := []commerce.Movement{
		{
			Product: sampleID(2), Order: sampleID(1), AllocatedDelta: 2, Reason: commerce.ReasonPlaced, Actor: "kim",
			At: at(), Level: stock,
		},
		{Product: sampleID(2), OnHandDelta: -5, Reason: "sold", At: at().In(time.FixedZone("", 9*3600)), Level: stock},
	}
	events := []commerce.Event{
		{Entity: shipped.ID, Seq: 1, Type: commerce.EventOrderPlaced, At: at(), Actor: "kim", Status: commerce.StatusPending},
		{
			Entity: shipped.ID, Seq: 2, Type: commerce.EventOrderShipped, At: at(), Status: commerce.StatusShipped,
			Carrier: "CJ", TrackingNumber: "7-1", Note: "n", Reason: "r",
		},
	}
	report := &persistence.Report{Products: 1, Orders: 2, Movements: 3, Events: 4, Keys: 5, At: at()}
	wrong := &persistence.Report{At: at()}
	wrong.Add("stock_sum", "a\"b", "is wrong")

	for name, got := range map[string][]byte{
		"order_pending":   wire.AppendOrder(nil, sampleOrder()),
		"order_shipped":   wire.AppendOrder(nil, shipped),
		"order_cancelled": wire.AppendOrder(nil, cancelled),
		"orders":          wire.AppendOrders(nil, []*commerce.Order{cancelled, shipped}, wire.OrderCursor(shipped.ID)),
		"orders_none":     wire.AppendOrders(nil, nil, ""),
		"tracking":        wire.AppendTracking(nil, shipped, events),
		"product":         wire.AppendProduct(nil, product, stock),
		"products": wire.AppendProducts(nil, []persistence.ProductRow{
			{Product: product, Stock: stock}, {Product: bare},
		}, 2, 20, 22),
		"products_none": wire.AppendProducts(nil, nil, 1, 20, 0),
		"movement":      wire.AppendMovement(nil, &movements[0]),
		"movements":     wire.AppendMovements(nil, movements, wire.MovementCursor(3406)),
		"report":        wire.AppendReport(nil, report),
		"report_wrong":  wire.AppendReport(nil, wrong),
		"status":        wire.AppendStatus(nil, "ok"),
		"health": wire.AppendHealth(nil, &wire.Health{
			Status: "unavailable", Store: "disk full: /data", Writer: "stalled", Quarantined: 1, Version: "v1",
			Uptime: 90 * time.Second,
		}),
	} {
		golden(t, name+".json", pretty(t, got)+"\n")
	}
}

func TestAppendProblem_CarriesWhatAClientActsOn(t *testing.T) {
	t.Parallel()
	for name, refusal := range map[string]*commerce.Error{
		"validation": {Code: commerce.CodeValidation, Detail: "the request is not valid", Violations: []commerce.Violation{
			{Pointer: "", Detail: "d"},
			{Pointer: "/items/0", Detail: "d"},
			{Pointer: "Idempotency-Key", Detail: "d"},
			{Pointer: "per_page", Detail: "d"},
		}},
		"insufficient": {Code: commerce.CodeInsufficientStock, Detail: "d", Product: sampleID(2), Available: 0},
		"price": {
			Code: commerce.CodePriceChanged, Detail: "d", Product: sampleID(2),
			Price: commerce.Money{Amount: 1300, Currency: commerce.DefaultCurrency()},
		},
		"unknown": {Code: commerce.CodeOutcomeUnknown, Detail: "d", Order: sampleID(1)},
	} {
		got := wire.AppendProblem(nil, &wire.Problem{
			Refusal: refusal, Title: "Title", Status: 400, Instance: "/api/v2/orders", CorrelationID: "c-1",
		})
		golden(t, "problem_"+name+".json", pretty(t, got)+"\n")
	}
}

func TestAppend_KeepsWhatTheBufferHolds(t *testing.T) {
	t.Parallel()
	got := wire.AppendOrder([]byte("before "), sampleOrder())
	require.Equal(t, "before "+string(wire.AppendOrder(nil, sampleOrder())), string(got))
}

func TestAppendOrder_AllocatesNothing(t *testing.T) { //nolint:paralleltest // counts allocations
	order, buf := sampleOrder(), make([]byte, 0, 4096)
	require.Zero(t, testing.AllocsPerRun(100, func() { buf = wire.AppendOrder(buf[:0], order) }))
}

func TestAppend_WritesTimesAsTheStandardLibraryDoes(t *testing.T) {
	t.Parallel()
	zones := []*time.Location{time.UTC, time.FixedZone("", 9*3600), time.FixedZone("", -7*3600)}
	rapid.Check(t, func(t *rapid.T) {
		at := time.UnixMilli(rapid.Int64Range(-62135596800000, 253402300799999).Draw(t, "ms")).
			Add(time.Duration(rapid.Int64Range(0, 999_999).Draw(t, "ns"))).In(rapid.SampledFrom(zones).Draw(t, "zone"))
		want := at.UTC().Format("2006-01-02T15:04:05.000Z")
		got := wire.AppendReport(nil, &persistence.Report{At: at})
		require.True(t, bytes.HasSuffix(got, []byte(`"at":"`+want+`"}`)), "%s: %s", want, got)
	})
}
