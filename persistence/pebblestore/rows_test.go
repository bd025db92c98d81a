package pebblestore

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

func anyID(t *rapid.T) (id commerce.ID) {
	copy(id[:], rapid.SliceOfN(rapid.Byte(), len(id), len(id)).Draw(t, "id"))
	return id
}

func anyText(t *rapid.T) string { return rapid.StringN(0, 40, 200).Draw(t, "text") }

func anyTime(t *rapid.T) time.Time {
	if rapid.IntRange(0, 9).Draw(t, "zero time") == 0 {
		return time.Time{}
	}
	return time.Unix(0, rapid.Int64Range(-1<<60, 1<<62).Draw(t, "nanoseconds")).UTC()
}

func anyMoney(t *rapid.T) commerce.Money {
	return commerce.Money{Amount: rapid.Int64().Draw(t, "amount"), Currency: commerce.Currency{'E', 'U', 'R'}}
}

func anyOrder(t *rapid.T) *commerce.Order {
	o := &commerce.Order{
		ID: anyID(t), Customer: anyText(t), Status: commerce.Status(rapid.IntRange(0, 7).Draw(t, "status")),
		Address: commerce.Address{
			Recipient: anyText(t), Phone: anyText(t), Street: anyText(t), Street2: anyText(t),
			City: anyText(t), State: anyText(t), PostalCode: anyText(t), Country: anyText(t),
		},
		Note: anyText(t), Total: anyMoney(t), PlacedAt: anyTime(t), UpdatedAt: anyTime(t), ExpiresAt: anyTime(t),
		Carrier: anyText(t), TrackingNumber: anyText(t), CancelReason: anyText(t), Version: rapid.Uint64().Draw(t, "version"),
	}
	for range rapid.IntRange(0, 5).Draw(t, "items") {
		o.Items = append(o.Items, commerce.Item{
			Product: anyID(t), Name: anyText(t), SKU: anyText(t),
			Quantity: rapid.Int64().Draw(t, "quantity"), UnitPrice: rapid.Int64().Draw(t, "price"),
		})
	}
	return o
}

func anyProduct(t *rapid.T) *commerce.Product {
	return &commerce.Product{
		ID: anyID(t), Name: anyText(t), Description: anyText(t), Category: anyText(t), SKU: anyText(t), Price: anyMoney(t),
		Attributes: anyText(t), Archived: rapid.Bool().Draw(t, "archived"), Version: rapid.Uint64().Draw(t, "version"),
		CreatedAt: anyTime(t), UpdatedAt: anyTime(t),
	}
}

func anyMovement(t *rapid.T) commerce.Movement {
	m := commerce.Movement{
		Product: anyID(t), OnHandDelta: rapid.Int64().Draw(t, "on hand"), AllocatedDelta: rapid.Int64().Draw(t, "allocated"),
		Actor: anyText(t), At: anyTime(t), Epoch: rapid.Uint64().Draw(t, "epoch"),
		Level: commerce.Stock{
			OnHand: rapid.Int64().Draw(t, "on hand"), Allocated: rapid.Int64().Draw(t, "allocated"), Version: rapid.Uint64().Draw(t, "version"),
		},
	}
	m.Level.Product = m.Product
	m.Reason = rapid.SampledFrom([]commerce.Reason{
		commerce.ReasonInitial, commerce.ReasonPlaced, commerce.ReasonShipped, commerce.ReasonCancel, commerce.ReasonAdjust, "", "stolen",
	}).Draw(t, "reason")
	if rapid.Bool().Draw(t, "of an order") {
		m.Order = anyID(t)
	}
	return m
}

func anyEvent(t *rapid.T) commerce.Event {
	e := commerce.Event{
		Entity: anyID(t), Seq: rapid.Uint64().Draw(t, "seq"), Type: commerce.EventType(rapid.IntRange(0, 10).Draw(t, "type")), At: anyTime(t),
		Actor: anyText(t), Status: commerce.Status(rapid.IntRange(0, 7).Draw(t, "status")), Reason: anyText(t), Note: anyText(t),
		Carrier: anyText(t), TrackingNumber: anyText(t),
	}
	if rapid.Bool().Draw(t, "of a product") {
		e.Product = anyProduct(t)
	}
	return e
}

func anyBinding(t *rapid.T) commerce.KeyBinding {
	k := commerce.KeyBinding{
		ID: commerce.KeyID(anyID(t)), Operation: commerce.Operation(rapid.Byte().Draw(t, "operation")), Resource: anyID(t),
		Version: rapid.Uint64().Draw(t, "version"), ExpiresAt: anyTime(t),
	}
	copy(k.Request[:], rapid.SliceOfN(rapid.Byte(), len(k.Request), len(k.Request)).Draw(t, "request"))
	return k
}

func TestRowsComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		order := anyOrder(t)
		gotOrder, err := decodeOrder(order.ID, appendOrder(nil, order))
		require.NoError(t, err)
		require.Equal(t, order, gotOrder)
		view, err := viewOrder(appendOrder(nil, order))
		require.NoError(t, err)
		require.Equal(t, order.Version, view.version)
		require.Equal(t, order.Status, view.status)
		require.Equal(t, order.Customer, string(view.customer))
		require.Equal(t, len(order.Items), view.count)
		for _, item := range order.Items {
			product, quantity, err := view.item()
			require.NoError(t, err)
			require.Equal(t, item.Product, product)
			require.Equal(t, item.Quantity, quantity)
		}

		product := anyProduct(t)
		gotProduct, err := decodeProduct(product.ID, appendProduct(nil, product))
		require.NoError(t, err)
		require.Equal(t, product, gotProduct)

		movement := anyMovement(t)
		gotMovement, err := decodeMovement(movement.Product, movement.Level.Version, appendMovement(nil, &movement))
		require.NoError(t, err)
		require.Equal(t, movement, gotMovement)
		gotStock, err := decodeStock(movement.Product, appendStock(nil, movement.Level))
		require.NoError(t, err)
		require.Equal(t, movement.Level, gotStock)

		event := anyEvent(t)
		gotEvent, err := decodeEvent(event.Entity, event.Seq, appendEvent(nil, &event))
		require.NoError(t, err)
		require.Equal(t, event, gotEvent)

		binding := anyBinding(t)
		gotBinding, err := decodeBinding(binding.ID, appendBinding(nil, &binding))
		require.NoError(t, err)
		require.Equal(t, binding, gotBinding)
	})
}

// decodeAll tries every decoder. None may panic, whatever the bytes.
func decodeAll(b []byte) (accepted int) {
	count := func(err error) {
		if err == nil {
			accepted++
		}
	}
	_, err := decodeOrder(commerce.ID{}, b)
	count(err)
	_, err = decodeProduct(commerce.ID{}, b)
	count(err)
	_, err = decodeMovement(commerce.ID{}, 1, b)
	count(err)
	_, err = decodeStock(commerce.ID{}, b)
	count(err)
	_, err = decodeEvent(commerce.ID{}, 1, b)
	count(err)
	_, err = decodeBinding(commerce.KeyID{}, b)
	count(err)
	if view, err := viewOrder(b); err == nil {
		for range view.count {
			_, _, err = view.item()
		}
		count(err)
	}
	_, err = productSKU(b)
	count(err)
	_, _, err = eventHead(b)
	count(err)
	return accepted
}

func TestTimesThatAreFarOffStaySo(t *testing.T) {
	t.Parallel()
	for _, year := range []int{1, 1600, 2300, 9999} {
		at := time.Date(year, time.December, 31, 23, 59, 59, 0, time.UTC)
		key := persistence.AccessKey{ID: commerce.ID{1}, Version: 1, ExpiresAt: at}
		stored, err := decodeAccessKey(key.ID, encodeAccessKey(&key))
		require.NoError(t, err)
		require.Equal(t, at.After(time.Now()), stored.ExpiresAt.After(time.Now()), "%s became %s", at, stored.ExpiresAt)
	}
}

func TestCutRowsAreRefused(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		order := appendOrder(nil, anyOrder(t))
		_, err := decodeOrder(commerce.ID{}, order[:rapid.IntRange(0, len(order)-1).Draw(t, "cut")])
		require.ErrorIs(t, err, errCorrupt)
		_, err = decodeOrder(commerce.ID{}, append(order, 0))
		require.ErrorIs(t, err, errCorrupt)

		event := anyEvent(t)
		row := appendEvent(nil, &event)
		_, err = decodeEvent(commerce.ID{}, 1, row[:rapid.IntRange(0, len(row)-1).Draw(t, "cut")])
		require.ErrorIs(t, err, errCorrupt)
	})
}

func FuzzRows(f *testing.F) {
	f.Add([]byte{})
	f.Add(appendOrder(nil, &commerce.Order{Customer: "ann", Items: make([]commerce.Item, 2)}))
	f.Add(appendProduct(nil, &commerce.Product{Name: "a lamp"}))
	f.Add(appendMovement(nil, &commerce.Movement{Reason: "stolen", Order: commerce.ID{1}}))
	f.Add(appendEvent(nil, &commerce.Event{Product: &commerce.Product{}}))
	f.Add(appendBinding(nil, &commerce.KeyBinding{}))
	f.Add([]byte{rowVersion, 1, 1, 0, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(_ *testing.T, b []byte) { decodeAll(b) })
}
