package pgstore

import (
	"slices"

	"github.com/penstock-dev/penstock/commerce"
)

// moves is what a batch does to stock: its ledger, and the sums of its deltas by product.
//
// There are two ways to write it. When this writer has written all the products before, it knows their rows:
// it adds the deltas to rows that still have the version it knows, and writes lines with the levels that
// follow. Otherwise it adds the deltas to whatever is there, and the database works the levels out and
// tells the rows. The first way costs the database a third less.
type moves struct {
	lines    []line
	products []productMoves
	known    map[commerce.ID]commerce.Stock // rows that this writer has written last

	foreseen bool // every product's row is known
	foretold bool // levels have been written into entries that nobody has decided yet
	stock    table
	ledger   table
	sums     table
	open     table            // lines whose levels the database works out
	rows     []commerce.Stock // after the batch: foreseen, or as the database told
}

// line is a movement on its way into the ledger.
type line struct {
	*commerce.Movement
	// after is what the lines of the same product behind it move; its Version counts them.
	after commerce.Stock
}

// productMoves are the lines of one product: they stand side by side.
type productMoves struct {
	from, to int
	sum      commerce.Stock // of the deltas; its Version counts the lines
}

// knownMax bounds the rows that a writer remembers. When there are more it starts anew: those that are
// moved come back with their next batch.
const knownMax = 1 << 17

func newMoves() *moves {
	return &moves{
		known: make(map[commerce.ID]commerce.Stock),
		stock: newTable(oidUUID, oidInt8, oidInt8, oidInt8, oidInt8),
		ledger: newTable(oidUUID, oidInt8, oidUUID, oidInt8, oidInt8, oidInt8, oidInt8,
			oidText, oidText, oidTimestamptz, oidInt8),
		sums: newTable(oidUUID, oidInt8, oidInt8, oidInt8),
		open: newTable(oidInt8, oidInt8, oidUUID, oidInt8, oidInt8, oidInt8, oidInt8,
			oidText, oidText, oidTimestamptz, oidInt8),
	}
}

func (m *moves) reset() {
	clear(m.lines)
	m.lines, m.products, m.rows = m.lines[:0], m.products[:0], m.rows[:0]
	m.foretold = false
	for _, t := range [...]*table{&m.stock, &m.ledger, &m.sums, &m.open} {
		t.reset()
	}
}

func (m *moves) add(movement *commerce.Movement) { m.lines = append(m.lines, line{Movement: movement}) }

func (m *moves) any() bool { return len(m.lines) > 0 }

// write sorts the lines by product, each product's in the order of the entries, adds them up, and fills
// the parameters. foresee says that rows may be taken to be as they are known.
func (m *moves) write(foresee bool) {
	slices.SortStableFunc(m.lines, func(a, b line) int { return a.Product.Compare(b.Product) })
	m.foreseen = foresee
	for from := 0; from < len(m.lines); {
		product := m.lines[from].Product
		to := from + 1
		for to < len(m.lines) && m.lines[to].Product == product {
			to++
		}
		var sum commerce.Stock
		for i := to - 1; i >= from; i-- {
			l := &m.lines[i]
			l.after = sum
			sum.OnHand += l.OnHandDelta
			sum.Allocated += l.AllocatedDelta
			sum.Version++
		}
		m.products = append(m.products, productMoves{from, to, sum})
		row, known := m.known[product]
		m.foreseen = m.foreseen && known
		m.rows = append(m.rows, commerce.Stock{
			Product: product, OnHand: row.OnHand + sum.OnHand, Allocated: row.Allocated + sum.Allocated, Version: row.Version + sum.Version,
		})
		from = to
	}
	for place := range m.products {
		if m.foreseen {
			m.writeForeseen(place)
		} else {
			m.writeOpen(place)
		}
	}
}

func (m *moves) writeForeseen(place int) {
	p, row := &m.products[place], &m.rows[place]
	m.stock.uuid(row.Product)
	m.stock.int8(int64(row.Version - p.sum.Version))
	m.stock.int8(p.sum.OnHand)
	m.stock.int8(p.sum.Allocated)
	m.stock.int8(int64(p.sum.Version))
	for i := p.from; i < p.to; i++ {
		l := &m.lines[i]
		level := l.level(row)
		m.ledger.uuid(l.Product)
		m.ledger.int8(int64(level.Version))
		m.addOrder(&m.ledger, l)
		m.ledger.int8(l.OnHandDelta)
		m.ledger.int8(l.AllocatedDelta)
		m.ledger.int8(level.OnHand)
		m.ledger.int8(level.Allocated)
		m.addRest(&m.ledger, l)
	}
}

func (m *moves) writeOpen(place int) {
	p := &m.products[place]
	m.sums.uuid(m.rows[place].Product)
	m.sums.int8(p.sum.OnHand)
	m.sums.int8(p.sum.Allocated)
	m.sums.int8(int64(p.sum.Version))
	for i := p.from; i < p.to; i++ {
		l := &m.lines[i]
		m.open.int8(int64(place + 1))
		m.open.int8(int64(l.after.Version))
		m.addOrder(&m.open, l)
		m.open.int8(l.OnHandDelta)
		m.open.int8(l.AllocatedDelta)
		m.open.int8(l.after.OnHand)
		m.open.int8(l.after.Allocated)
		m.addRest(&m.open, l)
	}
}

func (m *moves) addOrder(t *table, l *line) {
	if l.Order.IsZero() {
		t.null()
	} else {
		t.uuid(l.Order)
	}
}

func (m *moves) addRest(t *table, l *line) {
	t.text(string(l.Reason))
	t.text(l.Actor)
	t.time(l.At)
	t.int8(int64(l.Epoch))
}

// level is the level that a line reached, when its product's row after the batch is known.
func (l *line) level(row *commerce.Stock) commerce.Stock {
	return commerce.Stock{
		Product: row.Product, OnHand: row.OnHand - l.after.OnHand, Allocated: row.Allocated - l.after.Allocated,
		Version: row.Version - l.after.Version,
	}
}

func (m *moves) queue(p *pipeline, writer, batch []byte) {
	switch {
	case !m.any():
	case m.foreseen:
		p.addTable(stmtStock, &m.stock)
		p.addTable(stmtLines, &m.ledger, writer, batch)
	default:
		p.add(stmtMoves, append(m.sums.all(), m.open.all(writer, batch)...))
	}
}

// settle takes in the rows that the database told of a batch that has been committed, if it was asked to, and
// writes the levels that the lines reached into the entries. It returns the rows by product.
func (m *moves) settle(told []commerce.Stock) []commerce.Stock {
	if !m.foreseen {
		slices.SortFunc(told, func(a, b commerce.Stock) int { return a.Product.Compare(b.Product) })
		m.rows = append(m.rows[:0], told...)
	}
	m.setLevels()
	m.learn(m.rows)
	return m.rows
}

// foretell writes levels into the entries before the batch is written: forget takes them back.
func (m *moves) foretell() {
	m.foretold = true
	m.setLevels()
}

// setLevels writes the levels that the lines reach into the entries, as far as the rows are right.
func (m *moves) setLevels() {
	for place, p := range m.products {
		for i := p.from; i < p.to; i++ {
			m.lines[i].Level = m.lines[i].level(&m.rows[place])
		}
	}
}

// learn remembers committed rows.
func (m *moves) learn(rows []commerce.Stock) {
	if len(m.known)+len(rows) > knownMax {
		clear(m.known)
	}
	for _, row := range rows {
		m.known[row.Product] = row
	}
}

// forget says that the products of the batch may have other rows than this writer knows: its fate is not
// certain, or somebody else has moved them. Levels that were foretold are taken back.
func (m *moves) forget() {
	if m.foretold {
		for i := range m.lines {
			m.lines[i].Level = commerce.Stock{}
		}
		m.foretold = false
	}
	for i := range m.rows {
		delete(m.known, m.rows[i].Product)
	}
}
