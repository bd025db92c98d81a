// Package torture breaks a running engine on purpose and proves that the promises hold: what was
// acknowledged is there after kill -9, no unit is sold twice, no key makes two orders, the books
// add up, a refusal is true.
//
// Campaign kills a server again and again under mixed load and audits it after every restart
// against what its clients were told. Outages breaks the database below a server that stays up.
// Takeover starts a second server on the database of a first. FlashSale lets thousands of connections
// want the same units at once. Traders makes histories for the checkers of internal/checker. Replay
// brings the same orders into servers with different stores, whose Portraits must be equal. All of
// them return the faults that they find instead of failing a test, so that the same code shows that it
// catches planted bugs.
//
// Clients know nothing of the engine but its answers: over HTTP through Client, or in the same
// process through anything else that is a Shop. Nothing that serves imports this package.
package torture
