package http

import (
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLogWriter_WritesEachSecondAndAtOnceAfterAWarning(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		out := new(syncBuffer)
		w := NewLogWriter(out)
		log := NewLogger(w, slog.LevelInfo).With("logger", "test").WithGroup("g")
		log.Info("first", "n", 1)
		log.Debug("too detailed")
		synctest.Wait()
		require.Empty(t, out.String())
		<-time.After(logFlushInterval) // in the bubble's time
		synctest.Wait()
		require.Contains(t, out.String(), `"message":"first"`)
		log.Info("second")
		synctest.Wait()
		require.NotContains(t, out.String(), "second")
		log.Warn("third")
		synctest.Wait()
		require.Equal(t, 3, strings.Count(out.String(), "\n"))
		log.Info(strings.Repeat("x", logBatch))
		synctest.Wait()
		require.Equal(t, 4, strings.Count(out.String(), "\n"), "a full batch does not wait")

		log.Info("last")
		require.NoError(t, w.Close())
		require.NoError(t, w.Close())
		require.Contains(t, out.String(), "last")
		log.Info("after the end")
		require.Contains(t, out.String(), "after the end")
		require.NotContains(t, out.String(), "too detailed")
		require.Zero(t, w.Dropped())
	})
}

// stuckWriter takes nothing until it is let go.
type stuckWriter struct {
	syncBuffer
	entered, release chan struct{}
	once             sync.Once
}

func newStuckWriter() *stuckWriter {
	return &stuckWriter{entered: make(chan struct{}), release: make(chan struct{})}
}

func (w *stuckWriter) Write(p []byte) (int, error) {
	w.once.Do(func() { close(w.entered) })
	<-w.release
	return w.syncBuffer.Write(p)
}

func TestLogWriter_DropsAndCountsWhatADestinationThatHangsDoesNotTake(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stuck := newStuckWriter()
		w := NewLogWriter(stuck)
		log := NewLogger(w, nil)
		log.Warn("first")
		<-stuck.entered
		const lines = 2 * logGatheredMax / 1024
		text := strings.Repeat("x", 1024)
		for range lines {
			log.Warn(text) // does not wait
		}
		dropped := int(w.Dropped())
		require.Greater(t, dropped, lines/2)
		require.Less(t, dropped, lines)
		close(stuck.release)
		require.NoError(t, w.Close())

		got := parseLines(t, stuck.String())
		require.Len(t, got, 1+1+lines-dropped)
		require.Equal(t, "first", got[0][slog.MessageKey])
		require.Equal(t, "log lines were dropped", got[1][slog.MessageKey])
		require.InDelta(t, dropped, got[1]["lines"], 0)
		require.Equal(t, dropped, int(w.Dropped()))
	})
}

func TestLogWriter_CloseGivesUpADestinationThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stuck := newStuckWriter()
		w := NewLogWriter(stuck)
		log := NewLogger(w, nil)
		log.Warn("first")
		<-stuck.entered
		require.ErrorContains(t, w.Close(), "takes nothing")
		log.Info("does not wait either")
		require.EqualValues(t, 1, w.Dropped())
		close(stuck.release)
		require.NoError(t, w.Close())
	})
}

func TestServer_AnswersWhileNobodyReadsItsLog(t *testing.T) {
	t.Parallel()
	stuck := newStuckWriter()
	w := NewLogWriter(stuck)
	b := setup(t, func(c *Config) { c.Logger = NewLogger(w, nil) })
	line := []byte(strings.Repeat("x", 1<<20-1) + "\n")
	for w.Dropped() == 0 {
		_, _ = w.Write(line)
	}
	require.Equal(t, 200, b.do(t, call{"GET", "/livez", "", nil}).status)
	require.Equal(t, 201, b.do(t, call{"POST", pathOrders, orderBody, nil}).status)
	metrics := b.do(t, call{"GET", "/metrics", "", nil}).body
	require.Contains(t, metrics, "\npenstock_log_lines_dropped_total ")
	require.NotContains(t, metrics, "\npenstock_log_lines_dropped_total 0\n")
	close(stuck.release)
	require.NoError(t, w.Close())
}

// fullDisk fails as long as it has no room; the first write that fails gets half in.
type fullDisk struct {
	syncBuffer
	full, half bool
}

func (d *fullDisk) Write(p []byte) (int, error) {
	if !d.full {
		return d.syncBuffer.Write(p)
	}
	n := 0
	if d.half {
		d.half = false
		n, _ = d.syncBuffer.Write(p[:len(p)/2])
	}
	return n, errors.New("disk full")
}

func TestLogWriter_GoesOnAfterAWriteThatFailed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := new(fullDisk)
		w := NewLogWriter(disk)
		log := NewLogger(w, nil)
		warn := func(text string) {
			log.Warn(text)
			synctest.Wait()
		}
		warn("first")
		disk.full, disk.half = true, true
		warn("cut off")
		warn("lost")
		require.EqualValues(t, 2, w.Dropped())
		disk.full = false
		warn("back again")
		require.NoError(t, w.Close())
		require.EqualValues(t, 2, w.Dropped())

		got := strings.Split(strings.TrimSpace(disk.String()), "\n")
		require.Len(t, got, 4)
		require.Contains(t, got[0], "first")
		require.NotContains(t, got[1], "}")
		require.Contains(t, got[2], `"message":"log lines were dropped","logger":"log","lines":2}`)
		require.Contains(t, got[3], "back again")
	})
}

func TestLogWriter_CloseSaysWhatCouldNotBeWritten(t *testing.T) {
	t.Parallel()
	w := NewLogWriter(&fullDisk{full: true})
	n, err := w.Write([]byte("x\n"))
	require.NoError(t, err)
	require.Equal(t, 2, n)
	require.ErrorContains(t, w.Close(), "write the log: disk full")
	require.EqualValues(t, 1, w.Dropped())
}
