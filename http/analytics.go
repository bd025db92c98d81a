package http

import (
	"strconv"
	"time"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

const (
	pathAnalytics = pathOrders + "/analytics"
	// topMax bounds the products of one list of those that sold most.
	topMax     = 100
	topDefault = 10
)

func analyticsRoutes() []Route {
	return []Route{
		{
			Method: "GET", Path: pathAnalytics + "/summary", Operation: "summarizeSales", Tag: "analytics",
			Policy: holders(commerce.ScopeAnalyticsRead), Class: access.ClassAnalytics,
			Summary: "Sums up the orders placed in a range of days: how many, what they come to and what became of them, " +
				"in all and in each interval, for each currency. The sums are exact.",
			Parameters: append(daysParameters(), intervalParameter()),
			Answers:    []Answer{{Status: 200, Schema: "SalesSummary", Description: "The sums. Intervals without orders are there too."}},
			Problems:   readProblems(),
			Handle:     (*Server).summarizeSales,
		},
		{
			Method: "GET", Path: pathAnalytics + "/top-products", Operation: "topProducts", Tag: "analytics",
			Policy: holders(commerce.ScopeAnalyticsRead), Class: access.ClassAnalytics,
			Summary: "Lists the products that sold most in a range of days, by units or by revenue, each currency apart. " +
				"Units of cancelled orders do not count.",
			Parameters: append(daysParameters(),
				Parameter{
					Name: "by", In: InQuery, Kind: KindWord, Words: []string{"units", "revenue"}, Default: "units",
					Description: "What makes a product come first.",
				},
				Parameter{
					Name: "currency", In: InQuery, Kind: KindText, Max: 3, Pattern: patternCurrency, Examples: []string{"KRW", "USD"},
					Description: "Only sales in this currency, an ISO 4217 code.",
				},
				Parameter{
					Name: "limit", In: InQuery, Kind: KindInteger, Min: 1, Max: topMax, Default: strconv.Itoa(topDefault),
					Description: "How many products each currency's list has at most.",
				}),
			Answers:  []Answer{{Status: 200, Schema: "TopProducts", Description: "The products, the best first."}},
			Problems: readProblems(),
			Handle:   (*Server).topProducts,
		},
		{
			Method: "GET", Path: pathProducts + "/{id}/sales", Operation: "productSales", Tag: "analytics",
			Policy: holders(commerce.ScopeAnalyticsRead), Class: access.ClassAnalytics,
			Summary: "Shows what was sold of a product in a range of days, in all and in each interval. " +
				"Units count for the interval in which their order was placed; those of cancelled orders are shown apart.",
			Parameters: append([]Parameter{idParameter("product")}, append(daysParameters(), intervalParameter())...),
			Answers:    []Answer{{Status: 200, Schema: "ProductSales", Description: "The sums. Intervals without sales are there too."}},
			Problems:   readProblems(commerce.CodeNotFound),
			Handle:     (*Server).productSales,
		},
	}
}

// daysParameters say which days are summed up.
func daysParameters() []Parameter {
	return []Parameter{
		{
			Name: "start_date", In: InQuery, Kind: KindText, Max: int64(dateLength), Required: true, Format: "date",
			Description: "The first day, like 2026-07-01. Days begin at midnight in the time zone.",
		},
		{
			Name: "end_date", In: InQuery, Kind: KindText, Max: int64(dateLength), Format: "date",
			Description: "The last day; it is included. Today in the time zone when it is not sent. At most ten years after the first.",
		},
		{
			Name: "time_zone", In: InQuery, Kind: KindText, Max: zoneNameMax, Default: zoneDefault,
			Examples:    []string{zoneDefault, "Asia/Seoul", "America/New_York"},
			Description: "A name of the IANA time zone database, like Asia/Seoul.",
		},
	}
}

func intervalParameter() Parameter {
	return Parameter{
		Name: "interval", In: InQuery, Kind: KindWord, Words: intervalWords(), Default: intervalWords()[intervalDay],
		Description: "How the range is cut. Weeks begin on Monday (ISO 8601); the first and the last interval end where the range does. " +
			"At most 400 intervals.",
	}
}

func (s *Server) summarizeSales(r *request) error {
	cal, err := r.calendar(time.Now())
	if err != nil {
		return err
	}
	if err := cal.cut(int(r.value("interval").number)); err != nil {
		return err
	}
	ctx, cancel := s.query()
	defer cancel()
	sales, err := s.cfg.Engine.Sales(ctx, actors.NewIntervals(cal.bounds))
	if err != nil {
		return err
	}
	r.buf = appendSummary(r.buf[:0], cal, sales)
	return r.answerJSON(200)
}

func (s *Server) topProducts(r *request) error {
	cal, err := r.calendar(time.Now())
	if err != nil {
		return err
	}
	q := persistence.TopQuery{
		SalesRange: cal.quarters(), ByRevenue: r.value("by").text == "revenue", Limit: int(r.number("limit", topDefault)),
	}
	if v := r.value("currency"); v.set {
		currency, ok := commerce.ParseCurrency(v.text)
		if !ok {
			return invalidParameter("currency", "must be an ISO 4217 code, like KRW")
		}
		q.Currency = currency
	}
	ctx, cancel := s.query()
	defer cancel()
	top, err := s.cfg.Engine.TopProducts(ctx, q)
	if err != nil {
		return err
	}
	r.buf = appendTopProducts(r.buf[:0], cal, q.ByRevenue, top)
	return r.answerJSON(200)
}

func (s *Server) productSales(r *request) error {
	cal, err := r.calendar(time.Now())
	if err != nil {
		return err
	}
	if err := cal.cut(int(r.value("interval").number)); err != nil {
		return err
	}
	ctx, cancel := s.query()
	defer cancel()
	id := r.id()
	sales, err := s.cfg.Engine.ProductSales(ctx, id, actors.NewIntervals(cal.bounds))
	if err != nil {
		return err
	}
	r.buf = appendProductSales(r.buf[:0], cal, id, sales)
	return r.answerJSON(200)
}
