package http

import (
	"context"
	"log/slog"
	"time"
)

// methodMax bounds the method that a line quotes, of a request that fits no route.
const methodMax = 16

// access writes the access log of one route: one line for each request, with who asked, under
// which correlation id, and how long it took.
type access struct {
	handler slog.Handler // nil when nothing is logged
	errors  bool         // only answers of 400 and above
	method  bool         // the route does not say the method
}

// newAccess formats once what is the same for every request of the route. An empty method means
// that requests differ in it.
func newAccess(which AccessLog, log *slog.Logger, method, path string) access {
	if which == AccessLogOff {
		return access{}
	}
	log = log.With("route", path)
	if method != "" {
		log = log.With("method", method)
	}
	return access{handler: log.Handler(), errors: which == AccessLogErrors, method: method == ""}
}

// log goes past slog.Logger, which would look up the caller's line for each request.
func (a *access) log(r *request, status, size int, elapsed time.Duration) {
	if a.handler == nil || a.errors && status < 400 {
		return
	}
	level := slog.LevelInfo
	if status >= 500 {
		level = slog.LevelWarn
	}
	ctx := context.Background()
	if !a.handler.Enabled(ctx, level) {
		return
	}
	record := slog.NewRecord(time.Now(), level, "request answered", 0)
	record.AddAttrs(
		slog.String("user_id", r.caller),
		slog.String("correlation_id", r.correlation),
		slog.Float64("duration_ms", float64(elapsed.Microseconds())/1e3),
		slog.Int("status", status),
		slog.Int("bytes", size),
	)
	if a.method {
		method := r.ctx.Method()
		record.AddAttrs(slog.String("method", string(method[:min(len(method), methodMax)])))
	}
	_ = a.handler.Handle(ctx, record) // a log that cannot be written is nobody's refusal
}
