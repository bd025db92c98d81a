// Package persistence is the second of the engine's two doors: the contract between the actors,
// which decide fast, and the stores, which give the guarantee.
//
// Deltas go down, rows come up. A caller hands a Writer a batch of entries; the store writes those
// that apply as one durable transaction and answers one outcome an entry, with the stock rows as
// it now has them. What an entry needs to apply is decided by commerce.State, the same on every
// store.
//
// This package holds the contract alone. Below it live the implementations (pebblestore, pgstore), what
// both keep sums of sales with (salesbook), the suite that they pass (storetest) and a wrapper that
// injects faults (faulty). It imports commerce and the standard library, never actors or http.
package persistence
