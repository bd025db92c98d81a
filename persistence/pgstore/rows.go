package pgstore

import (
	"github.com/jackc/pgx/v5"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// Rows are read in the binary form of the protocol, straight into the fields they belong to: an id as
// the array that it is, a named string or number as what it is made of. Each list of columns stands
// beside the function that reads it. Times are made UTC, as commerce has them.

const productColumns = `p.id, p.name, p.description, p.category, p.sku, p.price, p.currency, p.attributes,
	p.archived, p.version, p.created_at, p.updated_at`

// productTarget gathers what of a product's row is not read in place.
type productTarget struct {
	product    *commerce.Product
	currency   string
	attributes []byte
}

func newProductTarget() *productTarget { return &productTarget{product: new(commerce.Product)} }

func (t *productTarget) fields() []any {
	p := t.product
	return []any{
		(*[16]byte)(&p.ID), &p.Name, &p.Description, &p.Category, &p.SKU, &p.Price.Amount, &t.currency, &t.attributes,
		&p.Archived, &p.Version, &p.CreatedAt, &p.UpdatedAt,
	}
}

func (t *productTarget) finish() *commerce.Product {
	p := t.product
	copy(p.Price.Currency[:], t.currency)
	p.Attributes = string(t.attributes)
	p.CreatedAt, p.UpdatedAt = p.CreatedAt.UTC(), p.UpdatedAt.UTC()
	return p
}

func readProduct(row pgx.Row) (*commerce.Product, error) {
	t := newProductTarget()
	if err := row.Scan(t.fields()...); err != nil {
		return nil, err
	}
	return t.finish(), nil
}

const productRowColumns = productColumns + `, coalesce(s.on_hand, 0), coalesce(s.allocated, 0), coalesce(s.version, 0)`

func readProductRow(row pgx.CollectableRow) (persistence.ProductRow, error) {
	t := newProductTarget()
	var stock commerce.Stock
	if err := row.Scan(append(t.fields(), &stock.OnHand, &stock.Allocated, &stock.Version)...); err != nil {
		return persistence.ProductRow{}, err
	}
	p := t.finish()
	stock.Product = p.ID
	return persistence.ProductRow{Product: p, Stock: stock}, nil
}

const orderColumns = `o.id, o.customer, o.status, o.total, o.currency, o.placed_at, o.updated_at, o.expires_at,
	o.carrier, o.tracking_number, o.cancel_reason, o.version, o.detail`

func readOrder(row pgx.Row) (*commerce.Order, error) {
	o := new(commerce.Order)
	if err := readOrderInto(o, row); err != nil {
		return nil, err
	}
	return o, nil
}

// readOrderInto is readOrder in the memory of an order that nobody needs any more.
func readOrderInto(o *commerce.Order, row pgx.Row) error {
	var currency string
	var detail []byte
	*o = commerce.Order{Items: o.Items[:0]}
	err := row.Scan((*[16]byte)(&o.ID), &o.Customer, (*uint8)(&o.Status), &o.Total.Amount, &currency,
		&o.PlacedAt, &o.UpdatedAt, &o.ExpiresAt, &o.Carrier, &o.TrackingNumber, &o.CancelReason, &o.Version, &detail)
	if err != nil {
		return err
	}
	copy(o.Total.Currency[:], currency)
	o.PlacedAt, o.UpdatedAt, o.ExpiresAt = o.PlacedAt.UTC(), o.UpdatedAt.UTC(), o.ExpiresAt.UTC()
	return readOrderDetail(o, detail)
}

func readOrderRow(row pgx.CollectableRow) (*commerce.Order, error) { return readOrder(row) }

const eventColumns = `e.entity, e.seq, e.type, e.at, e.actor, e.data`

func readEventRow(row pgx.CollectableRow) (e commerce.Event, err error) {
	var data []byte
	if err = row.Scan((*[16]byte)(&e.Entity), &e.Seq, (*uint8)(&e.Type), &e.At, &e.Actor, &data); err != nil {
		return commerce.Event{}, err
	}
	e.At = e.At.UTC()
	return e, readEvent(&e, data)
}

const movementColumns = `m.product, m.version, m.order_id, m.on_hand_delta, m.allocated_delta, m.on_hand, m.allocated,
	m.reason, m.actor, m.at, m.epoch`

func readMovement(row pgx.Row) (m commerce.Movement, err error) {
	var order *[16]byte // none when no order caused the movement
	err = row.Scan((*[16]byte)(&m.Product), &m.Level.Version, &order, &m.OnHandDelta, &m.AllocatedDelta,
		&m.Level.OnHand, &m.Level.Allocated, (*string)(&m.Reason), &m.Actor, &m.At, &m.Epoch)
	if err != nil {
		return commerce.Movement{}, err
	}
	if order != nil {
		m.Order = *order
	}
	m.Level.Product = m.Product
	m.At = m.At.UTC()
	return m, nil
}

func readMovementRow(row pgx.CollectableRow) (commerce.Movement, error) { return readMovement(row) }

const keyColumns = `k.id, k.request, k.operation, k.resource, k.version, k.expires_at`

func readKeyRow(row pgx.CollectableRow) (k commerce.KeyBinding, err error) {
	var request []byte
	err = row.Scan((*[16]byte)(&k.ID), &request, (*uint8)(&k.Operation), (*[16]byte)(&k.Resource), &k.Version, &k.ExpiresAt)
	if err != nil {
		return commerce.KeyBinding{}, err
	}
	copy(k.Request[:], request)
	k.ExpiresAt = k.ExpiresAt.UTC()
	return k, nil
}
