package commerce

import (
	"slices"
	"time"
)

// State is the part of a store that one batch looks at, loaded beforehand. Decide says what
// becomes of an entry and, when it applies, changes the state, so that the next entry of the batch
// sees it. Every store decides with it: the rules stand here once.
//
// A State is not safe for concurrent use. Reset empties it for the next batch.
type State struct {
	Now time.Time // bindings that expired by then count as unbound

	keys     map[KeyID]KeyBinding
	orders   map[ID]uint64
	products map[ID]uint64
	skus     map[string]ID
	stocks   map[ID]int // a place in cells
	cells    []stockCell
	epochs   func(product ID) uint64
}

// stockCell is a row of the batch: as stored, or as the last entry left it.
type stockCell struct {
	row     Stock
	touched bool
}

// NewState returns an empty state. epochs tells the current epoch of a product's partition.
func NewState(epochs func(product ID) uint64) *State {
	return &State{
		keys:     make(map[KeyID]KeyBinding),
		orders:   make(map[ID]uint64),
		products: make(map[ID]uint64),
		skus:     make(map[string]ID),
		stocks:   make(map[ID]int),
		epochs:   epochs,
	}
}

// Reset empties the state and sets its clock.
func (s *State) Reset(now time.Time) {
	s.Now = now
	clear(s.keys)
	clear(s.orders)
	clear(s.products)
	clear(s.skus)
	clear(s.stocks)
	s.cells = s.cells[:0]
}

// LoadKey puts a stored binding into the state.
func (s *State) LoadKey(b KeyBinding) { s.keys[b.ID] = b }

// LoadOrder puts a stored order's version into the state.
func (s *State) LoadOrder(id ID, version uint64) { s.orders[id] = version }

// LoadProduct puts a stored product's version into the state.
func (s *State) LoadProduct(id ID, version uint64) { s.products[id] = version }

// LoadSKU puts the owner of a SKU into the state.
func (s *State) LoadSKU(sku string, owner ID) { s.skus[sku] = owner }

// LoadStock puts a stored stock row into the state, once a batch.
func (s *State) LoadStock(row Stock) {
	s.stocks[row.Product] = len(s.cells)
	s.cells = append(s.cells, stockCell{row: row})
}

// HasStock reports whether the row has been loaded or made in this batch.
func (s *State) HasStock(product ID) bool {
	_, ok := s.stocks[product]
	return ok
}

// Touched appends the rows of all products that applied entries moved, sorted by product.
func (s *State) Touched(dst []Stock) []Stock {
	from := len(dst)
	for i := range s.cells {
		if s.cells[i].touched {
			dst = append(dst, s.cells[i].row)
		}
	}
	slices.SortFunc(dst[from:], func(a, b Stock) int { return a.Product.Compare(b.Product) })
	return dst
}

// Decide says what becomes of the entry: keys first, then versions, then stock, then the epochs of
// its grants. Only an entry that applies changes the state; it also gets the level of each of its
// movements and the version its key is bound to.
func (s *State) Decide(e *Entry) Outcome {
	if e.Key != nil {
		if bound, ok := s.keys[e.Key.ID]; ok && bound.ExpiresAt.After(s.Now) {
			if bound.Request != e.Key.Request {
				return Outcome{Kind: KeyMismatch, Key: bound}
			}
			return Outcome{Kind: Replay, Key: bound}
		}
	}
	if o := s.decideRows(e); o.Kind != Applied {
		return o
	}
	if o := s.decideStock(e); o.Kind != Applied {
		return o
	}
	s.apply(e)
	return Outcome{Kind: Applied}
}

func (s *State) decideRows(e *Entry) Outcome {
	if c := e.Order; c != nil && s.orders[c.Row.ID] != c.Expect {
		return Outcome{Kind: VersionConflict}
	}
	if c := e.Product; c != nil {
		if s.products[c.Row.ID] != c.Expect {
			return Outcome{Kind: VersionConflict}
		}
		if owner, taken := s.skus[c.Row.SKU]; c.Row.SKU != "" && taken && owner != c.Row.ID {
			return Outcome{Kind: SKUTaken, Stock: Stock{Product: owner}}
		}
	}
	return Outcome{Kind: Applied}
}

// decideStock computes the levels. A movement of a product that the same entry makes starts from
// an empty row.
func (s *State) decideStock(e *Entry) Outcome {
	for i := range e.Movements {
		m := &e.Movements[i]
		row := Stock{Product: m.Product}
		if cell, ok := s.stocks[m.Product]; ok {
			row = s.cells[cell].row
		} else if e.Product == nil || e.Product.Expect != 0 || e.Product.Row.ID != m.Product {
			return Outcome{Kind: UnknownProduct, Stock: row}
		}
		level := row.after(m)
		switch {
		case level.OnHand > OnHandMax:
			return Outcome{Kind: Overstocked, Stock: row}
		case !level.Valid():
			return Outcome{Kind: Insufficient, Stock: row}
		}
		m.Level = level
	}
	for i := range e.Movements {
		m := &e.Movements[i]
		if m.Epoch != s.epochs(m.Product) {
			return Outcome{Kind: StaleGrant, Stock: Stock{Product: m.Product}}
		}
	}
	return Outcome{Kind: Applied}
}

func (s *State) apply(e *Entry) {
	for i := range e.Movements {
		level := e.Movements[i].Level
		cell, ok := s.stocks[level.Product]
		if !ok {
			s.LoadStock(level)
			cell = len(s.cells) - 1
		}
		s.cells[cell] = stockCell{row: level, touched: true}
	}
	if c := e.Order; c != nil {
		s.orders[c.Row.ID] = c.Row.Version
	}
	if c := e.Product; c != nil {
		s.products[c.Row.ID] = c.Row.Version
		if c.PreviousSKU != "" && c.PreviousSKU != c.Row.SKU {
			delete(s.skus, c.PreviousSKU)
		}
		if c.Row.SKU != "" {
			s.skus[c.Row.SKU] = c.Row.ID
		}
	}
	if e.Key != nil {
		if e.Key.Operation == OperationAdjustStock {
			e.Key.Version = e.Movements[0].Level.Version
		}
		s.keys[e.Key.ID] = *e.Key
	}
}
