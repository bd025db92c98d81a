package access

import (
	"fmt"
	"hash/maphash"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

const (
	// recentShards is how many parts a large recent has, so that cores do not wait for each other.
	recentShards = 16
	// recentShardMin is the least number of things that a part of one is worth while for.
	recentShardMin = 64
)

// recent remembers the most recently used things, up to a number of them.
type recent[K comparable, V any] struct {
	seed   maphash.Seed
	shards []recentShard[K, V]
}

type recentShard[K comparable, V any] struct {
	sync.Mutex
	lru *simplelru.LRU[K, V]
	_   [48]byte // a cache line for each
}

// newRecent makes a recent of at most most things. REQUIRES: most is positive.
func newRecent[K comparable, V any](most int) *recent[K, V] {
	shards := 1
	if most >= recentShards*recentShardMin {
		shards = recentShards
	}
	r := &recent[K, V]{seed: maphash.MakeSeed(), shards: make([]recentShard[K, V], shards)}
	for i := range r.shards {
		lru, err := simplelru.NewLRU[K, V](most/shards, nil)
		if err != nil {
			panic(fmt.Sprintf("a cache of %d: %v", most, err)) // the sizes are checked before
		}
		r.shards[i].lru = lru
	}
	return r
}

// get returns what is remembered under the key.
func (r *recent[K, V]) get(key K) (V, bool) {
	s := r.shard(key)
	s.Lock()
	defer s.Unlock()
	return s.lru.Get(key)
}

// put remembers a value in the place of the one before.
func (r *recent[K, V]) put(key K, value V) {
	s := r.shard(key)
	s.Lock()
	defer s.Unlock()
	s.lru.Add(key, value)
}

// getOrPut returns what is remembered under the key, or remembers what is made for it. The make function
// is called under a lock.
func (r *recent[K, V]) getOrPut(key K, make func() V) V {
	s := r.shard(key)
	s.Lock()
	defer s.Unlock()
	value, ok := s.lru.Get(key)
	if !ok {
		value = make()
		s.lru.Add(key, value)
	}
	return value
}

func (r *recent[K, V]) len() int {
	n := 0
	for i := range r.shards {
		s := &r.shards[i]
		s.Lock()
		n += s.lru.Len()
		s.Unlock()
	}
	return n
}

func (r *recent[K, V]) shard(key K) *recentShard[K, V] {
	if len(r.shards) == 1 {
		return &r.shards[0]
	}
	return &r.shards[maphash.Comparable(r.seed, key)%uint64(len(r.shards))]
}
