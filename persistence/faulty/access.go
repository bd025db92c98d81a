package faulty

import (
	"context"
	"fmt"
	"time"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// AccessKeys implements persistence.AccessStore.
func (s *Store) AccessKeys(ctx context.Context) ([]persistence.AccessKey, error) {
	if err := s.read(ctx); err != nil {
		return nil, err
	}
	return s.inner.AccessKeys(ctx)
}

// AccessVersion implements persistence.AccessStore.
func (s *Store) AccessVersion(ctx context.Context) (uint64, error) {
	if err := s.read(ctx); err != nil {
		return 0, err
	}
	return s.inner.AccessVersion(ctx)
}

// AuditRecords implements persistence.AuditLog.
func (s *Store) AuditRecords(ctx context.Context, after uint64, limit int) ([]commerce.AuditRecord, error) {
	if err := s.read(ctx); err != nil {
		return nil, err
	}
	return s.inner.AuditRecords(ctx, after, limit)
}

// AuditHead implements persistence.AuditLog.
func (s *Store) AuditHead(ctx context.Context) (persistence.AuditHead, error) {
	if err := s.read(ctx); err != nil {
		return persistence.AuditHead{}, err
	}
	return s.inner.AuditHead(ctx)
}

// PutAccessKey implements persistence.AccessStore.
func (s *Store) PutAccessKey(ctx context.Context, key *persistence.AccessKey, record *commerce.AuditRecord) error {
	return s.change(ctx, func() error { return s.inner.PutAccessKey(ctx, key, record) })
}

// RecordAudit implements persistence.AccessStore.
func (s *Store) RecordAudit(ctx context.Context, record *commerce.AuditRecord) error {
	return s.change(ctx, func() error { return s.inner.RecordAudit(ctx, record) })
}

// change makes a change without a writer slow, or fail, as often as a commit. The Gate does not hold it.
func (s *Store) change(ctx context.Context, do func() error) error {
	fault, slow, delay := s.changes.throw()
	if s.off.Load() {
		return do()
	}
	o := &s.opts
	if slow < o.SlowCommitRate {
		wait(ctx, time.Duration(delay*float64(o.CommitDelayMax)))
	}
	switch {
	case fault < o.RefuseRate:
		s.faults.Add(1)
		return fmt.Errorf("injected fault: %w", persistence.ErrUnavailable)
	case fault < o.RefuseRate+o.VanishRate:
	case fault < o.RefuseRate+o.VanishRate+o.LostAnswerRate:
		if err := do(); err != nil {
			return err
		}
	default:
		return do()
	}
	s.faults.Add(1)
	return fmt.Errorf("injected fault: %w", persistence.ErrUnknown)
}
