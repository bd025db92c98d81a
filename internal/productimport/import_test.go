package productimport_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/client"
	"github.com/penstock-dev/penstock/internal/csvfile"
	"github.com/penstock-dev/penstock/internal/productimport"
)

// shop is a server that keeps products by key and SKU.
type shop struct {
	mu struct {
		sync.Mutex
		products map[string]*commerce.CreateProduct // by key
	}
	refuse map[string]error // by SKU
}

func (s *shop) CreateProduct(_ context.Context, p *commerce.CreateProduct) (client.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refuse[p.SKU]; err != nil {
		return client.Answer{Attempts: 1}, err
	}
	if _, found := s.mu.products[p.Key]; found {
		return client.Answer{Replayed: true, Attempts: 1}, nil
	}
	if s.mu.products == nil {
		s.mu.products = make(map[string]*commerce.CreateProduct)
	}
	s.mu.products[p.Key] = p
	return client.Answer{Attempts: 1}, nil
}

func (s *shop) bySKU(sku string) *commerce.CreateProduct {
	for _, p := range s.mu.products {
		if p.SKU == sku {
			return p
		}
	}
	return nil
}

type testBundle struct {
	shop   *shop
	cfg    productimport.Config
	faults []string

	repeated []string
	rows     int64
	bytes    int64
}

func setup(text string) *testBundle {
	b := &testBundle{shop: &shop{refuse: map[string]error{}}}
	b.cfg = productimport.Config{
		Creator: b.shop, File: "p.csv", Input: strings.NewReader(text), Concurrency: 4,
		Fault:    func(f *csvfile.Error) { b.faults = append(b.faults, f.Error()) },
		Repeated: func(f *csvfile.Error) { b.repeated = append(b.repeated, f.Error()) },
		Progress: func(rows, bytes int64) { b.rows, b.bytes = rows, max(b.bytes, bytes) },
	}
	return b
}

const small = `product_id,category,price_minor,currency,stock
0011aabbccddeeff,toys,22900,BRL,6
9922aabbccddeeff,,0,KRW,0
`

func TestImport(t *testing.T) {
	t.Parallel()

	t.Run("makes a product of every row", func(t *testing.T) {
		t.Parallel()
		b := setup(small)
		summary, err := productimport.Run(t.Context(), b.cfg)
		require.NoError(t, err)
		require.Equal(t, productimport.Summary{Created: 2}, summary)
		p := b.shop.bySKU("0011aabbccddeeff")
		require.Equal(t, &commerce.CreateProduct{
			Key: p.Key, Name: "toys 0011aabb", Price: commerce.Money{Amount: 22900, Currency: commerce.Currency{'B', 'R', 'L'}},
			Category: "toys", SKU: "0011aabbccddeeff", OnHand: 6,
		}, p)
		require.Equal(t, "9922aabb", b.shop.bySKU("9922aabbccddeeff").Name)
		require.EqualValues(t, 2, b.rows)
		require.EqualValues(t, len(small), b.bytes)
	})

	t.Run("takes names and descriptions that the file has", func(t *testing.T) {
		t.Parallel()
		b := setup("name,description,product_id,category,price_minor,currency,stock\n무선 청소기,\"quiet, light\",a,가전,1,KRW,1\n")
		_, err := productimport.Run(t.Context(), b.cfg)
		require.NoError(t, err)
		require.Equal(t, "무선 청소기", b.shop.bySKU("a").Name)
		require.Equal(t, "quiet, light", b.shop.bySKU("a").Description)
	})

	t.Run("makes nothing twice", func(t *testing.T) {
		t.Parallel()
		b := setup(small)
		_, err := productimport.Run(t.Context(), b.cfg)
		require.NoError(t, err)
		b.cfg.Input = strings.NewReader(small)
		summary, err := productimport.Run(t.Context(), b.cfg)
		require.NoError(t, err)
		require.Equal(t, productimport.Summary{Already: 2}, summary)
	})

	t.Run("tells of rows that share an id", func(t *testing.T) {
		t.Parallel()
		b := setup(small + "0011aabbccddeeff,books,5,BRL,1\n")
		summary, err := productimport.Run(t.Context(), b.cfg)
		require.NoError(t, err)
		require.Equal(t, productimport.Summary{Created: 2, Already: 1, Repeated: 1}, summary)
		require.Equal(t, []string{"p.csv:4: product_id stands in line 2 already; only one of the rows becomes the product"}, b.repeated)
	})

	t.Run("counts a SKU that is taken as already there", func(t *testing.T) {
		t.Parallel()
		b := setup(small)
		b.shop.refuse["0011aabbccddeeff"] = &client.ProblemError{Status: 409, Code: commerce.CodeSKUTaken}
		b.shop.refuse["9922aabbccddeeff"] = &client.ProblemError{Status: 422, Code: commerce.CodeIdempotencyMismatch}
		summary, err := productimport.Run(t.Context(), b.cfg)
		require.NoError(t, err)
		require.Equal(t, productimport.Summary{Already: 2}, summary)
	})

	t.Run("names what the server refuses by its line and goes on", func(t *testing.T) {
		t.Parallel()
		b := setup(small)
		b.shop.refuse["0011aabbccddeeff"] = &client.ProblemError{Status: 400, Code: commerce.CodeValidation, Detail: "no toys"}
		summary, err := productimport.Run(t.Context(), b.cfg)
		require.NoError(t, err)
		require.Equal(t, productimport.Summary{Created: 1, Failed: 1}, summary)
		require.Equal(t, []string{"p.csv:2: 400 validation_failed: no toys"}, b.faults)
	})

	t.Run("ends when the server gives no answer", func(t *testing.T) {
		t.Parallel()
		b := setup(small)
		b.shop.refuse["0011aabbccddeeff"] = &client.UnavailableError{Target: "http://x", Attempts: 8, Err: errors.New("refused")}
		_, err := productimport.Run(t.Context(), b.cfg)
		require.True(t, client.IsUnavailable(err))
	})

	t.Run("a wrong header is an error, not a fault", func(t *testing.T) {
		t.Parallel()
		_, err := productimport.Run(t.Context(), setup("order_id\n").cfg)
		require.ErrorContains(t, err, `p.csv:1: column 1 is "order_id", which is unknown`)
	})
}

func TestImportNamesFaultsByLineAndColumn(t *testing.T) {
	t.Parallel()
	header := "product_id,category,price_minor,currency,stock\n"
	tests := []struct {
		row  string
		want string
	}{
		{",toys,1,KRW,1", "p.csv:2: product_id must not be empty"},
		{"a,toys,-1,KRW,1", `p.csv:2: price_minor must be an integer from 0 to 1000000000000, but is "-1"`},
		{"a,toys,1,WON,1", `p.csv:2: currency must be an ISO 4217 code like KRW, but is "WON"`},
		{"a,toys,1,KRW,1000000001", `p.csv:2: stock must be an integer from 0 to 1000000000, but is "1000000001"`},
		{strings.Repeat("a", 101) + ",toys,1,KRW,1", "p.csv:2: product_id must be at most 100 characters long, but has 101"},
		{"a," + strings.Repeat("c", 101) + ",1,KRW,1", "p.csv:2: category must be at most 100 characters long, but has 101"},
		{"a,toys,1,KRW", "p.csv:2: must have as many fields as the header, 5"},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			t.Parallel()
			b := setup(header + tt.row + "\nb,toys,1,KRW,1\n")
			summary, err := productimport.Run(t.Context(), b.cfg)
			require.NoError(t, err)
			require.Equal(t, productimport.Summary{Created: 1, Failed: 1}, summary)
			require.Equal(t, []string{tt.want}, b.faults)
		})
	}

	t.Run("--stop ends at the first", func(t *testing.T) {
		t.Parallel()
		b := setup(header + "a,toys,x,KRW,1\nb,toys,x,KRW,1\n")
		b.cfg.Stop = true
		summary, err := productimport.Run(t.Context(), b.cfg)
		require.NoError(t, err)
		require.Equal(t, productimport.Summary{Failed: 1}, summary)
	})
}
