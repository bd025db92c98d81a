package progress

import (
	"bytes"
	"io"
	"log/slog"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// clock is a time that stands until it is moved.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func (c *clock) move(d time.Duration) { c.now = c.now.Add(d) }

func setup(terminal bool) (*Progress, *clock, *bytes.Buffer, *bytes.Buffer) {
	var out, log bytes.Buffer
	c := &clock{now: time.Unix(0, 0)}
	logger := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	p := start(Config{Out: &out, Log: logger, What: "importing products", Unit: "rows", Now: c.Now}, terminal)
	return p, c, &out, &log
}

func TestOnATerminalABarIsDrawnAndWiped(t *testing.T) {
	t.Parallel()
	p, c, out, log := setup(true)
	c.move(time.Second)
	p.Set(1500, 0.5)
	require.Equal(t, "\r\x1b[Kimporting products ███████████████░░░░░░░░░░░░░░░  50%  1,500 rows, 1,500/s", out.String())

	out.Reset()
	p.Set(1501, 0.51)
	require.Empty(t, out.String(), "too soon to draw again")

	c.move(drawEvery)
	p.Set(1600, -1)
	require.Equal(t, "\r\x1b[Kimporting products  1,600 rows, 1,454/s", out.String())

	out.Reset()
	p.Done()
	require.Equal(t, "\r\x1b[K", out.String())
	require.Empty(t, log.String())
}

func TestElsewhereLinesAreLogged(t *testing.T) {
	t.Parallel()
	p, c, out, log := setup(false)
	p.Set(1, 0.1)
	require.Empty(t, log.String(), "short work says nothing")
	c.move(logEvery)
	p.Set(2000, 0.25)
	require.JSONEq(t, `{"level":"INFO","msg":"progress","work":"importing products","rows":2000,"elapsed":5000000000,"percent":25}`, log.String())
	p.Done()
	require.Empty(t, out.String())
}

func TestAFileOrABufferIsNoTerminal(t *testing.T) {
	t.Parallel()
	require.False(t, isTerminal(io.Discard))
	require.False(t, isTerminal(&bytes.Buffer{}))
}

func TestCount(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{
		0: "0", 999: "999", 1000: "1,000", 6157: "6,157", 1_234_567: "1,234,567", -1000: "-1,000", -100: "-100",
		math.MinInt64: "-9,223,372,036,854,775,808",
	} {
		require.Equal(t, want, Count(n))
	}
}
