package http

import (
	"bytes"
	"fmt"

	"github.com/prometheus/common/expfmt"
)

// serveMetrics answers with everything that the gatherer has, in Prometheus' text format. What
// could be gathered is shown even when something could not, which is logged.
func (s *Server) serveMetrics(r *request) error {
	families, err := s.cfg.Gatherer.Gather()
	if err != nil {
		if len(families) == 0 {
			return fmt.Errorf("gather metrics: %w", err)
		}
		s.log.Warn("some metrics could not be gathered", "error", err)
	}
	format := expfmt.NewFormat(expfmt.TypeTextPlain)
	out := bytes.NewBuffer(r.buf[:0])
	encoder := expfmt.NewEncoder(out, format)
	for _, family := range families {
		if err := encoder.Encode(family); err != nil {
			return fmt.Errorf("encode metrics: %w", err)
		}
	}
	r.buf = out.Bytes()
	r.ctx.Response.Header.SetCanonical(r.keys.cacheControl, r.keys.noStore)
	r.answer(200, string(format), r.buf)
	return nil
}
