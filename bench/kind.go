package bench

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"strconv"
	"time"

	"github.com/penstock-dev/penstock/bench/history"
)

const (
	pathProducts = "/api/v2/products"
	pathOrders   = "/api/v2/orders"
)

// picker draws two different products.
type picker func() (one, other string)

// pickers makes the pickers of a stream.
type pickers func(catalog *Catalog, rng *rand.Rand) picker

// pickAny draws any product as often as any other.
func pickAny(catalog *Catalog, rng *rand.Rand) picker {
	n := len(catalog.Products)
	return func() (one, other string) {
		first := rng.IntN(n)
		second := (first + 1 + rng.IntN(n-1)) % n
		return catalog.Products[first], catalog.Products[second]
	}
}

// pickHot draws any product, and the hot one.
func pickHot(catalog *Catalog, rng *rand.Rand) picker {
	return func() (one, other string) { return catalog.Products[rng.IntN(len(catalog.Products))], catalog.Hot }
}

// pickZipf draws few products often and most of them rarely. Which ones are wanted has nothing to do with
// when they were made.
func pickZipf(catalog *Catalog, rng *rand.Rand) picker {
	const exponent, flatness = 1.1, 1
	const scatter = 2_654_435_761 // a prime near 2^32 divided by the golden ratio
	n := uint64(len(catalog.Products))
	ranks := rand.NewZipf(rng, exponent, flatness, n-1)
	place := func() uint64 { return ranks.Uint64() * scatter % n }
	return func() (one, other string) {
		first, second := place(), place()
		if second == first {
			second = (first + 1) % n
		}
		return catalog.Products[first], catalog.Products[second]
	}
}

// address is the part of an order that is always the same: about 150 bytes, as real ones are.
const address = `"shipping_address":{"recipient":"Maria da Silva Santos","street":"Rua das Laranjeiras 1024, apto 301",` +
	`"city":"Rio de Janeiro","postal_code":"22240-003","country":"BR"}}`

// placeOrder orders two different products. Everything but ids, quantities and key is rendered once.
func placeOrder(pick pickers) Kind {
	return Kind{Name: "order", Want: 201, Method: "POST", Path: pathOrders, Source: func(catalog *Catalog, stream Stream) Source {
		rng := stream.rng()
		next := pick(catalog, rng)
		user := "bench-" + strconv.Itoa(stream.Connection)
		prefix := fmt.Sprintf("%x-%s-%d-%d-", stream.Seed, stream.Name, stream.Round, stream.Connection)
		n := uint64(0)
		key := make([]byte, 0, 64)
		body := make([]byte, 0, 512)
		return func(dst []byte) []byte {
			one, other := next()
			n++
			key = strconv.AppendUint(append(key[:0], prefix...), n, 10)
			body = append(body[:0], `{"items":[`...)
			body = appendItem(body, one, 1+rng.IntN(3))
			body = append(body, ',')
			body = appendItem(body, other, 1)
			body = append(body, `],`...)
			body = append(body, address...)
			return AppendRequest(dst, &Request{Method: "POST", Path: pathOrders, User: user, Key: string(key), Body: body})
		}
	}}
}

func appendItem(dst []byte, product string, quantity int) []byte {
	dst = append(dst, `{"product_id":"`...)
	dst = append(dst, product...)
	dst = append(dst, `","quantity":`...)
	dst = strconv.AppendInt(dst, int64(quantity), 10)
	return append(dst, '}')
}

// moveOrder moves an order on by a step. Which order and where to is the audience's to say.
func moveOrder() Kind {
	return Kind{Name: "order-move", Want: 200, Method: "POST", Path: pathOrders + "/"}
}

// moves are the bodies that bring a placed order to its end, an event each.
func moves() [][]byte {
	return [][]byte{
		[]byte(`{"to":"paid"}`),
		[]byte(`{"to":"processing"}`),
		[]byte(`{"to":"shipped","carrier":"CJ","tracking_number":"6412 0098 3311"}`),
		[]byte(`{"to":"delivered"}`),
		[]byte(`{"to":"completed"}`),
	}
}

// reading is a kind that reads: path makes the next request's path, the part behind Kind.Path.
func reading(name, path string, next func(catalog *Catalog, rng *rand.Rand) func(dst []byte) []byte) Kind {
	return Kind{Name: name, Want: 200, Method: "GET", Path: path, Source: func(catalog *Catalog, stream Stream) Source {
		appendRest := next(catalog, stream.rng())
		return func(dst []byte) []byte {
			dst = append(dst, "GET "...)
			dst = append(dst, path...)
			dst = appendRest(dst)
			return append(dst, " HTTP/1.1\r\nHost: 127.0.0.1\r\nX-User-ID: bench\r\n\r\n"...)
		}
	}}
}

// readProduct reads one product.
func readProduct(pick pickers) Kind {
	return reading("product-read", pathProducts+"/", func(catalog *Catalog, rng *rand.Rand) func([]byte) []byte {
		next := pick(catalog, rng)
		return func(dst []byte) []byte {
			one, _ := next()
			return append(dst, one...)
		}
	})
}

// listProducts reads a page of products, mostly one of the first.
func listProducts() Kind {
	return reading("product-list", pathProducts, func(catalog *Catalog, rng *rand.Rand) func([]byte) []byte {
		sorts := [...]string{"newest", "price", "-price", "name"}
		categories := make([]string, len(catalog.Categories))
		for i, c := range catalog.Categories {
			categories[i] = "&category=" + url.QueryEscape(c)
		}
		return func(dst []byte) []byte {
			dst = append(dst, "?per_page=20&page="...)
			dst = strconv.AppendInt(dst, int64(1+min(rng.IntN(10), rng.IntN(10))), 10)
			dst = append(dst, "&sort="...)
			dst = append(dst, sorts[rng.IntN(len(sorts))]...)
			if len(categories) > 0 && rng.IntN(2) == 0 {
				dst = append(dst, categories[rng.IntN(len(categories))]...)
			}
			return dst
		}
	})
}

// searchProducts looks for products by a word of their names, by its beginning, or by two.
func searchProducts() Kind {
	return reading("search", pathProducts+"/search", func(catalog *Catalog, rng *rand.Rand) func([]byte) []byte {
		var whole, begun []string
		for _, word := range catalog.Words {
			letters := []rune(word)
			whole = append(whole, url.QueryEscape(word))
			begun = append(begun, url.QueryEscape(string(letters[:(len(letters)+1)/2])))
		}
		if len(whole) == 0 {
			whole, begun = []string{"product"}, []string{"prod"}
		}
		return func(dst []byte) []byte {
			dst = append(dst, "?q="...)
			switch i := rng.IntN(len(whole)); rng.IntN(3) {
			case 0:
				return append(dst, whole[i]...)
			case 1:
				return append(dst, begun[i]...)
			default:
				dst = append(dst, whole[i]...)
				dst = append(dst, '+')
				return append(dst, whole[rng.IntN(len(whole))]...)
			}
		}
	})
}

// listOrders reads the newest orders of a customer.
func listOrders() Kind {
	return reading("order-list", pathOrders, func(_ *Catalog, rng *rand.Rand) func([]byte) []byte {
		return func(dst []byte) []byte {
			dst = append(dst, "?limit=20&customer_id="...)
			return append(dst, history.CustomerName(rng.IntN(history.Customers))...)
		}
	})
}

// span draws the first and the last day of a month, a quarter or a year that ends today.
func span(rng *rand.Rand) (from, to string) {
	days := [...]int{30, 91, 365}
	today := time.Now().UTC()
	return today.AddDate(0, 0, -days[rng.IntN(len(days))]).Format(time.DateOnly), today.Format(time.DateOnly)
}

// summarizeSales asks for daily sums of orders.
func summarizeSales() Kind {
	return reading("sales-summary", pathOrders+"/analytics/summary", func(_ *Catalog, rng *rand.Rand) func([]byte) []byte {
		return func(dst []byte) []byte {
			from, to := span(rng)
			return append(dst, "?start_date="+from+"&end_date="+to+"&interval=day"...)
		}
	})
}

// topProducts asks what sold best.
func topProducts() Kind {
	return reading("top-products", pathOrders+"/analytics/top-products", func(_ *Catalog, rng *rand.Rand) func([]byte) []byte {
		return func(dst []byte) []byte {
			from, to := span(rng)
			return append(dst, "?start_date="+from+"&end_date="+to+"&limit=20"...)
		}
	})
}
