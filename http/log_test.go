package http

import (
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/commerce"
)

// lines returns the access log's lines.
func lines(t *testing.T, b *testBundle) []map[string]any {
	t.Helper()
	var out []map[string]any
	for line := range strings.Lines(b.log.String()) {
		var fields map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &fields), line)
		if fields["message"] == "request answered" {
			out = append(out, fields)
		}
	}
	return out
}

func TestAccessLog_HasOneLineARequest(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.do(t, call{"POST", pathOrders, orderBody, []string{headerCaller, "kim"}})
	b.do(t, call{"HEAD", orderPath(1, ""), "", nil})
	b.do(t, call{"GET", "/secret%0Aline", "", nil})
	b.engine.placeOrder = func(*commerce.PlaceOrder) (actors.OrderReceipt, error) {
		return actors.OrderReceipt{}, &commerce.Error{Code: commerce.CodeOverloaded}
	}
	b.do(t, call{"POST", pathOrders, orderBody, nil})
	require.NoError(t, b.server.Shutdown(t.Context()))
	got := lines(t, b)
	require.Len(t, got, 4)
	want := []string{
		"bytes", "correlation_id", "duration_ms", "level", "logger", "message", "method", "route", "status", "timestamp", "user_id",
	}
	for _, line := range got {
		require.Equal(t, want, slices.Sorted(maps.Keys(line)))
		require.Equal(t, "http", line["logger"])
		require.Equal(t, "test-1", line["correlation_id"])
		at, err := time.Parse(time.RFC3339Nano, line["timestamp"].(string))
		require.NoError(t, err)
		require.Equal(t, time.UTC, at.Location())
		require.WithinDuration(t, time.Now(), at, time.Minute)
	}
	pick := func(line map[string]any) [5]any {
		return [5]any{line["method"], line["route"], line["status"], line["user_id"], line["level"]}
	}
	require.Equal(t, [5]any{"POST", pathOrders, 201.0, "kim", "INFO"}, pick(got[0]))
	require.Equal(t, [5]any{"HEAD", pathOrders + "/{id}", 200.0, "anonymous", "INFO"}, pick(got[1]))
	require.Equal(t, [5]any{"GET", "none", 404.0, "anonymous", "INFO"}, pick(got[2]))
	require.Equal(t, [5]any{"POST", pathOrders, 503.0, "anonymous", "WARN"}, pick(got[3]))
}

func TestAccessLog_CanBeLessOrOff(t *testing.T) {
	t.Parallel()
	for which, want := range map[AccessLog]int{AccessLogAll: 2, AccessLogErrors: 1, AccessLogOff: 0} {
		b := setup(t, func(c *Config) { c.AccessLog = which })
		b.do(t, call{"GET", "/livez", "", nil})
		b.do(t, call{"GET", orderPath(9, ""), "", nil})
		require.NoError(t, b.server.Shutdown(t.Context()))
		require.Len(t, lines(t, b), want, which)
	}
	b := setup(t, func(c *Config) { c.Logger = NewLogger(new(syncBuffer), slog.LevelError) })
	require.Equal(t, 200, b.do(t, call{"GET", "/livez", "", nil}).status)
}

func TestAccessLog_HasALineForARequestThatCouldNotBeRead(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, nil)
	b.raw(t, "POST /api/v2/orders HTTP/1.1\r\nHost: x\r\nX-Correlation-ID: c-9\r\nContent-Length: 300000\r\n\r\n")
	got := lines(t, b)
	require.Len(t, got, 1)
	require.Equal(t, []any{"unread", "POST", 413.0, "c-9"},
		[]any{got[0]["route"], got[0]["method"], got[0]["status"], got[0]["correlation_id"]})
}
