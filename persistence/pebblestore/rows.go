package pebblestore

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// rowVersion is the first byte of every row, so that a later layout can stand beside this one.
const rowVersion = 1

func (d *decoder) rowVersion() {
	if v := d.byte(); v != rowVersion {
		d.fail()
	}
}

// An order's row. What indexes, folding and verification look at comes first, so that they need
// not decode the rest (see orderView).

func appendOrder(b []byte, o *commerce.Order) []byte {
	b = append(b, rowVersion)
	b = binary.AppendUvarint(b, o.Version)
	b = append(b, byte(o.Status))
	b = appendTime(b, o.PlacedAt)
	b = appendText(b, o.Customer)
	b = binary.AppendUvarint(b, uint64(len(o.Items)))
	for i := range o.Items {
		item := &o.Items[i]
		b = append(b, item.Product[:]...)
		b = binary.AppendVarint(b, item.Quantity)
		b = binary.AppendVarint(b, item.UnitPrice)
		b = appendText(b, item.Name)
		b = appendText(b, item.SKU)
	}
	b = appendMoney(b, o.Total)
	b = appendTime(b, o.UpdatedAt)
	b = appendTime(b, o.ExpiresAt)
	a := &o.Address
	for _, s := range [...]string{
		a.Recipient, a.Phone, a.Street, a.Street2, a.City, a.State, a.PostalCode, a.Country,
		o.Note, o.Carrier, o.TrackingNumber, o.CancelReason,
	} {
		b = appendText(b, s)
	}
	return b
}

// itemBytesMin is the least an item takes: product, two numbers, two lengths.
const itemBytesMin = 16 + 4

func decodeOrder(id commerce.ID, b []byte) (*commerce.Order, error) {
	o := new(commerce.Order)
	if err := decodeOrderInto(o, id, b); err != nil {
		return nil, err
	}
	return o, nil
}

// decodeOrderInto is decodeOrder in the memory of an order that nobody needs any more.
func decodeOrderInto(o *commerce.Order, id commerce.ID, b []byte) error {
	d := newTextDecoder(b)
	d.rowVersion()
	*o = commerce.Order{ID: id, Items: o.Items[:0]}
	o.Version = d.uvarint()
	o.Status = commerce.Status(d.byte())
	o.PlacedAt = d.time()
	o.Customer = d.text()
	if n := d.count(itemBytesMin); n > 0 {
		o.Items = slices.Grow(o.Items, n)[:n]
	}
	for i := range o.Items {
		item := &o.Items[i]
		item.Product = d.id()
		item.Quantity = d.varint()
		item.UnitPrice = d.varint()
		item.Name = d.text()
		item.SKU = d.text()
	}
	o.Total = d.money()
	o.UpdatedAt = d.time()
	o.ExpiresAt = d.time()
	a := &o.Address
	for _, s := range [...]*string{
		&a.Recipient, &a.Phone, &a.Street, &a.Street2, &a.City, &a.State, &a.PostalCode, &a.Country,
		&o.Note, &o.Carrier, &o.TrackingNumber, &o.CancelReason,
	} {
		*s = d.text()
	}
	if err := d.end(); err != nil {
		return fmt.Errorf("decode order %s: %w", id, err)
	}
	return nil
}

// orderView is the part of an order's row that indexes and sums need. It aliases the row.
type orderView struct {
	version  uint64
	status   commerce.Status
	placedAt []byte // as appendTime wrote it
	customer []byte
	count    int
	items    decoder
}

func viewOrder(b []byte) (orderView, error) {
	d := decoder{b: b}
	d.rowVersion()
	v := orderView{version: d.uvarint(), status: commerce.Status(d.byte()), placedAt: d.take(timeBytes), customer: d.bytes()}
	v.count = d.count(itemBytesMin)
	v.items = d
	return v, d.err()
}

// item reads the next of the view's count items.
func (v *orderView) item() (product commerce.ID, quantity int64, err error) {
	product, quantity, _, err = v.sale()
	return product, quantity, err
}

// sale is item with the price of one unit. Once all items have been read, the order's total is what items reads next.
func (v *orderView) sale() (product commerce.ID, quantity, unitPrice int64, err error) {
	d := &v.items
	product, quantity, unitPrice = d.id(), d.varint(), d.varint()
	d.skipText()
	d.skipText()
	return product, quantity, unitPrice, d.err()
}

// quarter returns the quarter hour in which the order was placed.
func (v *orderView) quarter() persistence.Quarter {
	d := decoder{b: v.placedAt}
	return persistence.QuarterOf(d.time())
}

func appendMoney(b []byte, m commerce.Money) []byte {
	b = append(b, m.Currency[:]...)
	return binary.AppendVarint(b, m.Amount)
}

func (d *decoder) money() (m commerce.Money) {
	copy(m.Currency[:], d.take(uint64(len(m.Currency))))
	m.Amount = d.varint()
	return m
}

// A product's row: its version comes first, for the commit's check.

func appendProduct(b []byte, p *commerce.Product) []byte {
	b = append(b, rowVersion)
	b = binary.AppendUvarint(b, p.Version)
	b = appendText(b, p.SKU)
	b = appendText(b, p.Name)
	b = appendText(b, p.Description)
	b = appendText(b, p.Category)
	b = appendText(b, p.Attributes)
	b = appendMoney(b, p.Price)
	b = append(b, flag(p.Archived))
	b = appendTime(b, p.CreatedAt)
	return appendTime(b, p.UpdatedAt)
}

func decodeProduct(id commerce.ID, b []byte) (*commerce.Product, error) {
	d := newTextDecoder(b)
	d.rowVersion()
	p := &commerce.Product{ID: id}
	p.Version = d.uvarint()
	p.SKU = d.text()
	p.Name = d.text()
	p.Description = d.text()
	p.Category = d.text()
	p.Attributes = d.text()
	p.Price = d.money()
	p.Archived = d.flag()
	p.CreatedAt = d.time()
	p.UpdatedAt = d.time()
	if err := d.end(); err != nil {
		return nil, fmt.Errorf("decode product %s: %w", id, err)
	}
	return p, nil
}

// rowHead reads the version that orders' and products' rows start with.
func rowHead(b []byte) (version uint64, err error) {
	d := decoder{b: b}
	d.rowVersion()
	version = d.uvarint()
	return version, d.err()
}

// productSKU reads the SKU of a product's row, which it aliases.
func productSKU(b []byte) (sku []byte, err error) {
	d := decoder{b: b}
	d.rowVersion()
	d.uvarint()
	sku = d.bytes()
	return sku, d.err()
}

func flag(v bool) byte {
	if v {
		return 1
	}
	return 0
}

func (d *decoder) flag() bool {
	v := d.byte()
	if v > 1 {
		d.fail()
	}
	return v == 1
}

// A stock row. Its key holds the product.

func appendStock(b []byte, s commerce.Stock) []byte {
	b = append(b, rowVersion)
	b = binary.AppendVarint(b, s.OnHand)
	b = binary.AppendVarint(b, s.Allocated)
	return binary.AppendUvarint(b, s.Version)
}

func decodeStock(product commerce.ID, b []byte) (commerce.Stock, error) {
	d := decoder{b: b}
	d.rowVersion()
	s := commerce.Stock{Product: product, OnHand: d.varint(), Allocated: d.varint(), Version: d.uvarint()}
	if err := d.end(); err != nil {
		return commerce.Stock{}, fmt.Errorf("decode stock of product %s: %w", product, err)
	}
	return s, nil
}

// A line of the ledger. Its key holds the product and the line's number, which is the version of
// its level.

// reasonCode stores the engine's own words in one byte; 0 means that the word follows.
func reasonCode(r commerce.Reason) byte {
	switch r {
	case commerce.ReasonInitial:
		return 1
	case commerce.ReasonPlaced:
		return 2
	case commerce.ReasonShipped:
		return 3
	case commerce.ReasonCancel:
		return 4
	case commerce.ReasonAdjust:
		return 5
	default:
		return 0
	}
}

func (d *decoder) reason() commerce.Reason {
	switch d.byte() {
	case 0:
		return commerce.Reason(d.text())
	case 1:
		return commerce.ReasonInitial
	case 2:
		return commerce.ReasonPlaced
	case 3:
		return commerce.ReasonShipped
	case 4:
		return commerce.ReasonCancel
	case 5:
		return commerce.ReasonAdjust
	default:
		d.fail()
		return ""
	}
}

func appendMovement(b []byte, m *commerce.Movement) []byte {
	b = append(b, rowVersion)
	b = binary.AppendVarint(b, m.OnHandDelta)
	b = binary.AppendVarint(b, m.AllocatedDelta)
	b = binary.AppendVarint(b, m.Level.OnHand)
	b = binary.AppendVarint(b, m.Level.Allocated)
	b = append(b, flag(!m.Order.IsZero()))
	if !m.Order.IsZero() {
		b = append(b, m.Order[:]...)
	}
	code := reasonCode(m.Reason)
	b = append(b, code)
	if code == 0 {
		b = appendText(b, string(m.Reason))
	}
	b = appendText(b, m.Actor)
	b = appendTime(b, m.At)
	return binary.AppendUvarint(b, m.Epoch)
}

// movementHead reads a line's sums and its order into m, which is all that levels and sums need.
func (d *decoder) movementHead(m *commerce.Movement) {
	d.rowVersion()
	m.OnHandDelta = d.varint()
	m.AllocatedDelta = d.varint()
	m.Level.OnHand = d.varint()
	m.Level.Allocated = d.varint()
	if d.flag() {
		m.Order = d.id()
	}
}

func decodeMovement(product commerce.ID, version uint64, b []byte) (commerce.Movement, error) {
	d := decoder{b: b}
	m := commerce.Movement{Product: product, Level: commerce.Stock{Product: product, Version: version}}
	d.movementHead(&m)
	m.Reason = d.reason()
	m.Actor = d.text()
	m.At = d.time()
	m.Epoch = d.uvarint()
	if err := d.end(); err != nil {
		return commerce.Movement{}, fmt.Errorf("decode movement %d of product %s: %w", version, product, err)
	}
	return m, nil
}

// An event. Its key holds the entity and the number.

func appendEvent(b []byte, e *commerce.Event) []byte {
	b = append(b, rowVersion, byte(e.Type), byte(e.Status))
	b = appendTime(b, e.At)
	for _, s := range [...]string{e.Actor, e.Reason, e.Note, e.Carrier, e.TrackingNumber} {
		b = appendText(b, s)
	}
	b = append(b, flag(e.Product != nil))
	if e.Product != nil {
		b = append(b, e.Product.ID[:]...)
		b = appendProduct(b, e.Product)
	}
	return b
}

// appendPlacedEvent appends the row of the event that placing an order means, out of the order's
// row: nearly all orders' first event is that, and is not stored.
func appendPlacedEvent(b []byte, o *orderView) []byte {
	b = append(b, rowVersion, byte(commerce.EventOrderPlaced), byte(commerce.StatusPending))
	b = append(b, o.placedAt...)
	b = appendBytes(b, o.customer)
	return append(b, 0, 0, 0, 0, flag(false)) // no reason, note, carrier, tracking number, product
}

// placedEvent is the same, of a decoded order.
func placedEvent(o *commerce.Order) commerce.Event {
	return commerce.Event{
		Entity: o.ID, Seq: 1, Type: commerce.EventOrderPlaced, At: o.PlacedAt, Actor: o.Customer, Status: commerce.StatusPending,
	}
}

// eventHead reads what a verification compares with the order.
func eventHead(b []byte) (typ commerce.EventType, status commerce.Status, err error) {
	d := decoder{b: b}
	d.rowVersion()
	typ, status = commerce.EventType(d.byte()), commerce.Status(d.byte())
	return typ, status, d.err()
}

func decodeEvent(entity commerce.ID, seq uint64, b []byte) (commerce.Event, error) {
	e, err := decodeEventRow(entity, seq, b)
	if err != nil {
		return commerce.Event{}, fmt.Errorf("decode event %d of %s: %w", seq, entity, err)
	}
	return e, nil
}

func decodeEventRow(entity commerce.ID, seq uint64, b []byte) (commerce.Event, error) {
	d := newTextDecoder(b)
	d.rowVersion()
	e := commerce.Event{Entity: entity, Seq: seq}
	e.Type = commerce.EventType(d.byte())
	e.Status = commerce.Status(d.byte())
	e.At = d.time()
	for _, s := range [...]*string{&e.Actor, &e.Reason, &e.Note, &e.Carrier, &e.TrackingNumber} {
		*s = d.text()
	}
	if !d.flag() {
		return e, d.end()
	}
	id := d.id()
	if d.failed {
		return e, d.err()
	}
	var err error
	e.Product, err = decodeProduct(id, d.b[d.off:])
	return e, err
}

// A key's binding. Its key holds the KeyID.

func appendBinding(b []byte, k *commerce.KeyBinding) []byte {
	b = append(b, rowVersion)
	b = appendTime(b, k.ExpiresAt)
	b = append(b, k.Request[:]...)
	b = append(b, byte(k.Operation))
	b = append(b, k.Resource[:]...)
	return binary.AppendUvarint(b, k.Version)
}

func decodeBinding(id commerce.KeyID, b []byte) (commerce.KeyBinding, error) {
	d := decoder{b: b}
	d.rowVersion()
	k := commerce.KeyBinding{ID: id, ExpiresAt: d.time()}
	copy(k.Request[:], d.take(uint64(len(k.Request))))
	k.Operation = commerce.Operation(d.byte())
	k.Resource = d.id()
	k.Version = d.uvarint()
	if err := d.end(); err != nil {
		return commerce.KeyBinding{}, fmt.Errorf("decode key binding %x: %w", id, err)
	}
	return k, nil
}
