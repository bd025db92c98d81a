package access_test

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

var errDown = errors.New("the store is down")

// memoryStore is an AccessStore in memory, as the stores' own are.
type memoryStore struct {
	mu struct {
		sync.Mutex
		keys    []persistence.AccessKey
		version uint64
		audit   []commerce.AuditRecord
		down    bool
		unknown bool // writes happen, and the store does not say so
		reads   int  // of all keys
	}
}

func (s *memoryStore) AccessKeys(context.Context) ([]persistence.AccessKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.down {
		return nil, errDown
	}
	s.mu.reads++
	return slices.Clone(s.mu.keys), nil
}

func (s *memoryStore) AccessVersion(context.Context) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.down {
		return 0, errDown
	}
	return s.mu.version, nil
}

func (s *memoryStore) PutAccessKey(_ context.Context, key *persistence.AccessKey, record *commerce.AuditRecord) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.down {
		return errDown
	}
	at := slices.IndexFunc(s.mu.keys, func(k persistence.AccessKey) bool { return k.ID == key.ID })
	switch {
	case key.Version == 1 && (at >= 0 || len(s.mu.keys) == persistence.AccessKeysMax),
		key.Version != 1 && (at < 0 || s.mu.keys[at].Version != key.Version-1):
		return persistence.ErrConflict
	case at < 0:
		s.mu.keys = append(s.mu.keys, *key)
	default:
		s.mu.keys[at] = *key
	}
	s.mu.version++
	s.recordLocked(record)
	if s.mu.unknown {
		return persistence.ErrUnknown
	}
	return nil
}

func (s *memoryStore) RecordAudit(_ context.Context, record *commerce.AuditRecord) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recordLocked(record)
	return nil
}

func (s *memoryStore) recordLocked(record *commerce.AuditRecord) {
	var head persistence.AuditHead
	if n := len(s.mu.audit); n > 0 {
		head = persistence.AuditHead{Seq: s.mu.audit[n-1].Seq, Hash: s.mu.audit[n-1].Hash}
	}
	record.Seal(head.Seq, head.Hash)
	s.mu.audit = append(s.mu.audit, *record)
}

func (s *memoryStore) AuditRecords(_ context.Context, after uint64, limit int) ([]commerce.AuditRecord, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	records := s.mu.audit[min(after, uint64(len(s.mu.audit))):]
	return slices.Clone(records[:min(limit, len(records))]), nil
}

func (s *memoryStore) AuditHead(context.Context) (persistence.AuditHead, error) {
	return persistence.AuditHead{}, nil
}

// setDown makes the store unreadable, or readable again.
func (s *memoryStore) setDown(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.down = down
}

// change replaces a key behind everybody's back, as another node's operator does.
func (s *memoryStore) change(id commerce.ID, change func(*persistence.AccessKey)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.mu.keys {
		if s.mu.keys[i].ID == id {
			change(&s.mu.keys[i])
		}
	}
	s.mu.version++
}
