package actors

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// metrics are the engine's figures. The order path touches atomics only; they become Prometheus
// metrics when somebody asks.
type metrics struct {
	commands [operationUpdateProduct + 1][resultsMax]atomic.Int64

	grains               atomic.Int64
	parked               atomic.Int64
	grantsEnded          atomic.Int64
	grantsRefusedByStore atomic.Int64
	entriesDropped       atomic.Int64
	grainFailures        atomic.Int64
	quarantined          atomic.Int64
	commitErrors         atomic.Int64
	ordersExpired        atomic.Int64

	batchEntries  prometheus.Histogram
	commitSeconds prometheus.Histogram
}

// The results commands are counted by.
const (
	resultDone = iota
	resultReplayed
	resultRefused     // the caller's turn
	resultUnavailable // 503: try again
	resultsMax
)

func newMetrics() *metrics {
	return &metrics{
		batchEntries: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "penstock_commit_batch_entries", Help: "Entries of one commit.",
			Buckets: []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512},
		}),
		commitSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "penstock_commit_seconds", Help: "Time to write one batch durably.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}),
	}
}

func (m *metrics) batch(entries int, took time.Duration) {
	m.batchEntries.Observe(float64(entries))
	m.commitSeconds.Observe(took.Seconds())
}

func (m *metrics) count(operation commerce.Operation, a answer) {
	m.commands[operation][resultOf(a)].Add(1)
}

func resultOf(a answer) int {
	if a.err == nil {
		if a.replayed {
			return resultReplayed
		}
		return resultDone
	}
	var refusal *commerce.Error
	if !errors.As(a.err, &refusal) {
		return resultUnavailable
	}
	switch refusal.Code {
	case commerce.CodeOverloaded, commerce.CodeOutcomeUnknown, commerce.CodeStoreUnavailable,
		commerce.CodeQuarantined, commerce.CodeFenced, commerce.CodeInternal:
		return resultUnavailable
	default:
		return resultRefused
	}
}

func operationNames() [operationUpdateProduct + 1]string {
	return [...]string{"", "place_order", "transition_order", "create_product", "adjust_stock", "update_product"}
}

func resultNames() [resultsMax]string {
	return [...]string{"done", "replayed", "refused", "unavailable"}
}

// Describe implements prometheus.Collector. The store decides which figures it has, so the engine
// is an unchecked collector: it describes nothing beforehand.
func (e *Engine) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (e *Engine) Collect(ch chan<- prometheus.Metric) {
	m := e.metrics
	commands := prometheus.NewDesc("penstock_commands_total", "Commands by operation and result.",
		[]string{"operation", "result"}, nil)
	operations, results := operationNames(), resultNames()
	for operation := commerce.OperationPlaceOrder; operation <= operationUpdateProduct; operation++ {
		for result := range resultsMax {
			ch <- prometheus.MustNewConstMetric(commands, prometheus.CounterValue,
				float64(m.commands[operation][result].Load()), operations[operation], results[result])
		}
	}
	for _, figure := range e.figures() {
		kind := prometheus.GaugeValue
		if figure.Counter {
			kind = prometheus.CounterValue
		}
		desc := prometheus.NewDesc("penstock_"+figure.Name, figure.Help, nil, nil)
		ch <- prometheus.MustNewConstMetric(desc, kind, figure.Value)
	}
	m.batchEntries.Collect(ch)
	m.commitSeconds.Collect(ch)
}

func (e *Engine) figures() []persistence.Metric {
	m := e.metrics
	gauge := func(name, help string, value float64) persistence.Metric {
		return persistence.Metric{Name: name, Help: help, Value: value}
	}
	counter := func(name, help string, value *atomic.Int64) persistence.Metric {
		return persistence.Metric{Name: name, Help: help, Counter: true, Value: float64(value.Load())}
	}
	stalled := 0.0
	if e.admission.refusal.Load() != nil {
		stalled = 1
	}
	figures := []persistence.Metric{
		gauge("commands_in_progress", "Commands accepted and not yet over.", float64(e.admission.inFlight.Load())),
		gauge("product_grains", "Resident product grains.", float64(m.grains.Load())),
		gauge("products_quarantined", "Products stopped because their books did not add up.", float64(m.quarantined.Load())),
		gauge("store_stalled", "1 while commands are refused because the store cannot write.", stalled),
		counter("requests_parked_total", "Requests that waited for grants to settle.", &m.parked),
		counter("grants_ended_total", "Grants dropped after their end: an order went missing.", &m.grantsEnded),
		counter("grants_refused_by_store_total", "Granted entries that the store refused.", &m.grantsRefusedByStore),
		counter("entries_dropped_total", "Entries dropped because their deadline passed before they were written.", &m.entriesDropped),
		counter("orders_expired_total", "Orders cancelled because they were not paid in time.", &m.ordersExpired),
		counter("grain_failures_total", "Panics of grains.", &m.grainFailures),
		counter("commit_errors_total", "Attempts to commit that failed.", &m.commitErrors),
	}
	figures = append(figures, e.catalogue.figures()...)
	return append(figures, e.store.Metrics()...)
}
