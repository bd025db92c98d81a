package pebblestore

import (
	"context"
	"encoding/binary"
	"slices"
	"sync/atomic"
	"time"

	"github.com/penstock-dev/penstock/commerce"
)

// keyFilter knows which idempotency keys the tables may hold. Nearly every key of an order is new,
// and to learn that from the tables costs more than everything else that is looked up for it; the
// filter says "certainly not there" from memory.
//
// It is a list of Bloom filters in blocks of one cache line (Putze, Sanders, Singler: Cache-, hash-
// and space-efficient Bloom filters, 2007), with 16 bits a key: about one key in 300 is looked up in
// vain. A filter is dropped once all of its keys have expired. The keeper adds, committing reads.
type keyFilter struct {
	segments atomic.Pointer[[]*filterSegment]
	overfull atomic.Bool // more keys than filterSegmentsMax hold: everything may be there
	left     int64       // the last minute in which a key expires that no segment had room for; the keeper's
}

type filterSegment struct {
	blocks   []filterBlock
	keys     int
	capacity int
	until    int64 // the last minute in which one of its keys expires
}

type filterBlock [8]atomic.Uint64

const (
	// filterKeysMin and filterKeysMax are the capacities of the first segment and of later ones;
	// each is filterGrowth times the one before.
	filterKeysMin = 1 << 14
	filterKeysMax = 1 << 20
	filterGrowth  = 8
	// filterSegmentsMax bounds the filter to 128 MiB, 64 million keys.
	filterSegmentsMax = 64
	filterBitsPerKey  = 16
	filterProbes      = 4
	filterBlockBits   = 512
)

func newKeyFilter() *keyFilter {
	f := new(keyFilter)
	f.segments.Store(new([]*filterSegment))
	return f
}

// mayHold reports whether the tables may hold a binding of the key that has not expired.
func (f *keyFilter) mayHold(id commerce.KeyID) bool {
	if f.overfull.Load() {
		return true
	}
	for _, s := range *f.segments.Load() {
		if s.has(id) {
			return true
		}
	}
	return false
}

// add notes keys whose bindings expire before the end of a minute. It must be done before the tail
// forgets them.
func (f *keyFilter) add(ids []byte, minute int64) {
	for ; len(ids) >= len(commerce.KeyID{}); ids = ids[len(commerce.KeyID{}):] {
		s := f.open()
		if s == nil {
			f.left = max(f.left, minute)
			f.overfull.Store(true)
			return
		}
		s.add(commerce.KeyID(ids[:len(commerce.KeyID{})]))
		s.until = max(s.until, minute)
	}
}

// open returns the segment that has room, made if need be; nil when there may be no more.
func (f *keyFilter) open() *filterSegment {
	segments := *f.segments.Load()
	capacity := filterKeysMin
	if n := len(segments); n > 0 {
		last := segments[n-1]
		if last.keys < last.capacity {
			return last
		}
		capacity = min(last.capacity*filterGrowth, filterKeysMax)
	}
	if len(segments) == filterSegmentsMax {
		return nil
	}
	s := &filterSegment{blocks: make([]filterBlock, capacity*filterBitsPerKey/filterBlockBits), capacity: capacity}
	more := append(slices.Clone(segments), s)
	f.segments.Store(&more)
	return s
}

// drop forgets the segments all of whose keys have expired, and that keys were left out once they have, too.
func (f *keyFilter) drop(now time.Time) {
	segments := *f.segments.Load()
	minute := now.Unix() / 60
	kept := slices.DeleteFunc(slices.Clone(segments), func(s *filterSegment) bool { return s.until < minute })
	if len(kept) < len(segments) {
		f.segments.Store(&kept)
	}
	if f.left < minute {
		f.overfull.Store(false)
	}
}

// A KeyID is a digest: its bytes serve as the hashes.
func (s *filterSegment) block(id commerce.KeyID) *filterBlock {
	return &s.blocks[binary.LittleEndian.Uint64(id[:8])%uint64(len(s.blocks))]
}

func (s *filterSegment) add(id commerce.KeyID) {
	block, bits := s.block(id), binary.LittleEndian.Uint64(id[8:])
	for range filterProbes {
		block[bits%filterBlockBits/64].Or(1 << (bits % 64))
		bits >>= 9
	}
	s.keys++
}

func (s *filterSegment) has(id commerce.KeyID) bool {
	block, bits := s.block(id), binary.LittleEndian.Uint64(id[8:])
	for range filterProbes {
		if block[bits%filterBlockBits/64].Load()&(1<<(bits%64)) == 0 {
			return false
		}
		bits >>= 9
	}
	return true
}

// loadKeys fills the filter from the lists that folds leave for the purge: all keys, sixteen bytes
// each, in a few large rows.
func (o *opened) loadKeys(ctx context.Context) error {
	return scan(ctx, o.instance.db, []byte{tableExpiries}, func(key, value []byte) error {
		o.keys.add(value, int64(binary.BigEndian.Uint64(key[1:])))
		return nil
	})
}
