package pebblestore

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/penstock-dev/penstock/persistence"
)

// Options say where a store lies and how much it may take. The zero value of a field means its
// default.
type Options struct {
	// Dir is the store's directory. It is made when it does not exist, and locked while the store is
	// open. A directory that holds other files, and no store, is refused.
	Dir string
	// MustExist makes Open fail with ErrNoStore, and make nothing, when Dir holds no store.
	MustExist bool
	// FS is the file system, for tests; nil means the disk.
	FS vfs.FS
	// Logger gets what an operator should know; nil means slog.Default().
	Logger *slog.Logger
	// FreeSpaceMin is how many bytes must be free on the disk for the store to write: 256 MiB when 0,
	// no check when negative. Below it Commit answers persistence.ErrUnavailable.
	FreeSpaceMin int64 `default:"268435456" doc:"bytes that must be free on the disk for the store to write; below it commands are refused with 503; negative: no check"`
	// CacheSize is the memory for blocks of tables, in bytes: 256 MiB when 0.
	CacheSize int64 `default:"268435456" doc:"bytes of memory for blocks of tables"`
	// MemTableSize is Pebble's, in bytes: 64 MiB when 0. Two to five of them may exist.
	MemTableSize int64 `default:"67108864" doc:"bytes of one memtable; two to five of them may exist"`
	// FoldEntries is how many entries are folded into the tables at once: 1,024 when 0.
	FoldEntries int
	// FoldInterval bounds how long an entry waits to be folded: 200 ms when 0.
	FoldInterval time.Duration

	// salesDeltasMax is how many deltas of sales wait to be taken into days; tests make it small.
	salesDeltasMax int
	// ledgerLinesMax is how many lines of the ledger wait in runs to be merged, mergeProductsMax how many products one
	// slice of a merge takes; tests make them small.
	ledgerLinesMax   int
	mergeProductsMax int
	// accessKeysMax is persistence.AccessKeysMax; tests make it small.
	accessKeysMax int
}

// The bounds that follow from Options.
const (
	// tailGenerationsMax bounds the entries that wait to be folded, in units of FoldEntries. Commit
	// waits at it.
	tailGenerationsMax = 32
	// foldBytes starts a fold early when entries are large.
	foldBytes = 8 << 20
	// tailBytesMax bounds the journal bytes that wait to be folded.
	tailBytesMax = 64 << 20
	// ledgerLinesMax, ledgerBytesMax and ledgerRunsMax bound the runs: a merge begins at any of them. Lines of orders take
	// some 80 bytes each, so that runs mostly take 20 MB. While a merge is behind they may grow to runsFull times that.
	ledgerLinesMax = 1 << 18
	ledgerBytesMax = 64 << 20
	ledgerRunsMax  = 256
	// mergeProductsMax is how many products are merged between two folds.
	mergeProductsMax = 1000
)

func (o Options) withDefaults() Options {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.FreeSpaceMin == 0 {
		o.FreeSpaceMin = 256 << 20
	}
	if o.CacheSize == 0 {
		o.CacheSize = 256 << 20
	}
	if o.MemTableSize == 0 {
		o.MemTableSize = 64 << 20
	}
	if o.FoldEntries == 0 {
		o.FoldEntries = 1024
	}
	if o.FoldInterval == 0 {
		o.FoldInterval = 200 * time.Millisecond
	}
	if o.salesDeltasMax == 0 {
		o.salesDeltasMax = salesDeltasMax
	}
	if o.ledgerLinesMax == 0 {
		o.ledgerLinesMax = ledgerLinesMax
	}
	if o.mergeProductsMax == 0 {
		o.mergeProductsMax = mergeProductsMax
	}
	if o.accessKeysMax == 0 {
		o.accessKeysMax = persistence.AccessKeysMax
	}
	return o
}

func (o *Options) validate() error {
	switch {
	case o.Dir == "":
		return fmt.Errorf("open store: no directory is given")
	case o.CacheSize < 0 || o.MemTableSize < 1<<16 || o.FoldEntries < 0 || o.FoldInterval < 0:
		return fmt.Errorf("open store: CacheSize, FoldEntries and FoldInterval must not be negative, MemTableSize not below 64 KiB")
	}
	return nil
}
