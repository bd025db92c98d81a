package http

import (
	"errors"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the server's own figures. Series are looked up once for each route, not for each
// request.
type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge

	credentialsRefused prometheus.Counter
}

// durationBuckets are the upper bounds in seconds: from a read answered from memory to a command
// that waited for its deadline.
func durationBuckets() []float64 {
	return []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
}

func newMetrics(registerer prometheus.Registerer, s *Server, noAuth bool) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "penstock_http_requests_total", Help: "Requests answered, by route and class of status.",
		}, []string{"method", "route", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "penstock_http_request_duration_seconds", Help: "Time from a request read to its answer made.",
			Buckets: durationBuckets(),
		}, []string{"method", "route"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "penstock_http_requests_in_flight", Help: "Requests being carried out.",
		}),
		credentialsRefused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "penstock_credentials_refused_total", Help: "API keys and tokens that proved nothing.",
		}),
	}
	connections := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "penstock_http_connections", Help: "Open connections.",
	}, func() float64 { return float64(s.connections.count()) })
	authDisabled := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "penstock_auth_disabled", Help: "1 when callers are believed on any address, by --insecure-no-auth.",
	})
	if noAuth {
		authDisabled.Set(1)
	}
	collectors := []prometheus.Collector{m.requests, m.duration, m.inFlight, m.credentialsRefused, connections, authDisabled}
	if h, ok := s.cfg.Logger.Handler().(flushHandler); ok {
		collectors = append(collectors, prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "penstock_log_lines_dropped_total", Help: "Lines lost because the log could not be written in time.",
		}, func() float64 { return float64(h.writer.Dropped()) }))
	}
	collectors = append(collectors, s.subscribers.metrics.collectors()...)
	var errs []error
	for _, c := range collectors {
		errs = append(errs, registerer.Register(c))
	}
	return m, errors.Join(errs...)
}

// series are the figures of one route and method.
type series struct {
	classes  [6]prometheus.Counter // by the first digit of the status
	duration prometheus.Observer
}

func (m *metrics) series(method, path string) *series {
	s := &series{duration: m.duration.WithLabelValues(method, path)}
	for class := 1; class < len(s.classes); class++ {
		s.classes[class] = m.requests.WithLabelValues(method, path, strconv.Itoa(class)+"xx")
	}
	return s
}

func (s *series) observe(status int, elapsed time.Duration) {
	s.classes[min(max(status/100, 1), len(s.classes)-1)].Inc()
	s.duration.Observe(elapsed.Seconds())
}
