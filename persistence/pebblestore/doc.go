// Package pebblestore keeps everything in one directory on local disk, in Pebble, a log-structured
// merge tree. It is the store that `penstock serve` uses when nothing else is installed.
//
// The journal is the truth; tables are folded from it. A batch is written as one journal record
// under one key with one fsync, and only after that fsync do its effects become visible, in memory
// (the tail). In the background, a thousand entries at a time, the tail is folded into tables:
// orders, events, keys, indexes and the ledger, sorted, and without another fsync. What a
// crash takes of the tables is folded again from the journal at the next start.
//
// Rows that are sorted by product fall at random places, which is dear: each is sought in a memtable
// and written again by every compaction of its neighbours. So the ledger takes two steps. A fold
// writes its lines as one run, sorted by product, to the end of a table, and keeps the run in memory.
// When enough lines have gathered, a merge moves them into pages: a page is lines of one product that
// follow one another, in one row. With them go what else is sorted by product: the orders that
// placed it, many to a row (a pack), and its stock row. A mark that is written with them says which
// lines of runs are in pages; a reader takes it from its own snapshot.
//
//	Commit ── journal record, fsync ──► tail (memory) ── fold, every thousand ────► tables
//	                                      ▲                  └──► run ── merge ──► pages, packs, stock
//	             reads of one row ────────┴────────────── then ─────────────────────────┤
//	             pages of orders ─────────┴────────────── and ──────────────────────────┤
//	             other ranges ─────────── fold first, then tables and runs ─────────────┘
//
// Files:
//   - store.go, options.go, directory.go, writer.go, reading.go, orders.go, order_tail.go, metrics.go: what persistence.Store and
//     persistence.Writer ask for
//   - decider.go, record.go, tail.go, fold.go, keeper.go: a batch's way from decision to table
//   - pace.go: rests of what is done in the background
//   - runs.go, pages.go, merge.go, ledger.go: the ledger's lines, from the fold to the reader
//   - order_lists.go, order_packs.go, order_union.go: lists of orders, and what they have in common
//   - sales*.go, stream.go: sums of sales, and events in the order of their batches
//   - access.go, audit.go: API keys and the audit log, which are written past the journal
//   - keyfilter.go, purge.go: idempotency keys that are not there, and that have expired
//   - rows.go, binary.go, keyspace.go: bytes
//   - instance.go, logfile.go, blocks.go, fuse.go, heal.go, space.go, reclaim.go, corruption.go: an opened database, and what happens when the disk
//     fails or fills
//   - verify*.go: the proof that the books add up
//
// The package imports commerce, persistence and Pebble. Pebble's types do not leave it, but for the
// file system in Options, which tests replace.
package pebblestore
