package bench

import (
	"fmt"
	"math/rand/v2"
	"strconv"
)

// Catalog is what a scenario may ask for: the products that were made for the run.
type Catalog struct {
	Products []string // ids
	Hot      string   // id of the one product that everybody wants, not among Products
}

// Source makes the requests of one connection. It appends the next one to dst. The bytes carry
// everything, so that a peer is sent the same.
type Source func(dst []byte) []byte

// Scenario is a kind of load, as data.
type Scenario struct {
	Name   string
	About  string
	Want   int // the status of a good answer; every other one is an error
	Source func(catalog *Catalog, stream Stream) Source
}

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
	return []Scenario{
		{
			Name: "order", About: "orders of 2 random items over all products, each with its Idempotency-Key",
			Want: 201, Source: func(c *Catalog, s Stream) Source { return orders(c, s, false) },
		},
		{
			Name: "order-hot", About: "orders of 2 items, one of them the same hot product in every order",
			Want: 201, Source: func(c *Catalog, s Stream) Source { return orders(c, s, true) },
		},
	}
}

// ScenarioNamed returns a scenario by its name.
func ScenarioNamed(name string) (Scenario, error) {
	names := ""
	for _, s := range Scenarios() {
		if s.Name == name {
			return s, nil
		}
		names += " " + s.Name
	}
	return Scenario{}, fmt.Errorf("no scenario is called %q; there are:%s", name, names)
}

// address is the part of an order that is always the same: about 150 bytes, as real ones are.
const address = `"shipping_address":{"recipient":"Maria da Silva Santos","street":"Rua das Laranjeiras 1024, apto 301",` +
	`"city":"Rio de Janeiro","postal_code":"22240-003","country":"BR"}}`

// orders makes orders of two different products. Everything but ids, quantities and key is
// rendered once.
func orders(catalog *Catalog, stream Stream, hot bool) Source {
	rng := stream.rng()
	user := "bench-" + strconv.Itoa(stream.Connection)
	prefix := fmt.Sprintf("%x-%s-%d-%d-", stream.Seed, stream.Name, stream.Round, stream.Connection)
	n := uint64(0)
	key := make([]byte, 0, 64)
	body := make([]byte, 0, 512)
	return func(dst []byte) []byte {
		first := rng.IntN(len(catalog.Products))
		second := (first + 1 + rng.IntN(len(catalog.Products)-1)) % len(catalog.Products)
		one, other := catalog.Products[first], catalog.Products[second]
		if hot {
			other = catalog.Hot
		}
		n++
		key = strconv.AppendUint(append(key[:0], prefix...), n, 10)
		body = append(body[:0], `{"items":[`...)
		body = appendItem(body, one, 1+rng.IntN(3))
		body = append(body, ',')
		body = appendItem(body, other, 1)
		body = append(body, `],`...)
		body = append(body, address...)
		return AppendRequest(dst, &Request{
			Method: "POST", Path: "/api/v2/orders", User: user, Key: string(key), Body: body,
		})
	}
}

func appendItem(dst []byte, product string, quantity int) []byte {
	dst = append(dst, `{"product_id":"`...)
	dst = append(dst, product...)
	dst = append(dst, `","quantity":`...)
	dst = strconv.AppendInt(dst, int64(quantity), 10)
	return append(dst, '}')
}
