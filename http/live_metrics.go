package http

import (
	"strconv"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// liveMetrics are the figures of subscriptions.
type liveMetrics struct {
	begun     atomic.Int64
	delivered atomic.Int64
	catchUps  atomic.Int64
	slow      atomic.Int64
	closes    *prometheus.CounterVec
	latency   prometheus.Histogram
	gauges    []prometheus.Collector
}

func newLiveMetrics(l *live) *liveMetrics {
	m := &liveMetrics{
		closes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "penstock_subscribers_closed_total",
			Help: "Subscriptions that have ended, by the code of the close frame; 1006 is none.",
		}, []string{"code"}),
		latency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "penstock_commit_to_delivery_seconds", Help: "Time from the commit of an event to its way into a socket.",
			Buckets: durationBuckets(),
		}),
	}
	gauge := func(name, help string, value func() int) {
		m.gauges = append(m.gauges, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help},
			func() float64 { return float64(value()) }))
	}
	counter := func(name, help string, value *atomic.Int64) {
		m.gauges = append(m.gauges, prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help},
			func() float64 { return float64(value.Load()) }))
	}
	gauge("penstock_subscribers", "Clients that follow orders.", func() int { all, _ := l.count(); return all })
	gauge("penstock_subscribers_all_orders", "Those of them that follow all orders.", func() int { _, feeds := l.count(); return feeds })
	gauge("penstock_subscribers_stuck", "Those whose sockets are full.", func() int { return int(l.stuck.Load()) })
	counter("penstock_subscriptions_total", "Subscriptions that have begun.", &m.begun)
	counter("penstock_updates_delivered_total", "Updates written to sockets.", &m.delivered)
	counter("penstock_subscriber_catch_ups_total",
		"Pages read from the store for subscribers who resumed, or for whom updates were no longer kept.", &m.catchUps)
	counter("penstock_subscriber_sockets_full_total", "Times that a socket was full.", &m.slow)
	return m
}

func (m *liveMetrics) collectors() []prometheus.Collector {
	return append([]prometheus.Collector{m.closes, m.latency}, m.gauges...)
}

func (m *liveMetrics) closed(code uint16) {
	m.closes.WithLabelValues(strconv.Itoa(int(closeClass(code)))).Inc()
}

// closeClass bounds the codes that are counted apart: a client can send thousands.
func closeClass(code uint16) uint16 {
	if code >= 3000 {
		return 3000
	}
	return code
}
