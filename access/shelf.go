package access

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

const (
	// passBytes is the length of the secret of a session or a ticket: 256 bits.
	passBytes = 32
	// passLength is its length as text, in base64url.
	passLength = 43
)

// newPass makes the secret of a session or a ticket, and the digest that is kept of it.
func newPass() (text string, digest [sha256.Size]byte) {
	var random [passBytes]byte
	_, _ = rand.Read(random[:]) // never fails: the process would end
	text = base64.RawURLEncoding.EncodeToString(random[:])
	return text, sha256.Sum256([]byte(text))
}

// shelf keeps things of many owners by the digest of what opens them: a number of them in all, and
// a number for each owner, so that nobody can push out what others keep. The longest unused leave first. One
// goroutine at a time uses it.
type shelf[V any] struct {
	lru      *simplelru.LRU[[sha256.Size]byte, shelved[V]]
	ownerMax int
	owned    map[string]int
}

type shelved[V any] struct {
	owner string
	value V
}

// newShelf makes a shelf. The function left, which may be nil, is told of everything that leaves it. REQUIRES:
// most and ownerMax are positive.
func newShelf[V any](most, ownerMax int, left func(V)) *shelf[V] {
	s := &shelf[V]{ownerMax: ownerMax, owned: make(map[string]int)}
	lru, err := simplelru.NewLRU(most, func(_ [sha256.Size]byte, item shelved[V]) {
		if s.owned[item.owner]--; s.owned[item.owner] == 0 {
			delete(s.owned, item.owner)
		}
		if left != nil {
			left(item.value)
		}
	})
	if err != nil {
		panic(fmt.Sprintf("a shelf of %d: %v", most, err)) // the sizes are checked before
	}
	s.lru = lru
	return s
}

// put adds a thing, and lets go of what has to make room for it.
func (s *shelf[V]) put(digest [sha256.Size]byte, owner string, value V) {
	if s.owned[owner] >= s.ownerMax {
		for _, other := range s.lru.Keys() { // oldest first
			if item, _ := s.lru.Peek(other); item.owner == owner {
				s.lru.Remove(other)
				break
			}
		}
	}
	s.owned[owner]++
	s.lru.Add(digest, shelved[V]{owner: owner, value: value})
}

// get returns a thing and makes it the most recently used.
func (s *shelf[V]) get(digest [sha256.Size]byte) (V, bool) {
	item, ok := s.lru.Get(digest)
	return item.value, ok
}

// take returns a thing and removes it.
func (s *shelf[V]) take(digest [sha256.Size]byte) (V, bool) {
	item, ok := s.lru.Peek(digest)
	if ok {
		s.lru.Remove(digest)
	}
	return item.value, ok
}

// sweep removes things from the longest unused on, until one is good.
func (s *shelf[V]) sweep(good func(V) bool) {
	for {
		digest, item, ok := s.lru.GetOldest()
		if !ok || good(item.value) {
			return
		}
		s.lru.Remove(digest)
	}
}
