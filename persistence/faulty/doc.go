// Package faulty wraps any store and makes it fail as real ones do: slow and refused commits,
// commits whose answer is lost, slow and failing reads. What is above a store is tested with it.
//
// Faults are chosen by a seed: the same seed gives the same faults to the same sequence of commits,
// and to the same sequence of reads. They are switched on and off while the store runs, and a Gate
// holds commits back for as long as a test needs.
//
// The package knows the contract alone. It never breaks it: a faulty store is a store.
package faulty
