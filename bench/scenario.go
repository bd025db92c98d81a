package bench

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Scenario is a load as data: kinds of requests, each with its share. An operation is a request and its good
// answer.
type Scenario struct {
	Name  string
	About string
	Mix   []Share // percents that add up to 100
	// Followed says that an operation is over only when a subscriber has read the event that the request has
	// brought about. An audience makes the requests, as they depend on what is followed: the kind has no Source.
	Followed bool
}

// Share is how many of a hundred requests are of a kind.
type Share struct {
	Percent int
	Kind    Kind
}

// Kind is one kind of request.
type Kind struct {
	Name string
	Want int // the status of a good answer
	// Method and Path are what its requests ask for, their query apart. A path that ends in a slash
	// stands for all below it.
	Method, Path string
	// Source makes its requests; nil in a scenario that is followed.
	Source func(catalog *Catalog, stream Stream) Source
}

// Source makes the requests of one kind on one connection. It appends the next one to dst. The bytes carry
// everything, so that a peer is sent the same.
type Source func(dst []byte) []byte

// Requests makes all requests of one connection. kind is the place of the request's kind in the mix. An empty
// request says that there is nothing more to ask for.
type Requests func(dst []byte) (request []byte, kind int)

// Stream names the requests of one connection in one round, so that no two streams of a run draw
// the same numbers or use the same idempotency keys.
type Stream struct {
	Seed       uint64
	Name       string
	Round      int
	Connection int
}

func (s Stream) rng() *rand.Rand {
	return rand.New(rand.NewPCG(s.Seed, uint64(s.Round)<<32|uint64(s.Connection)))
}

// Scenarios lists what can be measured.
func Scenarios() []Scenario {
	alone := func(k Kind) []Share { return []Share{{100, k}} }
	return []Scenario{
		{
			Name: "order", About: "orders of 2 random items over all products, each with its Idempotency-Key",
			Mix: alone(placeOrder(pickAny)),
		},
		{
			Name: "order-hot", About: "orders of 2 items, one of them the same hot product in every order",
			Mix: alone(placeOrder(pickHot)),
		},
		{
			Name: "order-zipf", About: "orders of 2 items, few products in many orders (Zipf, exponent 1.1: the first is in one of four)",
			Mix: alone(placeOrder(pickZipf)),
		},
		{
			Name: "product-read", About: "one product, any of all",
			Mix: alone(readProduct(pickAny)),
		},
		{
			Name: "product-list", About: "a page of 20 products, half of them within a category, sorted in four ways",
			Mix: alone(listProducts()),
		},
		{
			Name: "search", About: "a page of products found by words of their names, whole or begun",
			Mix: alone(searchProducts()),
		},
		{
			Name: "mixed", About: "a mixed day: 60 % product read, 25 % product list, 5 % search, 5 % a customer's orders, 5 % order; products by Zipf",
			Mix: []Share{
				{60, readProduct(pickZipf)}, {25, listProducts()}, {5, searchProducts()}, {5, listOrders()}, {5, placeOrder(pickZipf)},
			},
		},
		{
			Name: "analytics", About: "daily summaries and top products of a month, a quarter and a year",
			Mix: []Share{{50, summarizeSales()}, {50, topProducts()}},
		},
		{
			Name: "fan-out", About: "orders moved on, each followed over a WebSocket of its own; an operation is an event that its subscriber has read, " +
				"its latency from the request to the reading",
			Mix: alone(moveOrder()), Followed: true,
		},
	}
}

// ScenarioNamed returns a scenario by its name.
func ScenarioNamed(name string) (Scenario, error) {
	var names []string
	for _, s := range Scenarios() {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return Scenario{}, fmt.Errorf("no scenario is called %q; there are: %s", name, strings.Join(names, ", "))
}

// Kinds lists the kinds of the mix.
func (s *Scenario) Kinds() []Kind {
	kinds := make([]Kind, len(s.Mix))
	for i := range s.Mix {
		kinds[i] = s.Mix[i].Kind
	}
	return kinds
}

// Requests makes the requests of one connection. REQUIRES: the scenario is not followed.
func (s *Scenario) Requests(catalog *Catalog, stream Stream) Requests {
	sources := make([]Source, len(s.Mix))
	for i := range s.Mix {
		own := stream
		own.Name += "-" + s.Mix[i].Kind.Name
		sources[i] = s.Mix[i].Kind.Source(catalog, own)
	}
	if len(sources) == 1 {
		return func(dst []byte) ([]byte, int) { return sources[0](dst), 0 }
	}
	rng := stream.rng()
	return func(dst []byte) ([]byte, int) {
		drawn := rng.IntN(100)
		for i := range s.Mix {
			if drawn -= s.Mix[i].Percent; drawn < 0 {
				return sources[i](dst), i
			}
		}
		panic("bench: the percents of " + s.Name + " do not add up to 100")
	}
}
