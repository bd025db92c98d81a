// Package storetest holds what every store must do, as tests: the conformance suite of
// persistence.Store. A store's own tests call Run and RunCrashes with ways to open it in a
// fresh place, and Benchmark to measure it like the others.
//
// The names of the subtests are the contract's claims. The package knows the contract alone, never
// a store: what only some stores can do (crash, be corrupted) is an optional part of Place.
package storetest
