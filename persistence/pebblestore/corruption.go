package pebblestore

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"github.com/penstock-dev/penstock/persistence"
)

// corruptFilesMax is how many corrupt files are remembered; of more, only the count is known.
const corruptFilesMax = persistence.FaultsMax

// corruptions remembers the corrupt files that were met since the store was opened. It outlives the
// instances: no reopening mends a file.
type corruptions struct {
	logger *slog.Logger
	met    atomic.Uint64

	mu    sync.Mutex
	files []*corruptError
}

func newCorruptions(logger *slog.Logger) *corruptions { return &corruptions{logger: logger} }

// note remembers a corrupt file, and logs it the first time: Pebble meets the same one again at
// every read and every compaction.
func (c *corruptions) note(file string, cause error) {
	c.met.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	known := slices.ContainsFunc(c.files, func(e *corruptError) bool { return e.file == file })
	if known || len(c.files) >= corruptFilesMax {
		return
	}
	e := &corruptError{file: file, cause: cause}
	c.files = append(c.files, e)
	c.logger.Error("store: a file is corrupt; restore the store from a backup", "file", file, "details", e.detail())
}

// err returns the first corrupt file, or nil.
func (c *corruptions) err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.files) == 0 {
		return nil
	}
	return fmt.Errorf("%w; restore the store from a backup", c.files[0])
}

// report adds a fault for each corrupt file.
func (c *corruptions) report(r *persistence.Report) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.files {
		r.Add("corrupt_file", e.file, e.detail())
	}
}

// corruptError says which file is corrupt. Pebble's own message is for its developers.
type corruptError struct {
	file  string
	cause error
}

func (e *corruptError) Error() string {
	if e.file == "" {
		return "a file of the store is corrupt: " + e.detail()
	}
	return fmt.Sprintf("the file %s is corrupt: %s", e.file, e.detail())
}

// Unwrap gives Pebble's error.
func (e *corruptError) Unwrap() error { return e.cause }

// detail is what Pebble found, without what its error carries for programs.
func (e *corruptError) detail() string {
	if info := pebble.ExtractDataCorruptionInfo(e.cause); info != nil {
		return info.Details.Error()
	}
	return e.cause.Error()
}

// corruptFile returns the file that a corruption was found in, or "" when Pebble does not say.
func corruptFile(err error) string {
	if info := pebble.ExtractDataCorruptionInfo(err); info != nil {
		return info.Path
	}
	return ""
}

// readable makes the message of an error of Pebble's readable, if it tells of a corrupt file.
func readable(err error) error {
	if !pebble.IsCorruptionError(err) {
		return err
	}
	return &corruptError{file: corruptFile(err), cause: err}
}
