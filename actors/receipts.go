package actors

import (
	"github.com/penstock-dev/penstock/actors/search"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// OrderReceipt answers a command on an order.
type OrderReceipt struct {
	Order    *commerce.Order
	Replayed bool // the first answer to this idempotency key, once more
}

// ProductReceipt answers a command on a product.
type ProductReceipt struct {
	Product  *commerce.Product
	Stock    commerce.Stock
	Replayed bool
}

// StockReceipt answers a stock change: the ledger's line, with the level it reached.
type StockReceipt struct {
	Movement commerce.Movement
	Replayed bool
}

// ProductSort orders a list of products.
type ProductSort uint8

// The orders of a list.
const (
	SortNewest ProductSort = iota
	SortOldest
	SortPriceAscending
	SortPriceDescending
	SortName
)

// ProductQuery asks for a page of the catalogue.
type ProductQuery struct {
	ProductFilter
	Sort   ProductSort
	Offset int
	Limit  int
}

// Limits of the text of a search.
const (
	SearchTextMax  = search.QueryRunesMax // characters
	SearchWordsMax = search.QueryWordsMax
)

// ProductSearch asks for a page of what a search finds, the best first.
type ProductSearch struct {
	ProductFilter
	Text   string
	Offset int
	Limit  int
}

// Suggestion completes what somebody is typing.
type Suggestion struct {
	Text    string // the product's name
	Product commerce.ID
}

// ProductPage is a page of a list, and how many products were selected in all.
type ProductPage struct {
	Rows  []persistence.ProductRow
	Total int
}

// Health says how the engine is.
type Health struct {
	Ready    bool   `json:"ready"`
	Store    string `json:"store"`  // "ok", or what is wrong
	Writer   string `json:"writer"` // "ok", "stalled", "fenced"
	Draining bool   `json:"draining"`
	// Quarantined counts products whose books did not add up.
	Quarantined int `json:"quarantined"`
}
