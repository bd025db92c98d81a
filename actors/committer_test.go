package actors

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// settledOrder tells in which order submissions are settled.
type settledOrder chan *submission

func (o settledOrder) settle(s *submission) { o <- s }

func TestBarrierWaitsForEntriesThatWereLeftOver(t *testing.T) {
	t.Parallel()
	store := newMemStore()
	g := newGate(store)
	g.on.Store(true)
	writer, err := store.OpenWriter(t.Context())
	require.NoError(t, err)
	catalogue, err := newCatalogue(store, 1<<20)
	require.NoError(t, err)
	c := &committer{
		writer: writer, store: store, catalogue: catalogue, hub: newHub(store, writer.Epoch(), 0), admission: newAdmission(10, time.Minute),
		logger: slog.New(slog.DiscardHandler), metrics: newMetrics(), interval: time.Nanosecond, batchMax: 1, refusal: errUnavailable(),
		arrived: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	settled := make(settledOrder, 3)
	first := &submission{entry: &commerce.Entry{Deadline: later()}, settled: settled}
	second := &submission{entry: &commerce.Entry{Deadline: later()}, settled: settled}
	barrier := &submission{settled: settled}
	c.submit(first)
	c.submit(second) // taken with the first, and left over: a batch holds one
	go c.run()
	<-g.arrived
	c.submit(barrier)
	g.answer <- fail(persistence.ErrUnknown)
	<-g.arrived
	g.open(pass)
	require.Same(t, first, <-settled)
	require.Same(t, second, <-settled)
	require.Same(t, barrier, <-settled)
	c.close(t.Context())
}
