package torture

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/penstock-dev/penstock/bench"
	"github.com/penstock-dev/penstock/commerce"
)

// differencesMax bounds the differences between two portraits that are listed.
const differencesMax = 20

// Portrait is all that a server shows of its products and orders, in words that do not depend on where
// and when it did what it did: an id is replaced by the name that the client gave, SKU or idempotency
// key, and times are left out. What stays is compared whole, also fields that nobody here knows.
type Portrait struct {
	Products  map[string]string   // by SKU: as JSON
	Ledgers   map[string][]string // by SKU: the lines, newest first
	Orders    map[string]string   // by key
	Timelines map[string][]string // by key: the events, oldest first
	Totals    map[string]int64    // by currency: what all orders cost, minor units
}

// Draw asks the server at the address for all it shows. keys are the idempotency keys of the orders.
func Draw(ctx context.Context, address string, keys map[commerce.ID]string) (*Portrait, error) {
	client, err := NewClient(ctx, address, "portrait")
	if err != nil {
		return nil, err
	}
	defer client.Close()
	p := &painter{client: client, names: make(map[string]string), Portrait: &Portrait{
		Products: make(map[string]string), Ledgers: make(map[string][]string), Orders: make(map[string]string),
		Timelines: make(map[string][]string), Totals: make(map[string]int64),
	}}
	for id, key := range keys {
		p.names[id.String()] = "order " + key
	}
	for _, draw := range []func() error{p.drawProducts, p.drawLedgers, p.drawOrders, p.drawTimelines} {
		if err := draw(); err != nil {
			return nil, fmt.Errorf("draw portrait: %w", err)
		}
	}
	return p.Portrait, nil
}

// painter draws a portrait.
type painter struct {
	*Portrait
	client   *Client
	names    map[string]string // by id
	products []thing
	orders   []thing
}

// thing is a product or an order: the id on this server, and the name that it has on all.
type thing struct{ id, name string }

func (p *painter) drawProducts() error {
	for page := 1; ; page++ {
		body, err := p.get(fmt.Sprintf("/api/v2/products?page=%d&per_page=%d&sort=oldest", page, pageSize))
		if err != nil {
			return err
		}
		products, _ := body["products"].([]any)
		for _, one := range products {
			product, _ := one.(map[string]any)
			it := thing{id: text(product, "id"), name: text(product, "sku")}
			p.names[it.id] = "product " + it.name
			p.products = append(p.products, it)
			p.Products[it.name] = p.words(product)
		}
		if len(products) < pageSize {
			return nil
		}
	}
}

func (p *painter) drawLedgers() error {
	for _, it := range p.products {
		path := "/api/v2/products/" + it.id + "/stock/movements?limit=" + fmt.Sprint(pageSize)
		err := p.pages(path, "movements", func(line map[string]any) {
			p.Ledgers[it.name] = append(p.Ledgers[it.name], p.words(line))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *painter) drawOrders() error {
	return p.pages("/api/v2/orders?limit="+fmt.Sprint(pageSize), "orders", func(order map[string]any) {
		it := thing{id: text(order, "id")}
		it.name = p.names[it.id]
		if it.name == "" {
			it.name = "without a key: " + it.id
		}
		p.orders = append(p.orders, it)
		p.Orders[it.name] = p.words(order)
		if total, ok := order["total_amount"].(json.Number); ok {
			amount, _ := total.Int64() // words has the text itself
			p.Totals[text(order, "currency")] += amount
		}
	})
}

func (p *painter) drawTimelines() error {
	for _, it := range p.orders {
		body, err := p.get("/api/v2/orders/" + it.id + "/tracking")
		if err != nil {
			return err
		}
		events, _ := body["events"].([]any)
		for _, event := range events {
			p.Timelines[it.name] = append(p.Timelines[it.name], p.words(event))
		}
	}
	return nil
}

// pages calls one for all rows of a list.
func (p *painter) pages(path, rows string, one func(map[string]any)) error {
	for cursor := ""; ; {
		body, err := p.get(path + cursor)
		if err != nil {
			return err
		}
		page, _ := body[rows].([]any)
		for _, row := range page {
			fields, _ := row.(map[string]any)
			one(fields)
		}
		next := text(body, "next_cursor")
		if next == "" {
			return nil
		}
		cursor = "&cursor=" + next
	}
}

func (p *painter) get(path string) (map[string]any, error) {
	if err := p.client.do(&bench.Request{Method: "GET", Path: path}, 200); err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(strings.NewReader(string(p.client.answer.Body)))
	decoder.UseNumber()
	var body map[string]any
	if err := decoder.Decode(&body); err != nil {
		return nil, fmt.Errorf("%w: GET %s: %w", ErrAnswer, path, err)
	}
	return body, nil
}

// words writes a value of an answer in the words of a portrait.
func (p *painter) words(value any) string {
	b, err := json.Marshal(p.translate(value))
	if err != nil {
		panic("torture: a decoded answer cannot be encoded: " + err.Error())
	}
	return string(b)
}

func (p *painter) translate(value any) any {
	switch value := value.(type) {
	case string:
		if name, known := p.names[value]; known {
			return name
		}
	case []any:
		all := make([]any, len(value))
		for i := range value {
			all[i] = p.translate(value[i])
		}
		return all
	case map[string]any:
		fields := make(map[string]any, len(value))
		for field, content := range value {
			switch {
			case field == "at" || strings.HasSuffix(field, "_at"): // the clock's
			case field == "items": // in the order of ids
				items, _ := content.([]any)
				fields[field] = slices.SortedFunc(slices.Values(p.eachInWords(items)), strings.Compare)
			default:
				fields[field] = p.translate(content)
			}
		}
		return fields
	}
	return value
}

func (p *painter) eachInWords(items []any) []string {
	all := make([]string, len(items))
	for i := range items {
		all[i] = p.words(items[i])
	}
	return all
}

func text(fields map[string]any, name string) string {
	s, _ := fields[name].(string)
	return s
}

// Differences says in what two portraits differ; nothing when they are equal.
func (p *Portrait) Differences(other *Portrait) []string {
	var all []string
	add := func(what string, one, two any) { all = append(all, fmt.Sprintf("%s:\n  %v\n  %v", what, one, two)) }
	compare(p.Products, other.Products, func(a, b string) bool { return a == b }, "product ", add)
	compare(p.Ledgers, other.Ledgers, slices.Equal[[]string], "ledger of product ", add)
	compare(p.Orders, other.Orders, func(a, b string) bool { return a == b }, "", add)
	compare(p.Timelines, other.Timelines, slices.Equal[[]string], "timeline of ", add)
	compare(p.Totals, other.Totals, func(a, b int64) bool { return a == b }, "total in ", add)
	if len(all) > differencesMax {
		all = append(all[:differencesMax], fmt.Sprintf("and %d more", len(all)-differencesMax))
	}
	return all
}

func compare[V any](a, b map[string]V, equal func(a, b V) bool, what string, differ func(what string, a, b any)) {
	names := maps.Clone(a)
	maps.Copy(names, b)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		one, here := a[name]
		two, there := b[name]
		if here != there || !equal(one, two) {
			differ(what+name, one, two)
		}
	}
}

// String says how much there is in a portrait.
func (p *Portrait) String() string {
	lines, events := 0, 0
	for _, ledger := range p.Ledgers {
		lines += len(ledger)
	}
	for _, timeline := range p.Timelines {
		events += len(timeline)
	}
	var totals []string
	for _, currency := range slices.Sorted(maps.Keys(p.Totals)) {
		totals = append(totals, fmt.Sprintf("%d %s", p.Totals[currency], currency))
	}
	return fmt.Sprintf("%d products with %d ledger lines, %d orders with %d events, %s in all",
		len(p.Products), lines, len(p.Orders), events, strings.Join(totals, ", "))
}
