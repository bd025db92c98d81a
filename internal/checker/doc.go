// Package checker judges recorded histories of one product's stock: is there an order of the
// operations, one after another, that explains every answer and respects real time?
//
// Two checkers answer it. Linearizable asks porcupine, which searches and therefore knows nothing
// of the engine but its answers; it is for histories of up to LinearizableMax operations.
// VersionOrdered believes the engine's own numbers, the versions of the ledger, and proves in
// n log n time that they are such an order; it is for long histories of a hot product. In both, a
// refusal is legal only while the committed stock is short, and says truly how much is left.
//
// The package is pure: it reads recorded operations and knows neither engine nor store. How
// histories are made stands in internal/torture.
package checker
