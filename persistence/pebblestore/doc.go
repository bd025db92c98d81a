// Package pebblestore keeps everything in one directory on local disk, in Pebble, a log-structured
// merge tree. It is the store that `penstock serve` uses when nothing else is installed.
//
// The journal is the truth; tables are folded from it. A batch is written as one journal record
// under one key with one fsync, and only after that fsync do its effects become visible, in memory
// (the tail). In the background, thousands of entries at a time, the tail is folded into tables:
// orders, ledger, events, keys, indexes and stock rows, sorted, and without another fsync. What a
// crash takes of the tables is folded again from the journal at the next start.
//
//	Commit ── journal record, fsync ──► tail (memory) ── fold, every few thousand ──► tables
//	                                      ▲                                             ▲
//	             reads of one row ────────┴────────────── then ─────────────────────────┤
//	             reads of a range ─────── fold first, then ─────────────────────────────┘
//
// Files:
//   - store.go, options.go, directory.go, writer.go, reading.go, orders.go, metrics.go: what persistence.Store and
//     persistence.Writer ask for
//   - decider.go, record.go, tail.go, fold.go, keeper.go: a batch's way from decision to table
//   - access.go, audit.go: API keys and the audit log, which are written past the journal
//   - keyfilter.go, purge.go: idempotency keys that are not there, and that have expired
//   - rows.go, binary.go, keyspace.go: bytes
//   - instance.go, fuse.go, heal.go, space.go, reclaim.go, corruption.go: an opened database, and what happens when the disk
//     fails or fills
//   - verify*.go: the proof that the books add up
//
// The package imports commerce, persistence and Pebble. Pebble's types do not leave it, but for the
// file system in Options, which tests replace.
package pebblestore
