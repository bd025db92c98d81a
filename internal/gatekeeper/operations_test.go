package gatekeeper_test

import (
	"fmt"
	"net/url"
	"time"

	"github.com/penstock-dev/penstock/commerce"
)

// operation says of one operation of the API who may use it. It is written by hand, apart from the server's
// registry.
type operation struct {
	who    audienceOf
	scopes commerce.Scopes // all are needed, where who is holders
	order  bool            // it is about one order: whoever does not reach it gets 404
	ticket bool            // a ticket may stand for a credential
	done   int             // the status of who may
	// shows is what of an order the operation shows to whoever may use it, whether or not the order is theirs.
	shows secret
	// exceptions are callers for whom something else holds.
	exceptions map[string]int
	// send completes a request whose method and path are the document's. The path's {id} has been replaced
	// already by what id has made.
	send func(s *scene, r *request)
	id   func(s *scene) string
}

type audienceOf uint8

const (
	everybody audienceOf = iota
	callersOf            // whoever has proved who they are
	holdersOf
)

// expected is the status that a caller gets.
func (o *operation) expected(c *caller) int {
	if status, ok := o.exceptions[c.name]; ok {
		return status
	}
	switch {
	case c.standing == refused:
		return 401
	case c.ticket != "" && o.ticket: // here it is looked at
		return 401
	case o.who == everybody:
		return o.done
	case c.standing == nobody:
		return 401
	case o.who == holdersOf && !c.scopes.Has(o.scopes):
		return 403
	case o.order && !c.reaches():
		return 404
	}
	return o.done
}

// mayShow is what of the owner's orders a caller may get to see.
func (o *operation) mayShow(c *caller) secret {
	switch {
	case c.standing != proven, o.who == holdersOf && !c.scopes.Has(o.scopes):
		return 0
	case c.reaches():
		return secretsAll
	}
	return o.shows
}

func open(done int) operation { return operation{who: everybody, done: done} }

func needs(scopes commerce.Scopes, done int) operation {
	return operation{who: holdersOf, scopes: scopes, done: done}
}

func (o operation) about(id func(*scene) string) operation { o.id = id; return o }

// ofOrder is about an order of the owner's.
func (o operation) ofOrder(id func(*scene) string) operation { o.id, o.order = id, true; return o }

func (o operation) showing(shows secret) operation { o.shows = shows; return o }

func (o operation) tickets() operation { o.ticket = true; return o }

func (o operation) except(name string, status int) operation {
	exceptions := map[string]int{name: status}
	for other, was := range o.exceptions {
		exceptions[other] = was
	}
	o.exceptions = exceptions
	return o
}

func (o operation) body(text func(*scene) string) operation {
	o.send = func(s *scene, r *request) { r.body = text(s) }
	return o
}

func (o operation) query(text string) operation {
	o.send = func(_ *scene, r *request) { r.path += "?" + text }
	return o
}

func (o operation) fields(pairs ...string) operation {
	o.send = func(_ *scene, r *request) { *r = r.with(pairs...) }
	return o
}

func text(body string) func(*scene) string { return func(*scene) string { return body } }

func shippedOrder(s *scene) string { return s.shipped }

func freshOrder(s *scene) string { return s.newOrder() }

func someProduct(s *scene) string { return s.product }

func canaryProduct(s *scene) string { return s.canary }

func freshKey(s *scene) string {
	id, _ := s.key(s.t, "somebody", commerce.ScopeOrdersRead, time.Time{})
	return id.String()
}

func someResult(*scene) string { return "019f5fda-c2fb-7000-8000-000000000002" }

func upgrade() []string {
	return []string{
		"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13",
		"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==",
	}
}

// operations is who may do what.
func operations() map[string]operation {
	all := orderOperations()
	for _, more := range []map[string]operation{catalogueOperations(), operatorOperations(), accessOperations(), benchmarkOperations()} {
		for name, o := range more {
			all[name] = o
		}
	}
	return all
}

func orderOperations() map[string]operation {
	const read, write, cancel = commerce.ScopeOrdersRead, commerce.ScopeOrdersWrite, commerce.ScopeOrdersCancel
	const move = commerce.ScopeOrdersWrite | commerce.ScopeOrdersAny
	from := url.Values{"start_date": {time.Now().UTC().AddDate(0, 0, -2).Format(time.DateOnly)}}.Encode()
	return map[string]operation{
		"placeOrder": needs(write, 201).body(func(s *scene) string { return plainOrder(s.product) }),
		"listOrders": needs(read, 200),
		"getOrder":   needs(read, 200).ofOrder(shippedOrder),
		"trackOrder": needs(read, 200).ofOrder(shippedOrder),
		// The page of an order is open: only who is signed in and sees orders learns from it whether there is one.
		"trackPage": open(200).about(shippedOrder).except("other customer", 404).except("only orders:read", 404),

		"cancelOrder":     needs(cancel, 200).ofOrder(freshOrder),
		"transitionOrder": needs(move, 200).ofOrder(freshOrder).body(text(`{"to":"paid"}`)),
		"transitionOrders": needs(move, 200).body(func(s *scene) string {
			return fmt.Sprintf(`{"transitions":[{"order_id":%q,"to":"paid"}]}`, s.newOrder())
		}),

		"followOrder":  needs(read, 101).ofOrder(shippedOrder).tickets().fields(upgrade()...),
		"followOrders": needs(read, 101).tickets().fields(upgrade()...),
		"orderEvents":  needs(read, 200).ofOrder(shippedOrder).tickets(),

		"exportOrders":   needs(commerce.ScopeExportsRead, 200),
		"summarizeSales": needs(commerce.ScopeAnalyticsRead, 200).query(from).showing(secretAmount),
		"topProducts":    needs(commerce.ScopeAnalyticsRead, 200).query(from).showing(secretAmount),
		"productSales":   needs(commerce.ScopeAnalyticsRead, 200).about(canaryProduct).query(from).showing(secretAmount),
	}
}

func catalogueOperations() map[string]operation {
	const write, stock = commerce.ScopeProductsWrite, commerce.ScopeStockWrite
	return map[string]operation{
		"createProduct":   needs(write, 201).body(text(`{"name":"Cup","description":"","price":1,"stock_quantity":1}`)),
		"listProducts":    open(200),
		"searchProducts":  open(200).query("q=pot"),
		"suggestProducts": open(200).query("q=po"),
		"getProduct":      open(200).about(canaryProduct),
		"updateProduct": needs(write, 200).about(someProduct).with(func(_ *scene, r *request) {
			*r = r.with("If-Match", "*")
			r.body = `{"price":1300}`
		}),
		"archiveProduct": needs(write, 200).about(func(s *scene) string { return s.newProduct(`"name":"Old","price":1`) }),
		"adjustStock":    needs(stock, 200).about(someProduct).body(text(`{"quantity_change":1}`)),
		// The ledger says which order took the units, and who placed it.
		"listMovements": needs(stock, 200).about(canaryProduct).query("limit=100").showing(secretCustomer | secretID),
	}
}

func (o operation) with(send func(*scene, *request)) operation { o.send = send; return o }

func operatorOperations() map[string]operation {
	const admin = commerce.ScopeAdmin
	return map[string]operation{
		"health":   needs(admin, 200),
		"metrics":  needs(admin, 200),
		"verify":   needs(admin, 200),
		"live":     open(200),
		"ready":    open(200),
		"document": open(200),
		"messages": open(200),
		// The log of what was done to products says what they were called and cost.
		"listAudit": needs(admin, 200).query("limit=1000").showing(secretGoods | secretCustomer),

		"trackStyle":   open(200),
		"trackScript":  open(200),
		"signInPage":   open(200),
		"signInStyle":  open(200),
		"signInScript": open(200),
	}
}

func accessOperations() map[string]operation {
	const admin = commerce.ScopeAdmin
	return map[string]operation{
		"openSession":  operation{who: callersOf, done: 201}.except("owner's session", 401), // one session does not open another
		"showSession":  {who: callersOf, done: 200},
		"closeSession": open(204),
		"issueTicket":  {who: callersOf, done: 201},
		"listKeys":     needs(admin, 200).showing(secretCustomer),
		"createKey":    needs(admin, 201).body(text(`{"name":"n","subject":"s","scopes":["orders:read"]}`)),
		"rotateKey":    needs(admin, 200).about(freshKey),
		"revokeKey":    needs(admin, 200).about(freshKey),
	}
}

func benchmarkOperations() map[string]operation {
	const run = commerce.ScopeBenchRun
	return map[string]operation{
		"runBenchmark":          needs(run, 202).query("benchmark_type=product"),
		"cancelBenchmark":       needs(run, 202),
		"getBenchmarkProgress":  needs(run, 200),
		"listBenchmarkResults":  needs(run, 200),
		"importBenchmarkResult": needs(run, 201).body(text(`{"results":[]}`)),
		"getBenchmarkResult":    needs(run, 200).about(someResult),
		"compareBenchmarks":     needs(run, 200).query("baseline=019f5fda-c2fb-7000-8000-000000000002&current=019f5fda-c2fb-7000-8000-000000000003"),
		"showDashboard":         open(200),
		"getDashboardFile":      open(404).about(func(*scene) string { return "no.js" }),
	}
}
