package pgstore

import (
	"slices"

	"github.com/penstock-dev/penstock/commerce"
)

// changes is what the entries of a batch change, as parameters of its statements. It is reused from
// batch to batch.
type changes struct {
	keys        table
	unbind      table // expired bindings in the way of keys
	placed      table
	transitions table
	orders      []orderChange
	ordersByID  map[commerce.ID]int // places in orders; used when an order may be there twice
	products    []productStatement
	newStock    table
	moves       *moves
	events      table
	audit       auditChain
	lag         lag
	epochs      table                          // a row a partition
	granted     [commerce.PartitionsMax]uint64 // epochs by partition; 0: nothing granted
}

// orderChange is an order's row after the batch. Expect is the version before it, 0 when it is new.
type orderChange struct {
	row    *commerce.Order
	expect uint64
}

// productStatement writes one product's row.
type productStatement struct {
	name   string
	params [][]byte
}

func newChanges() *changes {
	return &changes{
		keys:   newTable(oidUUID, oidBytea, oidInt2, oidUUID, oidInt8, oidTimestamptz),
		unbind: newTable(oidUUID),
		placed: newTable(oidUUID, oidText, oidInt2, oidInt8, oidText, oidTimestamptz, oidTimestamptz, oidTimestamptz,
			oidText, oidText, oidText, oidInt8, oidJSON),
		transitions: newTable(oidUUID, oidInt8, oidInt2, oidTimestamptz, oidText, oidText, oidText, oidInt8),
		ordersByID:  make(map[commerce.ID]int),
		newStock:    newTable(oidUUID),
		moves:       newMoves(),
		events:      newTable(oidUUID, oidInt8, oidInt2, oidTimestamptz, oidText, oidJSON),
		audit:       newAuditChain(),
		epochs:      newTable(oidInt8),
	}
}

func (c *changes) reset() {
	for _, t := range [...]*table{
		&c.keys, &c.unbind, &c.placed, &c.transitions, &c.newStock, &c.events, &c.epochs,
	} {
		t.reset()
	}
	clear(c.orders)
	clear(c.products)
	c.orders, c.products = c.orders[:0], c.products[:0]
	clear(c.ordersByID)
	c.moves.reset()
	c.audit.reset()
	clear(c.granted[:])
}

// gather takes in entries that apply, or are taken to apply. It returns false, for a batch that nobody
// has decided yet, when that cannot be right or cannot be written without knowing the rows: then the batch
// goes the careful way. foresee says that stock rows may be taken to be as this writer knows them.
func (c *changes) gather(entries []*commerce.Entry, foresee bool) (ok bool) {
	c.reset()
	ok = true
	for _, e := range entries {
		if e.Order != nil && !c.addOrder(e.Order) {
			ok = false
		}
		if e.Product != nil {
			c.addProduct(e.Product)
		}
		if e.Event != nil && !c.addEvent(e.Event) {
			ok = false
		}
		for i := range e.Movements {
			c.moves.add(&e.Movements[i])
			c.lag.add(&e.Movements[i])
			if !c.addEpoch(&e.Movements[i]) {
				ok = false
			}
		}
		// The key of a stock change binds the number of its line, which only the commit knows.
		if e.Key != nil && e.Key.Operation == commerce.OperationAdjustStock {
			ok = false
		}
		c.audit.add(e)
	}
	c.addKeys(entries)
	ok = c.writeOrders() && ok
	c.moves.write(foresee)
	return c.writeAudit(foresee) && ok
}

// writeAudit seals the audit records. A batch that nobody has decided yet is taken to apply, as far as what that
// leads to is known: where the log ends, and what stock is changed to; else it returns false.
func (c *changes) writeAudit(foresee bool) bool {
	levels := c.audit.needsLevels()
	switch {
	case !c.audit.any():
		return true
	case foresee && (!c.audit.known || levels && !c.moves.foreseen):
		return false
	case foresee && levels:
		c.moves.foretell()
	}
	c.audit.write()
	return true
}

func (c *changes) addKeys(entries []*commerce.Entry) {
	for _, e := range entries {
		if k := e.Key; k != nil {
			c.keys.uuid(k.ID)
			c.keys.bytes(k.Request[:])
			c.keys.int2(int16(k.Operation))
			c.keys.uuid(k.Resource)
			c.keys.int8(int64(k.Version))
			c.keys.time(k.ExpiresAt)
		}
	}
}

// addOrder notes an order's new row. Several changes of one order are one row; false when they do not
// follow from each other.
func (c *changes) addOrder(change *commerce.OrderChange) bool {
	id := change.Row.ID
	at, there := c.ordersByID[id]
	if !there {
		c.ordersByID[id] = len(c.orders)
		c.orders = append(c.orders, orderChange{row: change.Row, expect: change.Expect})
		return true
	}
	follows := c.orders[at].row.Version == change.Expect
	c.orders[at].row = change.Row
	return follows
}

// writeOrders notes the orders' rows; false when one cannot be stored.
func (c *changes) writeOrders() bool {
	ok := true
	slices.SortFunc(c.orders, func(a, b orderChange) int { return a.row.ID.Compare(b.row.ID) })
	for _, change := range c.orders {
		o, t := change.row, &c.transitions
		if change.expect == 0 {
			ok = c.place(o) && ok
			continue
		}
		t.uuid(o.ID)
		t.int8(int64(change.expect))
		t.int2(int16(o.Status))
		t.time(o.UpdatedAt)
		t.text(o.Carrier)
		t.text(o.TrackingNumber)
		t.text(o.CancelReason)
		t.int8(int64(o.Version))
	}
	return ok
}

// place notes a new order; false when a text of its detail cannot be stored.
func (c *changes) place(o *commerce.Order) bool {
	t := &c.placed
	t.uuid(o.ID)
	t.text(o.Customer)
	t.int2(int16(o.Status))
	t.int8(o.Total.Amount)
	t.bytes(o.Total.Currency[:])
	t.time(o.PlacedAt)
	t.time(o.UpdatedAt)
	t.time(o.ExpiresAt)
	t.text(o.Carrier)
	t.text(o.TrackingNumber)
	t.text(o.CancelReason)
	t.int8(int64(o.Version))
	storable := true
	t.grow(func(b []byte) []byte {
		w := detailWriter{buf: b}
		w.order(o)
		storable = !w.unstorable
		return w.buf
	})
	return storable
}

// addProduct notes a product's new row, one statement each: products change rarely.
func (c *changes) addProduct(change *commerce.ProductChange) {
	p := change.Row
	params := [][]byte{
		p.ID[:], []byte(p.Name), []byte(p.Description), []byte(p.Category), []byte(p.SKU), int8Param(p.Price.Amount),
		p.Price.Currency[:], nil,
		{0},
		int8Param(int64(p.Version)),
		int8Param(sinceY2K(p.CreatedAt)), int8Param(sinceY2K(p.UpdatedAt)),
	}
	if p.Attributes != "" {
		params[7] = []byte(p.Attributes)
	}
	if p.Archived {
		params[8] = []byte{1}
	}
	name := stmtCreateProduct
	if change.Expect == 0 {
		c.newStock.uuid(p.ID)
	} else {
		name = stmtUpdateProduct
		params = append(params, int8Param(int64(change.Expect)))
	}
	c.products = append(c.products, productStatement{name, params})
}

// addEvent notes an event; false when what it says cannot be stored.
func (c *changes) addEvent(e *commerce.Event) bool {
	data, err := encodeEvent(e)
	if err != nil {
		return false
	}
	t := &c.events
	t.uuid(e.Entity)
	t.int8(int64(e.Seq))
	t.int2(int16(e.Type))
	t.time(e.At)
	t.text(e.Actor)
	if data == nil {
		t.null()
	} else {
		t.bytes(data)
	}
	return true
}

// addEpoch notes the epoch of a grant; false when it is none, or when two grants of one partition have
// different ones.
func (c *changes) addEpoch(m *commerce.Movement) bool {
	epoch := &c.granted[m.Product.Partition()]
	if *epoch == 0 {
		*epoch = m.Epoch
	}
	return m.Epoch != 0 && *epoch == m.Epoch
}

// queue adds the statements that write the changes to a pipeline, in the order in which they take locks.
func (c *changes) queue(p *pipeline, writer int64, seq uint64) {
	number, n := int8Param(writer), int8Param(int64(seq))
	c.lag.queue(p)
	p.addTable(stmtUnbind, &c.unbind)
	p.addTable(stmtKeys, &c.keys)
	p.addTable(stmtPlaced, &c.placed)
	p.addTable(stmtTransitions, &c.transitions)
	for _, product := range c.products {
		p.add(product.name, product.params)
	}
	p.addTable(stmtNewStock, &c.newStock)
	c.moves.queue(p, number, n)
	p.addTable(stmtEvents, &c.events, number, n)
	c.audit.queue(p)
	if c.moves.any() {
		for _, epoch := range c.granted {
			c.epochs.int8(int64(epoch))
		}
		p.add(stmtEpochs, c.epochs.all())
	}
}

// forget says that the batch may not be what became of its rows.
func (c *changes) forget() {
	c.moves.forget()
	c.audit.forget()
}
