package commerce

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"
)

// Item is one product of an order, with the catalogue's price and name at the moment of sale: the
// grant.
type Item struct {
	Product   ID
	Name      string
	SKU       string
	Quantity  int64
	UnitPrice int64 // minor units of the order's currency
}

// Address is where an order goes. Street, City and PostalCode are required.
type Address struct {
	Recipient  string
	Phone      string
	Street     string
	Street2    string
	City       string
	State      string
	PostalCode string
	Country    string
}

// Order is a placed order. Items, address, totals and PlacedAt never change after placing; the
// rest follows its events.
//
// An Order is immutable once it is shared; a transition makes a new one.
type Order struct {
	ID        ID
	Customer  string
	Status    Status
	Items     []Item
	Address   Address
	Note      string
	Total     Money
	PlacedAt  time.Time
	UpdatedAt time.Time
	// ExpiresAt is until when a pending order waits for its payment.
	ExpiresAt      time.Time
	Carrier        string
	TrackingNumber string
	CancelReason   string
	Version        uint64 // the Seq of its newest event
}

// OrderLine is one wish of an order.
type OrderLine struct {
	Product  ID
	Quantity int64
	// Price is what the caller believes one unit costs; nil says nothing. It is only compared.
	Price *int64
}

// PlaceOrder asks for units of products, all or none.
type PlaceOrder struct {
	Caller  Principal
	Key     string // idempotency key, or empty
	Lines   []OrderLine
	Address Address
	Note    string
}

// Validate returns a validation refusal that lists every fault, or nil. It does not add up lines
// of the same product: Merge does.
func (c *PlaceOrder) Validate() error {
	var check checker
	check.key(c.Key)
	switch {
	case len(c.Lines) == 0:
		check.add("/items", "must hold at least one item")
	case len(c.Lines) > OrderItemsMax:
		check.add("/items", "must hold at most %d items, but holds %d", OrderItemsMax, len(c.Lines))
	}
	for i := range c.Lines[:min(len(c.Lines), OrderItemsMax)] {
		line := &c.Lines[i]
		if line.Quantity < 1 || line.Quantity > QuantityMax {
			check.number(fmt.Sprintf("/items/%d/quantity", i), line.Quantity, 1, QuantityMax)
		}
		if line.Price != nil && (*line.Price < 0 || *line.Price > PriceMax) {
			check.number(fmt.Sprintf("/items/%d/price", i), *line.Price, 0, PriceMax)
		}
	}
	c.Address.check(&check)
	check.text("/note", c.Note, false, NoteMax)
	return invalid(check.violations)
}

func (a *Address) check(check *checker) {
	check.text("/shipping_address/recipient", a.Recipient, false, AddressFieldMax)
	check.text("/shipping_address/phone", a.Phone, false, AddressFieldMax)
	check.text("/shipping_address/street", a.Street, true, AddressFieldMax)
	check.text("/shipping_address/street2", a.Street2, false, AddressFieldMax)
	check.text("/shipping_address/city", a.City, true, AddressFieldMax)
	check.text("/shipping_address/state", a.State, false, AddressFieldMax)
	check.text("/shipping_address/postal_code", a.PostalCode, true, AddressFieldMax)
	check.text("/shipping_address/country", a.Country, false, AddressFieldMax)
}

// Hash identifies what the command says, for its idempotency key.
func (c *PlaceOrder) Hash() RequestHash {
	b := make([]byte, 0, 512)
	for i := range c.Lines {
		line := &c.Lines[i]
		b = append(b, line.Product[:]...)
		b = appendInt(b, line.Quantity)
		if line.Price != nil {
			b = appendInt(b, *line.Price+1)
		} else {
			b = appendInt(b, 0)
		}
	}
	b = append(b, 0xff)
	a := &c.Address
	for _, s := range [...]string{
		a.Recipient, a.Phone, a.Street, a.Street2, a.City, a.State, a.PostalCode, a.Country, c.Note,
	} {
		b = appendText(b, s)
	}
	return sha256.Sum256(b)
}

// KeyID returns the scoped idempotency key. REQUIRES: c.Key is not empty.
func (c *PlaceOrder) KeyID() KeyID {
	return NewKeyID(c.Caller, OperationPlaceOrder, ID{}, c.Key)
}

// Merge adds up lines of the same product and sorts them by product id: the one order in which
// every order asks its products, so that waiting cannot deadlock. It returns a refusal when a sum
// leaves its bounds, or when two lines of one product believe in different prices.
func (c *PlaceOrder) Merge() ([]OrderLine, error) {
	lines := slices.Clone(c.Lines)
	if len(lines) > 1 {
		slices.SortStableFunc(lines, func(a, b OrderLine) int { return a.Product.Compare(b.Product) })
	}
	merged := lines[:0]
	for _, line := range lines {
		last := len(merged) - 1
		if last < 0 || merged[last].Product != line.Product {
			merged = append(merged, line)
			continue
		}
		into := &merged[last]
		into.Quantity += line.Quantity
		if into.Quantity > QuantityMax {
			return nil, invalid([]Violation{{
				Pointer: "/items",
				Detail: fmt.Sprintf("asks for %d units of product %s in all; at most %d fit into one order",
					into.Quantity, line.Product, QuantityMax),
			}})
		}
		switch {
		case into.Price == nil:
			into.Price = line.Price
		case line.Price != nil && *line.Price != *into.Price:
			return nil, invalid([]Violation{{
				Pointer: "/items",
				Detail:  fmt.Sprintf("names two different prices for product %s", line.Product),
			}})
		}
	}
	return merged, nil
}

// Offer is what a product grain grants: its units, at its price and name of that moment.
type Offer struct {
	Product *Product
	Epoch   uint64
}

// Check compares a line with the product as it is now. It returns the refusal, or nil.
func (l *OrderLine) Check(p *Product) *Error {
	if p.Archived {
		return &Error{
			Code: CodeProductArchived, Product: p.ID,
			Detail: fmt.Sprintf("product %s is archived and no longer sold", p.ID),
		}
	}
	if l.Price != nil && *l.Price != p.Price.Amount {
		return &Error{
			Code: CodePriceChanged, Product: p.ID, Price: p.Price,
			Detail: fmt.Sprintf("product %s costs %d %s now, not %d", p.ID, p.Price.Amount, p.Price.Currency, *l.Price),
		}
	}
	return nil
}

// Terms are the engine's settings that an order is placed under.
type Terms struct {
	PaymentTimeout time.Duration // how long a pending order waits for its payment
	KeyTTL         time.Duration // how long an idempotency key is kept
	// Key and Request are the command's KeyID and Hash when they are known already: they are digests.
	// NewEntry makes them itself when Key is zero.
	Key     KeyID
	Request RequestHash
}

// NewEntry makes the entry that places the order, once every line has been granted.
// REQUIRES: lines come from Merge, and offers[i] answers lines[i].
func (c *PlaceOrder) NewEntry(id ID, lines []OrderLine, offers []Offer, terms Terms) (*Entry, error) {
	at := id.Time()
	place := &placing{
		order: Order{
			ID: id, Customer: c.Caller.Customer, Status: StatusPending, Address: c.Address, Note: c.Note,
			PlacedAt: at, UpdatedAt: at, ExpiresAt: at.Add(terms.PaymentTimeout), Version: 1,
		},
		event: Event{Entity: id, Seq: 1, Type: EventOrderPlaced, At: at, Actor: c.Caller.Subject, Status: StatusPending},
	}
	o := &place.order
	o.Items = make([]Item, len(lines))
	movements := make([]Movement, len(lines))
	for i := range lines {
		p := offers[i].Product
		o.Items[i] = Item{
			Product: p.ID, Name: p.Name, SKU: p.SKU, Quantity: lines[i].Quantity, UnitPrice: p.Price.Amount,
		}
		movements[i] = Movement{
			Product: p.ID, Order: id, AllocatedDelta: lines[i].Quantity, Reason: ReasonPlaced,
			Actor: c.Caller.Subject, At: at, Epoch: offers[i].Epoch,
		}
		if err := o.addToTotal(&o.Items[i], p.Price.Currency); err != nil {
			return nil, err
		}
	}
	place.entry = Entry{Order: &place.change, Movements: movements, Event: &place.event}
	place.change.Row = o
	if c.Key != "" {
		if terms.Key == (KeyID{}) {
			terms.Key, terms.Request = c.KeyID(), c.Hash()
		}
		place.key = KeyBinding{
			ID: terms.Key, Request: terms.Request, Operation: OperationPlaceOrder,
			Resource: id, Version: 1, ExpiresAt: at.Add(terms.KeyTTL),
		}
		place.entry.Key = &place.key
	}
	return &place.entry, nil
}

// placing keeps the parts of one placing in one allocation.
type placing struct {
	entry  Entry
	order  Order
	change OrderChange
	event  Event
	key    KeyBinding
}

func (o *Order) addToTotal(item *Item, currency Currency) error {
	if o.Total.Currency == (Currency{}) {
		o.Total.Currency = currency
	}
	if o.Total.Currency != currency {
		return &Error{
			Code: CodeCurrencyMismatch, Product: item.Product,
			Detail: fmt.Sprintf("product %s is priced in %s, the order's other products in %s; place one order for each currency",
				item.Product, currency, o.Total.Currency),
		}
	}
	line, ok := mulAmount(item.UnitPrice, item.Quantity)
	if ok {
		o.Total.Amount, ok = addAmount(o.Total.Amount, line)
	}
	if !ok {
		return invalid([]Violation{{
			Pointer: "/items", Detail: fmt.Sprintf("the order's total exceeds %d minor units", AmountMax),
		}})
	}
	return nil
}

// Quantity returns the units of a product in the order.
func (o *Order) Quantity(product ID) int64 {
	i, found := slices.BinarySearchFunc(o.Items, product, func(item Item, id ID) int { return item.Product.Compare(id) })
	if !found {
		return 0
	}
	return o.Items[i].Quantity
}

// TransitionOrder moves an order along its states.
type TransitionOrder struct {
	Caller         Principal
	Key            string
	Order          ID
	To             Status
	Version        uint64 // the version the order must have; 0: any
	Reason         string
	Note           string
	Carrier        string
	TrackingNumber string
}

// Validate returns a validation refusal that lists every fault, or nil.
func (c *TransitionOrder) Validate() error {
	var check checker
	check.key(c.Key)
	if c.To < StatusPending || c.To > StatusMax {
		check.add("/to", "must be one of paid, processing, shipped, delivered, completed, cancelled")
	}
	check.text("/reason", c.Reason, false, ReasonMax)
	check.text("/note", c.Note, false, NoteMax)
	check.text("/carrier", c.Carrier, false, CarrierMax)
	check.text("/tracking_number", c.TrackingNumber, false, TrackingNumberMax)
	return invalid(check.violations)
}

// Hash identifies what the command says, for its idempotency key.
func (c *TransitionOrder) Hash() RequestHash {
	b := make([]byte, 0, 128)
	b = append(b, byte(c.To))
	for _, s := range [...]string{c.Reason, c.Note, c.Carrier, c.TrackingNumber} {
		b = appendText(b, s)
	}
	return sha256.Sum256(b)
}

// NewEntry applies the transition to the current row, guarded by its version. It returns not_found when the
// order is out of the caller's reach, precondition_failed when the order is not at the version named, and invalid_transition when it is
// in a state that cannot.
func (c *TransitionOrder) NewEntry(current *Order, at time.Time, epoch func(product ID) uint64, keyTTL time.Duration) (*Entry, error) {
	if !c.Caller.Reaches(current) {
		return nil, NoOrder(current.ID) // it must not learn that there is one
	}
	if c.Version != 0 && c.Version != current.Version {
		return nil, Errorf(CodePrecondition, "the order has changed meanwhile; read it again, then decide")
	}
	if !current.Status.CanBecome(c.To) {
		return nil, &Error{Code: CodeInvalidTransition, Order: current.ID, Detail: refusedTransition(current.Status, c.To)}
	}
	event := &Event{
		Entity: current.ID, Seq: current.Version + 1, Type: eventOf(c.To), At: at, Actor: c.Caller.Subject, Status: c.To,
		Reason: c.Reason, Note: c.Note, Carrier: c.Carrier, TrackingNumber: c.TrackingNumber,
	}
	next := current.follow(event)
	e := &Entry{
		Order:     &OrderChange{Row: next, Expect: current.Version, PreviousStatus: current.Status},
		Movements: releases(next, c.Caller.Subject, at, epoch),
		Event:     event,
	}
	if c.Key != "" {
		e.Key = &KeyBinding{
			ID: NewKeyID(c.Caller, OperationTransitionOrder, c.Order, c.Key), Request: c.Hash(),
			Operation: OperationTransitionOrder, Resource: next.ID, Version: next.Version, ExpiresAt: at.Add(keyTTL),
		}
	}
	return e, nil
}

// releases returns the movements of an order that reached a state: shipping takes the units out of
// the building, cancelling gives them back.
func releases(o *Order, actor string, at time.Time, epoch func(product ID) uint64) []Movement {
	if o.Status != StatusShipped && o.Status != StatusCancelled {
		return nil
	}
	movements := make([]Movement, len(o.Items))
	for i := range o.Items {
		item := &o.Items[i]
		m := Movement{
			Product: item.Product, Order: o.ID, AllocatedDelta: -item.Quantity, Reason: ReasonCancel,
			Actor: actor, At: at, Epoch: epoch(item.Product),
		}
		if o.Status == StatusShipped {
			m.OnHandDelta, m.Reason = -item.Quantity, ReasonShipped
		}
		movements[i] = m
	}
	return movements
}

func refusedTransition(from, to Status) string {
	next := from.Next()
	if len(next) == 0 {
		return fmt.Sprintf("the order is %s, which is its last state; it cannot become %s", from, to)
	}
	text := fmt.Sprintf("the order is %s; it cannot become %s, only ", from, to)
	for i, s := range next {
		if i > 0 {
			text += " or "
		}
		text += s.String()
	}
	return text
}

// follow returns the order after one of its events.
func (o *Order) follow(e *Event) *Order {
	next := *o
	next.Status, next.Version, next.UpdatedAt = e.Status, e.Seq, e.At
	next.Carrier = cmp.Or(e.Carrier, next.Carrier)
	next.TrackingNumber = cmp.Or(e.TrackingNumber, next.TrackingNumber)
	if e.Status == StatusCancelled {
		next.CancelReason = e.Reason
	}
	return &next
}

// AsOf returns the order as it was at the version of the last of its events given: what the first
// answer to a replayed command showed. REQUIRES: events are the order's first ones, from Seq 1.
func (o *Order) AsOf(events []Event) *Order {
	first := *o
	first.Status, first.Version, first.UpdatedAt = StatusPending, 1, o.PlacedAt
	first.Carrier, first.TrackingNumber, first.CancelReason = "", "", ""
	at := &first
	for i := range events {
		if events[i].Seq > 1 {
			at = at.follow(&events[i])
		}
	}
	return at
}
