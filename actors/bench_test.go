package actors

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// blindStore is a memStore whose writer applies everything and keeps nothing: what is left is the
// cost of the actors.
type blindStore struct{ *memStore }

type blindWriter struct {
	persistence.Writer
	seq   uint64
	rows  map[commerce.ID]commerce.Stock
	state *commerce.State
}

func (s blindStore) OpenWriter(ctx context.Context) (persistence.Writer, error) {
	w, err := s.memStore.OpenWriter(ctx)
	return &blindWriter{
		Writer: w, rows: make(map[commerce.ID]commerce.Stock),
		state: commerce.NewState(func(commerce.ID) uint64 { return w.Epoch() }),
	}, err
}

func (w *blindWriter) NextSeq() uint64 { return w.seq + 1 }

func (w *blindWriter) Commit(_ context.Context, b *persistence.Batch, res *persistence.Result) error {
	res.Outcomes, res.Stock = res.Outcomes[:0], res.Stock[:0]
	w.state.Reset(b.At)
	for _, e := range b.Entries {
		for i := range e.Movements {
			if row, ok := w.rows[e.Movements[i].Product]; ok && !w.state.HasStock(row.Product) {
				w.state.LoadStock(row)
			}
		}
		res.Outcomes = append(res.Outcomes, w.state.Decide(e))
	}
	res.Stock = w.state.Touched(res.Stock)
	for _, row := range res.Stock {
		w.rows[row.Product] = row
	}
	w.seq = b.Seq
	return nil
}

// BenchmarkPlaceOrder places keyed orders of two items over 10,000 products from 64 callers, on a
// store that costs nothing: the figures to look at are cpu-ns/op and
// allocs/op, because callers wait for the commit interval.
func BenchmarkPlaceOrder(b *testing.B) {
	engine, err := Open(b.Context(), blindStore{newMemStore()}, Config{})
	require.NoError(b, err)
	defer func() { require.NoError(b, engine.Close(context.Background())) }()
	products := make([]commerce.ID, 10_000)
	for i := range products {
		receipt, err := engine.CreateProduct(&commerce.CreateProduct{
			Name: "Cup", Price: commerce.Money{Amount: 900, Currency: commerce.DefaultCurrency()}, OnHand: commerce.OnHandMax,
		})
		require.NoError(b, err)
		products[i] = receipt.Product.ID
	}
	var n atomic.Int64
	b.SetParallelism(32)
	b.ReportAllocs()
	b.ResetTimer()
	before := cpuTime(b)
	defer func() { b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op") }()
	b.RunParallel(func(p *testing.PB) {
		random := rand.New(rand.NewPCG(uint64(n.Add(1)), 1))
		for p.Next() {
			cmd := order("k"+strconv.FormatInt(n.Add(1), 36), 1, products[random.IntN(len(products))], products[random.IntN(len(products))])
			if _, err := engine.PlaceOrder(cmd); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// cpuTime is what this process has used so far, in nanoseconds.
func cpuTime(b *testing.B) int64 {
	b.Helper()
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return usage.Utime.Nano() + usage.Stime.Nano()
}
