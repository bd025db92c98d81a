// Package history makes up the past of a shop: products, and orders of many days with everything that
// became of them. The past depends on its Config alone, so that two stores, or a store and a peer of a
// benchmark, can be given the same.
//
// Days and weeks have their rhythm, few products are wanted much and many a little, old orders are
// completed or cancelled, and those of the last days are on their way. Every row follows from commands
// by the rules of commerce, so that the books add up.
//
// Who wants a past is not its business: the package imports commerce and the contract of stores only.
package history
