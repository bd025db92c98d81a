// Package salesbook holds what the stores' sums of sales are made of: how commands change them, how they
// are packed into rows, and how rows are put together again. Both stores keep the same rows, each in its own
// way, so that both mean the same by them:
//
//   - buckets: orders and their totals by quarter hour, currency and status; one row a day of UTC
//
//   - product sums by quarter hour; for each day of UTC a row for every ChunkProducts products
//
//   - the same by month, for months that are over
//
//   - deltas: what was added lately and is not in those rows yet
//
//   - numbers: products are counted from 0 as they are first sold, so that rows need not name them
//
//     command ──► Tally ──► delta row ──(now and then, in the background)──► day and month rows
//     │                                                  │
//     a query adds ───┴──────────────────────── to ──────────────────────┘
//
// It is called by the stores, imports nothing but commerce and persistence, and does no I/O.
package salesbook
