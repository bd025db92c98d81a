package peer_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/bench"
	"github.com/penstock-dev/penstock/bench/history"
	"github.com/penstock-dev/penstock/bench/peer"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/redistest"
)

const pastOrders = 300

// bundle is a peer that serves, on books with a past.
type bundle struct {
	name     string
	address  string
	url      string // of its database, or of its Redis
	products []*commerce.Product
	orders   []*commerce.Order
}

// onDatabase reports whether the peer stands on PostgreSQL.
func (b *bundle) onDatabase() bool { return b.name != peer.Redis }

// setup starts a peer.
func setup(t *testing.T, name string) *bundle {
	t.Helper()
	past, err := history.New(history.Config{Orders: pastOrders, Products: 40, Days: 20})
	require.NoError(t, err)
	b := &bundle{name: name}
	for e := range past.Products(0) {
		b.products = append(b.products, e.Product.Row)
	}
	for entries, err := range past.Orders(0) {
		require.NoError(t, err)
		b.orders = append(b.orders, entries[len(entries)-1].Order.Row)
	}
	cfg := peer.Config{Name: name}
	if b.onDatabase() {
		b.url = shared.Database(t)
		cfg.DatabaseURL = b.url
		require.NoError(t, peer.Prepare(t.Context(), b.url, past, nil))
	} else {
		b.url = redistest.Start(t)
		cfg.RedisURL = b.url
		require.NoError(t, peer.PrepareRedis(t.Context(), b.url, past, nil))
	}
	b.address = serve(t, cfg)
	return b
}

// serve serves a peer until the test ends.
func serve(t *testing.T, cfg peer.Config) (address string) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	said, say := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := peer.Serve(ctx, cfg, say)
		ended <- err
		_ = say.CloseWithError(err) // so that nobody waits for an address
	}()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
	line, err := bufio.NewReader(said).ReadString('\n')
	require.NoError(t, err)
	return strings.Fields(line)[3]
}

// ask sends one request and returns the answer.
func (b *bundle) ask(t *testing.T, r *bench.Request) *bench.Answer {
	t.Helper()
	conn, err := bench.Dial(t.Context(), b.address, time.Minute)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	answer := new(bench.Answer)
	require.NoError(t, conn.Do(bench.AppendRequest(nil, r), answer))
	return answer
}

func (b *bundle) get(t *testing.T, path string) *bench.Answer {
	t.Helper()
	return b.ask(t, &bench.Request{Method: "GET", Path: path, User: "ann"})
}

// placed is what is read of an order.
type placed struct {
	ID       string `json:"id"`
	Status   string `json:"status"`
	Customer string `json:"customer_id"`
	Total    int64  `json:"total_amount"`
	Items    []struct {
		Product  string `json:"product_id"`
		Name     string `json:"name"`
		Quantity int64  `json:"quantity"`
		Price    int64  `json:"unit_price"`
	} `json:"items"`
	Address map[string]string `json:"shipping_address"`
}

// shown is what is read of a product.
type shown struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Price    int64  `json:"price"`
	Category string `json:"category"`
	Stock    struct {
		OnHand    int64 `json:"on_hand"`
		Allocated int64 `json:"allocated"`
		Available int64 `json:"available"`
	} `json:"stock"`
}

type shownPage struct {
	Products []shown `json:"products"`
	Total    int     `json:"total"`
}

func parse[V any](t *testing.T, answer *bench.Answer) V {
	t.Helper()
	var v V
	require.NoError(t, json.Unmarshal(answer.Body, &v), string(answer.Body))
	return v
}

// order asks for units of products.
func order(key string, quantity int, products ...*commerce.Product) *bench.Request {
	var items []string
	for _, p := range products {
		items = append(items, fmt.Sprintf(`{"product_id":%q,"quantity":%d}`, p.ID, quantity))
	}
	return &bench.Request{
		Method: "POST", Path: "/api/v2/orders", User: "ann", Key: key,
		Body: []byte(`{"items":[` + strings.Join(items, ",") + `],"shipping_address":{"street":"1 Quay","city":"Galway","postal_code":"H91"},"note":"ring"}`),
	}
}

// product shows a product.
func (b *bundle) product(t *testing.T, p *commerce.Product) shown {
	t.Helper()
	answer := b.get(t, "/api/v2/products/"+p.ID.String())
	require.Equal(t, 200, answer.Status, string(answer.Body))
	return parse[shown](t, answer)
}

// leave leaves only so many units of a product.
func (b *bundle) leave(t *testing.T, p *commerce.Product, available int64) {
	t.Helper()
	take := b.product(t, p).Stock.Available - available
	if !b.onDatabase() {
		takeFromRedis(t, b.url, p.ID, take)
		return
	}
	conn, err := pgx.Connect(t.Context(), b.url)
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	_, err = conn.Exec(t.Context(), `WITH s AS (UPDATE stock SET on_hand = on_hand - $2, version = version + 1 WHERE product = $1 RETURNING *)
		INSERT INTO stock_movements SELECT product, version, NULL, -$2, 0, on_hand, allocated, 'loss', 'test', now() FROM s`, [16]byte(p.ID), take)
	require.NoError(t, err)
}
