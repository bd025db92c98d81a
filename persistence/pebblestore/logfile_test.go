package pebblestore

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

// createLog creates a log on a fuse over the real file system.
func createLog(t *testing.T) (f *fuse, log vfs.File, path string) {
	t.Helper()
	f, path = newFuse(vfs.Default), filepath.Join(t.TempDir(), "000007.log")
	log, err := f.Create(path, "pebble-wal")
	require.NoError(t, err)
	t.Cleanup(func() { _ = log.Close() })
	return f, log, path
}

func fileSize(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	return info.Size()
}

func TestALogGrowsByLeaps(t *testing.T) {
	t.Parallel()
	_, log, path := createLog(t)
	var written []byte
	leaps, size := 0, int64(0)
	for i := range 200 {
		record := bytes.Repeat([]byte{byte(i + 1)}, 20_001)
		n, err := log.Write(record)
		require.NoError(t, err)
		require.Len(t, record, n)
		written = append(written, record...)
		if now := fileSize(t, path); now != size {
			leaps, size = leaps+1, now
		}
		require.GreaterOrEqual(t, size, int64(len(written)))
		require.LessOrEqual(t, size, int64(len(written)+logFillAhead))
	}
	require.LessOrEqual(t, leaps, len(written)/(logFillAhead-20_001)+1)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(content, written))
	require.Empty(t, bytes.Trim(content[len(written):], "\x00"))
}

func TestARecycledLogIsFilledOnlyBehindItsEnd(t *testing.T) {
	t.Parallel()
	f, log, path := createLog(t)
	_, err := log.Write(bytes.Repeat([]byte{'o'}, 100_000))
	require.NoError(t, err)
	require.NoError(t, log.Close())
	before, err := os.ReadFile(path)
	require.NoError(t, err)

	renewed := filepath.Join(filepath.Dir(path), "000008.log")
	log, err = f.ReuseForWrite(path, renewed, "pebble-wal")
	require.NoError(t, err)
	defer func() { require.NoError(t, log.Close()) }()
	_, err = log.Write(bytes.Repeat([]byte{'n'}, 50_000))
	require.NoError(t, err)
	content, err := os.ReadFile(renewed)
	require.NoError(t, err)
	require.Equal(t, before[50_000:], content[50_000:], "what is there already is not written again")
	_, err = log.Write(bytes.Repeat([]byte{'n'}, len(before)))
	require.NoError(t, err)
	require.Greater(t, fileSize(t, renewed), int64(len(before)+50_000))
}

func TestALogThatReplacesAnotherTakesOnlyWhatIsWritten(t *testing.T) {
	t.Parallel()
	f, log, path := createLog(t)
	require.NoError(t, log.Close())
	f.reclaiming.Store(true)
	renewed := filepath.Join(filepath.Dir(path), "000008.log")
	log, err := f.ReuseForWrite(path, renewed, "pebble-wal")
	require.NoError(t, err)
	defer func() { require.NoError(t, log.Close()) }()
	_, err = io.WriteString(log, "a record")
	require.NoError(t, err)
	require.Equal(t, int64(len("a record")), fileSize(t, renewed))
}

// unfillable is a file that cannot be written at a place.
type unfillable struct{ vfs.File }

func (unfillable) WriteAt([]byte, int64) (int, error) { return 0, errors.New("no space left") }

func TestALogThatCannotBeFilledIsWrittenAllTheSame(t *testing.T) {
	t.Parallel()
	file, err := vfs.Default.Create(filepath.Join(t.TempDir(), "000007.log"), "pebble-wal")
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	log := newFilledLog(unfillable{file}, make([]byte, logFillAhead))
	for range 3 {
		n, err := log.Write([]byte("record"))
		require.NoError(t, err)
		require.Equal(t, len("record"), n)
	}
	info, err := log.Stat()
	require.NoError(t, err)
	require.Equal(t, int64(3*len("record")), info.Size())
}
