package http

import (
	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
	"github.com/penstock-dev/penstock/persistence"
)

func orderRoutes() []Route {
	return []Route{
		{
			Method: "POST", Path: pathOrders, Operation: "placeOrder", Tag: "orders",
			Policy: holders(commerce.ScopeOrdersWrite), Class: access.ClassWrite,
			Summary:    "Places an order: all of its units or none. It is durable before it is answered.",
			Parameters: []Parameter{keyParameter()},
			Body:       &Body{Schema: "PlaceOrder", Types: []string{contentTypeJSON}},
			Answers: []Answer{{
				Status: 201, Schema: "Order", Headers: []string{"Location", "ETag", "Idempotency-Replayed"},
				Description: "The order, with the catalogue's prices.",
			}},
			Problems: keyedProblems(commerce.CodeNotFound, commerce.CodeInsufficientStock, commerce.CodePriceChanged,
				commerce.CodeProductArchived, commerce.CodeCustomerLimit, commerce.CodeCurrencyMismatch, commerce.CodeQuarantined),
			Handle: (*Server).placeOrder,
		},
		orderListRoute(),
		{
			Method: "GET", Path: pathOrders + "/{id}", Operation: "getOrder", Tag: "orders",
			Policy: holders(commerce.ScopeOrdersRead), Class: access.ClassRead,
			Summary:    "Shows an order.",
			Parameters: []Parameter{idParameter("order"), ifNoneMatchParameter()},
			Answers: []Answer{
				{Status: 200, Schema: "Order", Headers: []string{"ETag"}, Description: "The order."},
				{Status: 304, Headers: []string{"ETag"}, Description: "The order has not changed."},
			},
			Problems: readProblems(commerce.CodeNotFound),
			Handle:   (*Server).getOrder,
		},
	}
}

func orderListRoute() Route {
	return Route{
		Method: "GET", Path: pathOrders, Operation: "listOrders", Tag: "orders",
		Policy: holders(commerce.ScopeOrdersRead), Class: access.ClassRead,
		Summary: "Lists orders, newest first, a page at a time.",
		Parameters: append(orderFilters(),
			Parameter{
				Name: "cursor", In: InQuery, Kind: KindOrderCursor,
				Description: "The next_cursor of the page before.",
			},
			limitParameter()),
		Answers: []Answer{{
			Status: 200, Schema: "OrderPage",
			Description: "A page of orders. It is shorter than limit when its orders hold more than 2,000 items.",
		}},
		Problems: readProblems(),
		Handle:   (*Server).listOrders,
	}
}

// orderFilters select orders.
func orderFilters() []Parameter {
	return []Parameter{
		{
			Name: "status", In: InQuery, Kind: KindWord, Words: statusWords(),
			Description: "Only orders in this state.",
		},
		{
			Name: "customer_id", In: InQuery, Kind: KindText, Max: commerce.UserIDMax,
			Description: "Only orders of this customer.",
		},
		{
			Name: "product_id", In: InQuery, Kind: KindID,
			Description: "Only orders that hold this product.",
		},
		{
			Name: "start_date", In: InQuery, Kind: KindStart,
			Description: "Only orders placed at or after this time, or from the beginning of this day in UTC.",
		},
		{
			Name: "end_date", In: InQuery, Kind: KindEnd,
			Description: "Only orders placed before this time, or up to the end of this day in UTC.",
		},
	}
}

// statusWords are the names of all states, the first at position 0.
func statusWords() []string {
	var words []string
	for s := commerce.StatusPending; s <= commerce.StatusMax; s++ {
		words = append(words, s.String())
	}
	return words
}

func (s *Server) placeOrder(r *request) error {
	cmd := &commerce.PlaceOrder{Caller: r.by, Key: r.key()}
	if err := r.decoder.PlaceOrder(r.body(), cmd); err != nil {
		return err
	}
	receipt, err := s.cfg.Engine.PlaceOrder(cmd)
	if err != nil {
		return err
	}
	r.setLocation(pathOrders, receipt.Order.ID)
	return r.answerOrder(201, receipt)
}

func (r *request) answerOrder(status int, receipt actors.OrderReceipt) error {
	r.setReplayed(receipt.Replayed)
	r.tag = wire.AppendOrderETag(r.tag[:0], receipt.Order.Version)
	r.setETag()
	r.buf = wire.AppendOrder(r.buf[:0], receipt.Order)
	return r.answerJSON(status)
}

func (s *Server) getOrder(r *request) error {
	ctx, cancel := s.query()
	defer cancel()
	order, err := s.cfg.Engine.Order(ctx, &r.by, r.id())
	if err != nil {
		return err
	}
	r.tag = wire.AppendOrderETag(r.tag[:0], order.Version)
	r.setETag()
	if r.unchanged() {
		return nil
	}
	r.buf = wire.AppendOrder(r.buf[:0], order)
	return r.answerRevalidated()
}

// orderQuery reads orderFilters, and the cursor.
func (r *request) orderQuery() (persistence.OrderQuery, error) {
	q := persistence.OrderQuery{
		Customer: r.value("customer_id").text,
		Product:  r.value("product_id").id,
		From:     r.value("start_date").time,
		To:       r.value("end_date").time,
		Before:   r.value("cursor").id,
	}
	if v := r.value("status"); v.set {
		q.Status, _ = commerce.ParseStatus(v.text)
	}
	if !q.From.IsZero() && !q.To.IsZero() && !q.From.Before(q.To) {
		return q, invalidParameter("end_date", "must be later than start_date")
	}
	return q, nil
}

func (s *Server) listOrders(r *request) error {
	q, err := r.orderQuery()
	if err != nil {
		return err
	}
	limit := int(r.number("limit", perPageDefault))
	q.Limit = limit + 1 // one more says whether there is a next page
	ctx, cancel := s.query()
	defer cancel()
	orders, err := s.cfg.Engine.Orders(ctx, &r.by, q)
	if err != nil {
		return err
	}
	next := ""
	if n := pageLength(orders, limit); n < len(orders) {
		orders = orders[:n]
		next = wire.OrderCursor(orders[n-1].ID)
	}
	r.buf = wire.AppendOrders(r.buf[:0], orders, next)
	return r.answerJSON(200)
}

// pageItemsMax bounds the items of a page of orders, and with it the memory of its answer (about a
// megabyte): orders of many items make shorter pages.
const pageItemsMax = 2_000

// pageLength returns how many of the orders make a page.
func pageLength(orders []*commerce.Order, limit int) int {
	items := 0
	for i, o := range orders {
		items += len(o.Items)
		if i == limit || i > 0 && items > pageItemsMax {
			return i
		}
	}
	return len(orders)
}
