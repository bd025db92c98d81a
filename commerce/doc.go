// Package commerce holds the words and the rules of an ordering engine: products, stock, orders,
// money, the order's state machine, and what a store must decide when it commits.
//
// Everything here is pure. The package reads no clock, no environment and no random source, starts
// no goroutine and imports only the standard library; callers pass times and identifiers in. The
// same commands therefore always give the same decisions, on every store and in every test.
//
// All other packages speak these types. What does not belong here: how bytes travel (http/wire),
// how rows are kept (persistence), who asks whom and who waits (actors).
package commerce
