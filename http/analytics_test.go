package http

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// sampleSums is a paid and a cancelled order.
func sampleSums() actors.SalesSums {
	s := actors.SalesSums{Orders: 3, Revenue: persistence.SumOf(2401)}
	s.ByStatus[commerce.StatusPaid] = actors.StatusSums{Orders: 2, Amount: persistence.SumOf(2401)}
	s.ByStatus[commerce.StatusCancelled] = actors.StatusSums{Orders: 1, Amount: persistence.SumOf(900)}
	return s
}

func (f *fakeEngine) Sales(_ context.Context, in *actors.Intervals) ([]actors.CurrencySales, error) {
	f.note(in.Range())
	sales := actors.CurrencySales{Currency: commerce.DefaultCurrency(), All: sampleSums(), Intervals: make([]actors.SalesSums, in.Len())}
	sales.Intervals[0] = sampleSums()
	return []actors.CurrencySales{sales}, nil
}

func (f *fakeEngine) ProductSales(_ context.Context, product commerce.ID, in *actors.Intervals) ([]actors.CurrencyProductSales, error) {
	f.note(product)
	sums := actors.ProductSums{Units: 3, Revenue: persistence.SumOf(3600), Cancelled: 1}
	sales := actors.CurrencyProductSales{Currency: commerce.DefaultCurrency(), All: sums, Intervals: make([]actors.ProductSums, in.Len())}
	sales.Intervals[0] = sums
	return []actors.CurrencyProductSales{sales}, nil
}

func (f *fakeEngine) TopProducts(_ context.Context, q persistence.TopQuery) ([]actors.TopProduct, error) {
	f.note(q)
	best := actors.TopProduct{Name: "Kettle", SKU: "K-1", ProductSales: persistence.ProductSales{
		Product: sampleID(2), Currency: commerce.DefaultCurrency(), Units: 5, Revenue: persistence.SumOf(6000), Cancelled: 2,
	}}
	second := best
	second.Product, second.Name, second.SKU, second.Units = sampleID(3), `a "bowl"`, "", 4
	other := best
	other.Currency = commerce.Currency{'U', 'S', 'D'}
	return []actors.TopProduct{best, second, other}, nil
}

func (f *fakeEngine) ScanOrders(ctx context.Context, _ *commerce.Principal, q persistence.OrderQuery, visit func(*commerce.Order) error) error {
	f.note(q)
	if f.scan == nil {
		return visit(sampleOrder())
	}
	return f.scan(ctx, visit)
}

// analyticsConversations are one successful request for each route about sales.
func analyticsConversations() []call {
	return []call{
		{"GET", pathAnalytics + "/summary?start_date=2026-03-28&end_date=2026-03-30&time_zone=Europe/Berlin", "", nil},
		{"GET", pathAnalytics + "/summary?start_date=2026-07-01&end_date=2026-07-14&interval=week", "", nil},
		{"GET", pathAnalytics + "/top-products?start_date=2026-07-01&end_date=2026-07-14&by=revenue&limit=3&time_zone=Asia/Seoul", "", nil},
		{"GET", productPath(2, "/sales?start_date=2026-01-31&end_date=2026-03-01&interval=month"), "", nil},
	}
}

func TestAnalytics_ConversationsAreThoseOnFile(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	var out strings.Builder
	for _, c := range analyticsConversations() {
		a := b.do(t, c)
		require.Equal(t, 200, a.status, a.body)
		show(t, &out, c, a)
		for _, asked := range b.engine.seen() {
			fmt.Fprintf(&out, "engine: %s\n", spell(asked))
		}
		out.WriteString("\n")
	}
	golden(t, "analytics.txt", out.String())
}

func TestAnalytics_BadRangesAreRefusedByName(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	const summary = pathAnalytics + "/summary?"
	for query, wants := range map[string][]string{
		"":                                {`"start_date"`, "is required"},
		"start_date=2026-02-30":           {`"start_date"`, "must be a date like 2026-07-14"},
		"start_date=2026-7-1":             {`"start_date"`, "must be a date"},
		"start_date=2026-07-01T00:00:00Z": {`"start_date"`, "at most 10 characters"},
		"start_date=1969-12-31":           {`"start_date"`, "must be a date"},
		"start_date=2026-07-02&end_date=2026-07-01":     {`"end_date"`, "must not be before start_date"},
		"start_date=2016-07-01&end_date=2026-07-01":     {`"end_date"`, "less than 10 years after"},
		"start_date=2025-01-01&end_date=2026-02-05":     {`"interval"`, "more than 400 intervals"},
		"start_date=2026-07-01&time_zone=Mars/Olympus":  {`"time_zone"`, "IANA"},
		"start_date=2026-07-01&time_zone=Local":         {`"time_zone"`, "IANA"},
		"start_date=2026-07-01&time_zone=../etc/passwd": {`"time_zone"`, "IANA"},
		"start_date=2026-07-01&interval=hour":           {`"interval"`, "must be one of day, week, month"},
		"start_date=x&end_date=y&time_zone=z":           {`"start_date"`, `"end_date"`, `"time_zone"`},
	} {
		a := b.do(t, call{"GET", summary + query, "", nil})
		require.Equal(t, 400, a.status, query)
		for _, want := range wants {
			require.Contains(t, a.body, want, query)
		}
	}
	a := b.do(t, call{"GET", pathAnalytics + "/top-products?start_date=2026-07-01&currency=XXX", "", nil})
	require.Equal(t, 400, a.status)
	require.Contains(t, a.body, "ISO 4217")
	require.Empty(t, b.engine.seen(), "the engine is not asked")
}

func TestAnalytics_LimitsAreAllowedToTheirLast(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, query := range []string{
		"start_date=2025-01-01&end_date=2026-02-04",                // 400 days
		"start_date=2016-07-02&end_date=2026-07-01&interval=month", // ten years
		"start_date=2026-07-01&end_date=2026-07-01",                // one day
		"start_date=1970-01-01&end_date=1970-01-02&time_zone=Asia/Seoul",
	} {
		a := b.do(t, call{"GET", pathAnalytics + "/summary?" + query, "", nil})
		require.Equal(t, 200, a.status, "%s: %s", query, a.body)
	}
}

func calendarOf(t interface {
	require.TestingT
	Helper()
}, zone, start, end string,
) *calendar {
	t.Helper()
	location, ok := zoneOf(zone)
	require.True(t, ok)
	from, ok := dateOf(start)
	require.True(t, ok)
	to, ok := dateOf(end)
	require.True(t, ok)
	return &calendar{zone: location, start: from, end: to}
}

func TestCalendar_DaysAreAsLongAsTheirZoneMakesThem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		zone, day string
		begins    string
		hours     float64
	}{
		{"Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00Z", 23},
		{"Europe/Berlin", "2026-10-25", "2026-10-24T22:00:00Z", 25},
		{"America/New_York", "2026-03-08", "2026-03-08T05:00:00Z", 23},
		{"Asia/Seoul", "2026-07-14", "2026-07-13T15:00:00Z", 24},
		{"Asia/Kathmandu", "2026-07-14", "2026-07-13T18:15:00Z", 24},
		{"Australia/Lord_Howe", "2026-04-05", "2026-04-04T13:00:00Z", 24.5}, // clocks go back by half an hour
		{"America/Santiago", "2026-09-06", "2026-09-06T04:00:00Z", 23},      // there is no midnight
		{"America/Asuncion", "2017-10-01", "2017-10-01T04:00:00Z", 23},      // there is no midnight
		{"America/Havana", "2026-11-01", "2026-11-01T04:00:00Z", 25},        // midnight comes twice
		{"America/Sao_Paulo", "2018-02-17", "2018-02-17T02:00:00Z", 25},     // its last hour comes twice
		{"Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z", 0},           // there was no such day
		{"Pacific/Apia", "2011-12-29", "2011-12-29T10:00:00Z", 24},
	} {
		cal := calendarOf(t, c.zone, c.day, c.day)
		begins, err := time.Parse(time.RFC3339, c.begins)
		require.NoError(t, err)
		r := cal.quarters()
		require.Equal(t, begins, r.From.Time(), "%s %s", c.zone, c.day)
		require.InDelta(t, c.hours, r.To.Time().Sub(r.From.Time()).Hours(), 0, "%s %s", c.zone, c.day)
	}
}

func TestCalendar_WeeksBeginOnMondayAndEndWithTheRange(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		interval int
		want     string
	}{
		{intervalDay, "01-01 01-01|01-02 01-02|01-03 01-03|01-04 01-04|01-05 01-05|01-06 01-06|"},
		{intervalWeek, "01-01 01-04|01-05 01-06|"}, // 2026 begins on a Thursday
		{intervalMonth, "01-01 01-06|"},
	} {
		cal := calendarOf(t, "UTC", "2026-01-01", "2026-01-06")
		require.NoError(t, cal.cut(c.interval))
		got := ""
		for i := range cal.firsts {
			got += cal.firsts[i].Format("01-02") + " " + cal.last(i).Format("01-02") + "|"
		}
		require.Equal(t, c.want, got)
	}
}

func TestCalendar_IntervalsFollowEachOtherAndCoverTheRange(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom([]string{
			"UTC", "Europe/Berlin", "America/Santiago", "Asia/Kolkata", "Pacific/Chatham", "Pacific/Apia", "Africa/Cairo", "Asia/Beirut",
		}).Draw(t, "zone")
		start := noon(2026, 1, rapid.IntRange(-12_000, 6_000).Draw(t, "start"))
		cal := calendarOf(t, zone, start.Format(time.DateOnly), start.AddDate(0, 0, rapid.IntRange(0, 399).Draw(t, "days")).Format(time.DateOnly))
		require.NoError(t, cal.cut(rapid.IntRange(intervalDay, intervalMonth).Draw(t, "interval")))
		r := cal.quarters()
		require.Equal(t, r.From, cal.bounds[0])
		require.Equal(t, r.To, cal.bounds[len(cal.bounds)-1])
		for i := range cal.firsts {
			require.LessOrEqual(t, cal.bounds[i], cal.bounds[i+1])
			for _, q := range []persistence.Quarter{cal.bounds[i], cal.bounds[i+1] - 1} {
				if cal.bounds[i] == cal.bounds[i+1] {
					continue
				}
				at := q.Time().In(cal.zone).Format(time.DateOnly)
				require.GreaterOrEqual(t, at, cal.firsts[i].Format(time.DateOnly))
				require.LessOrEqual(t, at, cal.last(i).Format(time.DateOnly))
			}
		}
	})
}
