package pgstore

import "sync/atomic"

// stats counts what the store did, for Metrics.
type stats struct {
	batches   atomic.Uint64
	entries   atomic.Uint64 // applied
	careful   atomic.Uint64 // batches that went the careful way
	again     atomic.Uint64 // batches that had been applied when they were sent again
	unknown   atomic.Uint64 // attempts whose outcome was not known
	connects  atomic.Uint64 // connections made to write
	writeNano atomic.Uint64 // time spent in attempts
	purged    atomic.Uint64 // idempotency keys removed
}
