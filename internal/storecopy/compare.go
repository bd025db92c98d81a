package storecopy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/pgstore"
)

// aliveFor is how long a key must still be valid to be compared: one that expires meanwhile would be
// missing on one side.
const aliveFor = time.Hour

// digests are those of tables.
type digests map[pgstore.Table]pgstore.Digest

// compare proves that both sides hold the same rows: all of them by digests, which each side computes for
// itself, and some by reading them one by one. It returns the number of the latter.
func (cfg *Config) compare(ctx context.Context, report *persistence.Report, all int64) (sampled int64, err error) {
	alive := time.Now().Add(aliveFor).UTC().Truncate(time.Second)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var there digests
	var failed error
	done := make(chan struct{})
	go func() { // the database computes while the source is read
		defer close(done)
		if there, failed = cfg.digestTarget(ctx, alive); failed != nil {
			cancel()
		}
	}()
	here, err := cfg.digestSource(ctx, alive, all)
	if err != nil {
		cancel()
	}
	<-done
	if failed != nil && (err == nil || errors.Is(err, context.Canceled)) {
		err = failed
	}
	if err != nil {
		return 0, err
	}
	if err := differences(here, there); err != nil {
		return 0, err
	}
	return cfg.sample(ctx, report)
}

func (cfg *Config) digestTarget(ctx context.Context, alive time.Time) (digests, error) {
	found := make(digests)
	for _, s := range slices.Backward(sections()) {
		if _, known := found[s.table]; known {
			continue
		}
		d, err := cfg.Loader.Digest(ctx, s.table, alive)
		if err != nil {
			return nil, err
		}
		found[s.table] = d
	}
	return found, nil
}

// digestSource reads the whole source once more. It does not go by what was read when it was copied: that
// may have been another run.
func (cfg *Config) digestSource(ctx context.Context, alive time.Time, all int64) (digests, error) {
	found := make(digests)
	done := int64(0)
	for _, s := range slices.Backward(sections()) { // keys first: they expire
		c := newChunker(s, cfg.Loader, func(full chunk) error {
			found[s.table] = found[s.table].Add(full.rows.Digest())
			done += int64(full.rows.Len())
			cfg.Progress(PhaseCompare, done, all)
			return ctx.Err()
		})
		c.alive = alive
		if err := s.walk(ctx, cfg.Source, pgstore.Mark{}, c); err != nil {
			return nil, fmt.Errorf("read %s: %w", s.name, err)
		}
		if err := c.end(); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// ErrDifferent says that the copy is not what its source is.
var ErrDifferent = errors.New("the copy differs from its source")

func differences(here, there digests) error {
	var errs []error
	for _, s := range sections() {
		source, target := here[s.table], there[s.table]
		switch {
		case source == target:
		case source.Rows != target.Rows:
			errs = append(errs, fmt.Errorf("%w: %s has %d rows, in the source there are %d", ErrDifferent, s.table, target.Rows, source.Rows))
		default:
			errs = append(errs, fmt.Errorf("%w: rows of %s are not the same", ErrDifferent, s.table))
		}
		delete(here, s.table) // a table may have two sections
		delete(there, s.table)
	}
	return errors.Join(errs...)
}
