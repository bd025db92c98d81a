// Package peer holds the shops that Penstock is measured beside: what a good engineer would write without
// actors. They answer the same requests with the same bytes, and keep the same promises: an order is durable before
// it is acknowledged, no unit is sold twice, one key never makes two orders.
//
//   - rowlock: one PostgreSQL transaction an order, which locks the stock rows with SELECT … FOR UPDATE;
//   - statement: one SQL statement an order;
//   - redis: one Lua script an order, with appendfsync always. It keeps no ledger and no events.
//
// Each is a process of its own, which package bench starts. They can do what scenarios ask for and nothing else,
// and they are as fast as we can make them: whoever finds a way to make one faster is welcome.
//
// The package speaks commerce's words and http/wire's bytes; it imports neither actors nor http nor a
// store.
package peer
