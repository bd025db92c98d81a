package orderreplay_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/client"
	"github.com/penstock-dev/penstock/internal/csvfile"
	"github.com/penstock-dev/penstock/internal/orderreplay"
)

// shop is a server with products of the SKUs p0, p1, …, and orders by key.
type shop struct {
	products int
	mu       struct {
		sync.Mutex
		orders map[string]*commerce.PlaceOrder
	}
	answer func(key string, replayed bool) (client.Answer, error)
}

func productID(i int) commerce.ID { return commerce.IDFloor(time.UnixMilli(int64(i))) }

func (s *shop) Products(_ context.Context, page int) ([]client.Product, int, error) {
	var list []client.Product
	for i := (page - 1) * client.ProductsPageMax; i < min(page*client.ProductsPageMax, s.products); i++ {
		list = append(list, client.Product{ID: productID(i), SKU: fmt.Sprintf("p%d", i)})
	}
	return list, s.products, nil
}

func (s *shop) PlaceOrder(_ context.Context, o *commerce.PlaceOrder) (client.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, replayed := s.mu.orders[o.Key]
	s.mu.orders[o.Key] = o
	return s.answer(o.Key, replayed)
}

func accept(key string, replayed bool) (client.Answer, error) {
	return client.Answer{Body: []byte(`{"id":"order-` + key + `"}`), Replayed: replayed, Attempts: 1}, nil
}

type testBundle struct {
	shop    *shop
	cfg     orderreplay.Config
	refused []string
	done    int64
	bytes   int64
}

func setup(text string) *testBundle {
	b := &testBundle{shop: &shop{products: 250, answer: accept}}
	b.shop.mu.orders = make(map[string]*commerce.PlaceOrder)
	b.cfg = orderreplay.Config{
		Server: b.shop, File: "o.csv", Input: strings.NewReader(text), Concurrency: 3,
		Refused:  func(key string, err error) { b.refused = append(b.refused, key+": "+err.Error()) },
		Progress: func(orders, bytes int64) { b.done, b.bytes = orders, max(b.bytes, bytes) },
	}
	return b
}

const header = "order_id,placed_at,product_id,quantity,unit_price_minor\r\n"

const small = header +
	"A,2016-10-10T15:59:00Z,p0,1,100\r\n" +
	"A,2016-10-10T15:59:00Z,p249,2,200\r\n" +
	"B,2016-10-10T15:59:01Z,p7,1,0\r\n"

func TestReplay(t *testing.T) {
	t.Parallel()

	t.Run("places an order of its consecutive lines, by their SKUs, with their prices", func(t *testing.T) {
		t.Parallel()
		b := setup(small)
		summary, err := orderreplay.Run(t.Context(), b.cfg)
		require.NoError(t, err)
		require.Equal(t, orderreplay.Summary{Orders: 2, Lines: 3, Placed: 2, Refused: map[string]int64{}}, summary)
		price := func(n int64) *int64 { return &n }
		require.Equal(t, []commerce.OrderLine{
			{Product: productID(0), Quantity: 1, Price: price(100)},
			{Product: productID(249), Quantity: 2, Price: price(200)},
		}, b.shop.mu.orders["A"].Lines)
		require.NotEmpty(t, b.shop.mu.orders["A"].Address.Street)
		require.EqualValues(t, 2, b.done)
		require.EqualValues(t, len(small), b.bytes)
	})

	t.Run("a second replay places none", func(t *testing.T) {
		t.Parallel()
		b := setup(small)
		_, err := orderreplay.Run(t.Context(), b.cfg)
		require.NoError(t, err)
		b.cfg.Input = strings.NewReader(small)
		summary, err := orderreplay.Run(t.Context(), b.cfg)
		require.NoError(t, err)
		require.EqualValues(t, 0, summary.Placed)
		require.EqualValues(t, 2, summary.Replayed)
	})

	t.Run("counts refusals by code and repetitions", func(t *testing.T) {
		t.Parallel()
		b := setup(small)
		b.shop.answer = func(key string, replayed bool) (client.Answer, error) {
			if key == "A" {
				return client.Answer{Attempts: 3}, &client.ProblemError{Status: 409, Code: commerce.CodeInsufficientStock, Detail: "none left"}
			}
			return accept(key, replayed)
		}
		summary, err := orderreplay.Run(t.Context(), b.cfg)
		require.NoError(t, err)
		require.Equal(t, orderreplay.Summary{
			Orders: 2, Lines: 3, Placed: 1, Refused: map[string]int64{"insufficient_stock": 1}, Retried: 2,
		}, summary)
		require.EqualValues(t, 1, summary.RefusedAll())
		require.Equal(t, []string{"A: 409 insufficient_stock: none left"}, b.refused)
	})

	t.Run("says which product is missing", func(t *testing.T) {
		t.Parallel()
		b := setup(header + "A,2016-10-10T15:59:00Z,nowhere,1,100\n")
		summary, err := orderreplay.Run(t.Context(), b.cfg)
		require.NoError(t, err)
		require.Equal(t, map[string]int64{"product_unknown": 1}, summary.Refused)
		require.Equal(t, []string{"A: no product has the SKU nowhere; import the products first"}, b.refused)
	})

	t.Run("ends when the server gives no answer", func(t *testing.T) {
		t.Parallel()
		b := setup(small)
		b.shop.answer = func(string, bool) (client.Answer, error) {
			return client.Answer{Attempts: 8}, &client.UnavailableError{Target: "http://x", Attempts: 8, Err: errors.New("refused")}
		}
		_, err := orderreplay.Run(t.Context(), b.cfg)
		require.True(t, client.IsUnavailable(err))
	})
}

func TestReplayEndsAtAFaultAndPlacesNoHalfOrder(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("A,2016-10-10T15:59:00Z,p0,1,100\n", commerce.OrderItemsMax+1)
	tests := []struct {
		row  string
		want string
	}{
		{"A,yesterday,p0,1,1\n", "o.csv:3: placed_at must be a time like 2016-10-10T15:59:00Z"},
		{"A,2016-10-10T15:59:00Z,p0,0,1\n", `o.csv:3: quantity must be an integer from 1 to 1000000, but is "0"`},
		{"A,2016-10-10T15:59:00Z,p0,1,-1\n", `o.csv:3: unit_price_minor must be an integer from 0 to 1000000000000, but is "-1"`},
		{"a b,2016-10-10T15:59:00Z,p0,1,1\n", "o.csv:3: order_id must be 1 to 255 visible ASCII characters"},
		{",2016-10-10T15:59:00Z,p0,1,1\n", "o.csv:3: order_id must be 1 to 255 visible ASCII characters"},
		{"A\n", "o.csv:3: must have as many fields as the header, 5"},
		{long, "o.csv:202: an order has at most 200 lines"},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			t.Parallel()
			b := setup(header + "A,2016-10-10T15:59:00Z,p0,1,100\n" + tt.row)
			summary, err := orderreplay.Run(t.Context(), b.cfg)
			var fault *csvfile.Error
			require.ErrorAs(t, err, &fault)
			require.Equal(t, tt.want, fault.Error())
			require.Zero(t, summary.Placed)
		})
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	replay := func(t *testing.T, path string, answer func(string, bool) (client.Answer, error)) orderreplay.Comparison {
		t.Helper()
		b := setup(small)
		b.shop.answer = answer
		answers, err := orderreplay.OpenAnswers(path)
		require.NoError(t, err)
		b.cfg.Answers = answers
		_, err = orderreplay.Run(t.Context(), b.cfg)
		require.NoError(t, err)
		require.NoError(t, answers.Save())
		return answers.Compared()
	}

	t.Run("the first replay writes them down, the second finds them equal", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "answers.csv")
		require.Equal(t, orderreplay.Comparison{New: 2}, replay(t, path, accept))
		require.Equal(t, orderreplay.Comparison{Equal: 2}, replay(t, path, accept))
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Contains(t, string(text), "\nA,order-A,")
		left, err := filepath.Glob(path + ".*")
		require.NoError(t, err)
		require.Empty(t, left)
	})

	t.Run("another order, or another text, is a difference", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "answers.csv")
		replay(t, path, accept)
		compared := replay(t, path, func(key string, _ bool) (client.Answer, error) {
			if key == "A" {
				return client.Answer{Body: []byte(`{"id":"order-X"}`)}, nil
			}
			return client.Answer{Body: []byte(`{"id":"order-B","status":"paid"}`)}, nil
		})
		require.EqualValues(t, 2, compared.Different)
		require.ElementsMatch(t, []string{
			"key A was order order-A, and is order order-X now",
			"key B is order order-B as before, but its answer reads differently",
		}, compared.Differences)
	})

	t.Run("a place that cannot be written to is refused before any order", func(t *testing.T) {
		t.Parallel()
		_, err := orderreplay.OpenAnswers(filepath.Join(t.TempDir(), "nowhere", "answers.csv"))
		require.ErrorIs(t, err, fs.ErrNotExist)
	})

	t.Run("a file of something else is refused", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "answers.csv")
		require.NoError(t, os.WriteFile(path, []byte(small), 0o600))
		_, err := orderreplay.OpenAnswers(path)
		require.ErrorContains(t, err, "answers.csv:1: column 2 is \"placed_at\", which is unknown")
	})
}
