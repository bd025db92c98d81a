package pebblestore

import (
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// scanRoom is by how many bytes a scan may make the cache grow: enough to read ahead, and for what others read meanwhile.
const scanRoom = 16 << 20

// blocks is the memory for blocks of tables. A scan comes by each block once, and would fill the memory with blocks
// that nobody asks for again. Pebble has no reads that leave its cache alone but those of compactions, so a scan takes
// away what the cache could still grow by, and gives it back in the end. In what is left Pebble puts the scan's blocks
// in each other's place: what has been asked for twice stays.
type blocks struct {
	*pebble.Cache

	mu struct {
		sync.Mutex
		scans    int    // that are under way
		giveBack func() // nil when nothing has been taken away
	}
}

func newBlocks(size int64) *blocks { return &blocks{Cache: pebble.NewCache(size)} }

// beginScan lets the cache grow by no more than scanRoom until the last scan has ended. Each scan that begins may add
// as much, so that scans that never stop do not keep the cache small for ever.
func (b *blocks) beginScan() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mu.scans++
	b.returnLocked()
	if surplus := b.MaxSize() - b.Size() - scanRoom; surplus > 0 {
		b.mu.giveBack = b.Reserve(int(surplus))
	}
}

// endScan ends what beginScan has begun.
func (b *blocks) endScan() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mu.scans--; b.mu.scans == 0 {
		b.returnLocked()
	}
}

// returnLocked gives back what has been taken away.
func (b *blocks) returnLocked() {
	if b.mu.giveBack != nil {
		b.mu.giveBack()
		b.mu.giveBack = nil
	}
}
