package pebblestore

import (
	"bytes"
	"encoding/binary"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/penstock-dev/penstock/commerce"
)

// Expired keys are found by lists that folds leave behind: the KeyIDs that expire in one stretch of
// time. One list a fold costs next to nothing, where an index entry a key would cost as much as the
// key's own row.

const (
	// expiryStep is how long a stretch is.
	expiryStep = 10 * time.Minute
	// expiryListMax bounds the KeyIDs of one list, and so the work of one purge.
	expiryListMax = 4096
	// purgeInterval is the pause when nothing has expired.
	purgeInterval = time.Minute
	// purgeMargin is how long after its expiry a key is left alone, so that no batch whose clock is a
	// little behind still counts on it.
	purgeMargin = time.Minute
)

// expiryMinute returns the end of the stretch in which t lies, in Unix minutes.
func expiryMinute(t time.Time) int64 {
	step := int64(expiryStep / time.Minute)
	return (max(t.Unix(), 0)/60/step + 1) * step
}

func (f *folder) addExpiries(seq uint64) {
	const size = len(commerce.KeyID{})
	for minute, ids := range f.lists {
		for part := uint64(0); len(ids) > 0; part++ {
			n := min(len(ids), expiryListMax*size)
			from := len(f.keys)
			f.keys = expiryKey(f.keys, minute, seq, part)
			f.set(from, ids[:n])
			ids = ids[n:]
		}
	}
}

// purge removes the keys of the oldest list, if its time is over. It reports whether there may be
// more to do. Only the keeper calls it, so that no fold binds a key again meanwhile.
func (s *Store) purge(f *folder, now time.Time) (more bool) {
	in := s.mu.instance // only the keeper replaces it, and this is the keeper
	done, err := f.purge(in, now.Add(-purgeMargin))
	if err != nil && in.fuse.err() == nil {
		s.opts.Logger.Warn("store: expired keys could not be removed; it is tried again", "error", err)
	}
	s.stats.purged.Add(uint64(done))
	return done > 0
}

func (f *folder) purge(in *instance, now time.Time) (done int, err error) {
	end := expiryKey(nil, now.Unix()/60, 0, 0)
	it, err := in.db.NewIter(&pebble.IterOptions{LowerBound: []byte{tableExpiries}, UpperBound: end})
	if err != nil {
		return 0, err
	}
	var list, ids []byte
	if it.First() {
		list, ids = bytes.Clone(it.Key()), bytes.Clone(it.Value())
	}
	if err := it.Close(); err != nil || list == nil {
		return 0, err
	}
	batch := in.db.NewBatch()
	for ; len(ids) >= len(commerce.KeyID{}); done++ {
		id := commerce.KeyID(ids[:len(commerce.KeyID{})])
		ids = ids[len(id):]
		f.keys = bindingKey(f.keys[:0], id)
		expired := false
		if _, err := get(in.db, f.keys, func(row []byte) error {
			binding, err := decodeBinding(id, row)
			expired = err == nil && binding.ExpiresAt.Before(now)
			return err
		}); err != nil {
			return 0, err
		}
		if expired {
			if err := batch.Delete(f.keys, nil); err != nil {
				return 0, err
			}
		}
	}
	if err := batch.Delete(list, nil); err != nil {
		return 0, err
	}
	return done, in.apply(batch)
}

func expiryKey(b []byte, minute int64, seq, part uint64) []byte {
	b = binary.BigEndian.AppendUint64(append(b, tableExpiries), uint64(minute))
	b = binary.BigEndian.AppendUint64(b, seq)
	return binary.AppendUvarint(b, part)
}
