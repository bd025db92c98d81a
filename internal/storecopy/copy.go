// Package storecopy copies all that a store holds into an empty PostgreSQL database, and proves that the
// two are the same. It reads through the contract, so that any store may be the source, and loads past the
// writer, in chunks: a copy that was cut off goes on with the chunk after the last one that is durable.
//
// Which stores are opened, and what is said about it, is the caller's. The SQL is pgstore's.
package storecopy

import (
	"context"
	"errors"
	"fmt"

	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/pgstore"
)

// Phase is a part of the work.
type Phase string

// The phases, in their order.
const (
	PhaseVerifySource Phase = "verifying the source"
	PhaseCopy         Phase = "copying"
	PhaseCompare      Phase = "comparing"
	PhaseVerifyTarget Phase = "verifying the copy"
)

// Config says what is copied where.
type Config struct {
	// Source is read, and must not be written to meanwhile.
	Source persistence.Store
	// Loader writes the copy, and has been opened with the source's name and state.
	Loader *pgstore.Loader
	// Target reads the copy: the same database.
	Target persistence.Store
	// Progress is told how many rows of a phase are done, and how many there are; 0 when nobody knows.
	Progress func(phase Phase, rows, all int64)
}

// Summary is what was done.
type Summary struct {
	Products  int64 `json:"products"`
	Orders    int64 `json:"orders"`
	Movements int64 `json:"movements"`
	Events    int64 `json:"events"`
	Keys      int64 `json:"keys"`
	// AccessKeys and AuditRecords go over as they are.
	AccessKeys   int64 `json:"access_keys"`
	AuditRecords int64 `json:"audit_records"`
	// AuditFault is what is wrong with the audit log of the source, and so with that of the copy; empty when it holds.
	AuditFault string `json:"audit_fault,omitempty"`
	Resumed    int64  `json:"resumed"` // rows that an earlier run had copied
	Sampled    int64  `json:"sampled"` // rows compared one by one, beside the digests of all
}

// The sides of a copy.
const (
	SideSource = "source"
	SideCopy   = "copy"
)

// FaultsError says that the books of one side do not add up.
type FaultsError struct {
	Side   string // SideSource or SideCopy
	Report *persistence.Report
}

// Error implements error.
func (e *FaultsError) Error() string {
	return fmt.Sprintf("the books of the %s do not add up: %d faults", e.Side, e.Report.FaultsAll)
}

// Run copies, compares both sides and lets writers in. When it fails, or ctx ends, what has been copied
// stays, and Run goes on there when it is called again; no writer can be opened before.
func Run(ctx context.Context, cfg Config) (Summary, error) {
	var s Summary
	report, err := cfg.verify(ctx, PhaseVerifySource, cfg.Source, SideSource)
	if _, isBroken := errors.AsType[*FaultsError](err); isBroken {
		err = errors.Join(err, cfg.Loader.Abandon(ctx)) // the database is free for another copy
	}
	if err != nil {
		return s, err
	}
	all, err := cfg.rows(ctx, report)
	if err != nil {
		return s, err
	}
	if s.Resumed, err = cfg.copyAll(ctx, all); err != nil {
		return s, fmt.Errorf("copy: %w", err)
	}
	if err := cfg.endAudit(ctx); err != nil {
		return s, fmt.Errorf("copy: %w", err)
	}
	if err := cfg.Loader.Analyze(ctx); err != nil {
		return s, err
	}
	if s.Sampled, err = cfg.compare(ctx, report, all); err != nil {
		return s, fmt.Errorf("compare the copy with its source: %w", err)
	}
	if err := cfg.compareAudit(ctx, &s); err != nil {
		return s, fmt.Errorf("compare the copy with its source: %w", err)
	}
	if report, err = cfg.verify(ctx, PhaseVerifyTarget, cfg.Target, SideCopy); err != nil {
		return s, err
	}
	s.Products, s.Orders, s.Movements = report.Products, report.Orders, report.Movements
	s.Events, s.Keys = report.Events, report.Keys
	return s, cfg.Loader.Finish(ctx)
}

func (cfg *Config) verify(ctx context.Context, phase Phase, store persistence.Store, side string) (*persistence.Report, error) {
	report, err := store.Verify(ctx, func(rows int64) { cfg.Progress(phase, rows, 0) })
	if err != nil {
		return nil, fmt.Errorf("verify the %s: %w", side, err)
	}
	if !report.OK() {
		return nil, &FaultsError{Side: side, Report: report}
	}
	return report, nil
}

// rows is how many rows there are to copy, about: keys expire meanwhile, and access keys are few.
func (cfg *Config) rows(ctx context.Context, r *persistence.Report) (int64, error) {
	audit, err := cfg.Source.AuditHead(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the end of the source's audit log: %w", err)
	}
	return 2*r.Products + r.Orders + r.Movements + r.Events + r.Keys + int64(audit.Seq), nil
}

// copyAll loads every section that is not done. Reading runs ahead of loading, by chunksAhead.
func (cfg *Config) copyAll(ctx context.Context, all int64) (resumed int64, err error) {
	months, err := monthsOf(ctx, cfg.Source)
	if err != nil {
		return 0, fmt.Errorf("find the months of the source: %w", err)
	}
	if err := cfg.Loader.PrepareMonths(ctx, months); err != nil {
		return 0, err
	}
	marks := make(map[string]pgstore.Mark)
	for _, s := range sections() {
		marks[s.name] = cfg.Loader.Mark(s.name)
		resumed += marks[s.name].Rows
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	chunks := make(chan chunk, chunksAhead)
	var readFailed, loadFailed error
	go func() {
		defer close(chunks)
		readFailed = cfg.readAll(ctx, marks, chunks)
	}()
	done := resumed
	for c := range chunks { // to the end: the reader must have ended when the source is closed
		if loadFailed != nil {
			continue
		}
		if loadFailed = cfg.Loader.Load(ctx, c.section, c.rows, c.to); loadFailed != nil {
			cancel()
			continue
		}
		done += int64(c.rows.Len())
		cfg.Progress(PhaseCopy, done, all)
	}
	if loadFailed != nil {
		return resumed, loadFailed
	}
	return resumed, readFailed
}

// readAll reads what is behind the marks, section by section, and gives it away in chunks.
func (cfg *Config) readAll(ctx context.Context, marks map[string]pgstore.Mark, chunks chan<- chunk) error {
	give := func(full chunk) error {
		select {
		case chunks <- full:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for _, s := range sections() {
		from := marks[s.name]
		if from.Done {
			continue
		}
		c := newChunker(s, cfg.Loader, give)
		c.at = from
		if err := s.walk(ctx, cfg.Source, from, c); err != nil {
			return fmt.Errorf("read %s: %w", s.name, err)
		}
		if err := c.end(); err != nil {
			return err
		}
	}
	return nil
}
