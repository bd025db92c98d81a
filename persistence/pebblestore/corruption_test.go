package pebblestore

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

// logged is a log that can be read while it is written.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// rot overwrites every table file, but for its end, which is in memory.
func rot(t *testing.T, fs vfs.FS, dir string) {
	t.Helper()
	names, err := fs.List(dir)
	require.NoError(t, err)
	for _, name := range names {
		if !strings.HasSuffix(name, ".sst") {
			continue
		}
		file, err := fs.OpenReadWrite(fs.PathJoin(dir, name), vfs.WriteCategoryUnspecified)
		require.NoError(t, err)
		info, err := file.Stat()
		require.NoError(t, err)
		_, err = file.WriteAt(bytes.Repeat([]byte{0xa5}, int(info.Size()*9/10)), 0)
		require.NoError(t, err)
		require.NoError(t, file.Close())
	}
}

func metric(t *testing.T, s *Store, name string) float64 {
	t.Helper()
	for _, m := range s.Metrics() {
		if m.Name == name {
			return m.Value
		}
	}
	require.FailNow(t, "there is no metric", name)
	return 0
}

func TestCorruptFileIsTold(t *testing.T) {
	t.Parallel()
	var log logged
	opts := small(vfs.NewMem())
	opts.FoldInterval, opts.Logger = time.Hour, slog.New(slog.NewTextHandler(&log, nil))
	s := openShopWith(t, opts)
	require.NoError(t, s.commit(s.orders(300)))
	require.NoError(t, s.store.keep.fold(t.Context()))
	require.NoError(t, s.store.mu.instance.flush(t.Context()))
	require.NoError(t, s.store.Health(t.Context()))
	require.Zero(t, metric(t, s.store, "corruptions_total"))

	rot(t, opts.FS, opts.Dir)
	for range 2 {
		report, err := s.store.Verify(t.Context(), nil)
		require.NoError(t, err)
		require.False(t, report.OK())
		last := report.Faults[len(report.Faults)-1]
		require.Equal(t, "corrupt_file", last.Kind)
		require.Contains(t, last.Entity, ".sst")
		require.NotContains(t, last.Detail, "carrier")
	}
	require.Positive(t, metric(t, s.store, "corruptions_total"))
	require.ErrorContains(t, s.store.Health(t.Context()), "is corrupt")
	require.Equal(t, 1, strings.Count(log.String(), "a file is corrupt"), "once, however often it is met: %s", log.String())

	var failed error
	for _, o := range s.placed {
		if _, err := s.store.Order(t.Context(), o.ID); err != nil {
			failed = err
			break
		}
	}
	require.True(t, pebble.IsCorruptionError(failed))
	require.ErrorContains(t, failed, ".sst is corrupt: ")
	require.NotContains(t, failed.Error(), "carrier")
}

func TestFailedWritesAreNoCorruption(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	for name, c := range map[string]struct {
		blown, cause error
		told         int
	}{
		"the fuse has blown": {blown: syscall.EIO, cause: errors.New("checksum mismatch")},
		"the disk is full":   {cause: syscall.ENOSPC},
		"it has rotted":      {cause: errors.New("checksum mismatch"), told: 1},
	} {
		log.Reset()
		noted := newCorruptions(logger)
		in := &instance{fuse: newFuse(vfs.NewMem())}
		if c.blown != nil {
			in.fuse.blow(c.blown)
		}
		in.listener(logger, noted).DataCorruption(pebble.DataCorruptionInfo{Path: "data/000007.sst", Details: c.cause})
		require.EqualValues(t, c.told, noted.met.Load(), name)
		require.Equal(t, c.told, strings.Count(log.String(), "data/000007.sst"), name)
		require.Equal(t, c.told == 0, noted.err() == nil, name)
	}
}

func TestCorruptFilesAreBounded(t *testing.T) {
	t.Parallel()
	noted := newCorruptions(slog.New(slog.DiscardHandler))
	for n := range 2 * corruptFilesMax {
		noted.note(strings.Repeat("x", n+1), errors.New("checksum mismatch"))
	}
	require.Len(t, noted.files, corruptFilesMax)
	require.EqualValues(t, 2*corruptFilesMax, noted.met.Load())
}
