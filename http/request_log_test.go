package http

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// recordsOnly hides what a handler is, so that lines are written by way of records.
type recordsOnly struct{ slog.Handler }

func (r recordsOnly) WithAttrs(attrs []slog.Attr) slog.Handler {
	return recordsOnly{r.Handler.WithAttrs(attrs)}
}

// The short way to a line of the access log writes what the long one does, to the byte.
func TestAccessLog_ShortWayWritesTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		r := &request{
			caller:      rapid.StringMatching("[!-~]{1,20}").Draw(rt, "caller"),
			correlation: rapid.StringMatching("[a-zA-Z0-9._-]{1,20}").Draw(rt, "correlation"),
		}
		at := time.UnixMicro(rapid.Int64Range(0, 4e15).Draw(rt, "at"))
		elapsed := time.Duration(rapid.Int64Range(0, 1e12).Draw(rt, "elapsed"))
		status := rapid.IntRange(200, 499).Draw(rt, "status")
		line := func(hide bool) string {
			var out bytes.Buffer
			log := NewLogger(&out, nil)
			if hide {
				log = slog.New(recordsOnly{log.Handler()})
			}
			log = log.With("logger", "http")
			a := newRequestLog(AccessLogAll, log, "GET", pathProducts)
			require.Equal(rt, !hide, a.lines != nil)
			a.log(r, status, 650, at, elapsed)
			return out.String()
		}
		require.Equal(rt, line(true), line(false))
		require.True(rt, json.Valid([]byte(line(false))))
	})
}
