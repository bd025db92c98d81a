package http

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/stretchr/testify/require"
)

// parseLines reads what a logger has written, with slog's own names for the keys that differ.
func parseLines(t *testing.T, text string) []map[string]any {
	t.Helper()
	var out []map[string]any
	for line := range strings.Lines(text) {
		var fields map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &fields), line)
		for ours, theirs := range map[string]string{"timestamp": slog.TimeKey, "message": slog.MessageKey} {
			if v, ok := fields[ours]; ok {
				delete(fields, ours)
				fields[theirs] = v
			}
		}
		out = append(out, fields)
	}
	return out
}

func TestLineHandler_DoesWhatSlogAsksOfAHandler(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, slogtest.TestHandler(newLineHandler(&out, nil), func() []map[string]any {
		return parseLines(t, out.String())
	}))
}

// marshaled writes itself as JSON; brokenMarshaler fails to.
type marshaled struct{}

func (marshaled) MarshalJSON() ([]byte, error) { return []byte(`{"x":1}`), nil }

type brokenMarshaler struct{}

func (brokenMarshaler) MarshalJSON() ([]byte, error) { return nil, errors.New("no") }

func TestLineHandler_WritesEveryKindOfValue(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := NewLogger(&out, slog.LevelDebug).With("logger", "test")
	record := slog.NewRecord(time.Date(2026, 7, 14, 18, 0, 0, 5e6, time.FixedZone("", 9*3600)), slog.LevelDebug, "a\n\"b\"\xff", 0)
	record.AddAttrs(
		slog.Int("int", -1), slog.Uint64("uint", math.MaxUint64), slog.Bool("bool", true), slog.Float64("float", 0.25),
		slog.Float64("nan", math.NaN()), slog.Float64("inf", math.Inf(-1)), slog.Duration("duration", 1500*time.Millisecond),
		slog.Time("time", at()), slog.Any("error", fmt.Errorf("wrapped: %w", errors.New("inner"))), slog.Any("nil", nil),
		slog.Any("marshaler", marshaled{}), slog.Any("broken", brokenMarshaler{}), slog.Any("slice", []int{1, 2}),
	)
	require.NoError(t, log.Handler().Handle(t.Context(), record))
	//nolint:testifylint // the bytes are what is tested, not only what they mean
	require.Equal(t, `{"timestamp":"2026-07-14T09:00:00.005Z","level":"DEBUG","message":"a\n\"b\"`+"\ufffd"+`","logger":"test",`+
		`"int":-1,"uint":18446744073709551615,"bool":true,"float":0.25,"nan":"NaN","inf":"-Inf","duration":"1.5s",`+
		`"time":"2026-07-14T09:00:00.123Z","error":"wrapped: inner","nil":"<nil>","marshaler":{"x":1},"broken":"{}","slice":"[1 2]"}`+"\n",
		out.String())
}

// BenchmarkAccessLog compares the log's handler with slog's own.
func BenchmarkAccessLog(b *testing.B) {
	writer := NewLogWriter(discard{})
	defer func() { _ = writer.Close() }()
	rename := func(_ []string, a slog.Attr) slog.Attr {
		switch a.Key {
		case slog.TimeKey:
			return slog.Time("timestamp", a.Value.Time().UTC())
		case slog.MessageKey:
			a.Key = "message"
		}
		return a
	}
	for name, log := range map[string]*slog.Logger{
		"ours": NewLogger(writer, nil),
		"slog": slog.New(slog.NewJSONHandler(writer, &slog.HandlerOptions{ReplaceAttr: rename})),
	} {
		b.Run(name, func(b *testing.B) {
			a := newRequestLog(AccessLogAll, log.With("logger", "http"), "POST", pathOrders)
			r := &request{caller: "kim", correlation: freshCorrelation()}
			b.ReportAllocs()
			for b.Loop() {
				a.log(r, 201, 650, time.Now(), 1234*time.Microsecond)
			}
		})
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
