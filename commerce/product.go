package commerce

import (
	"crypto/sha256"
	"time"
)

// Product is what a catalogue says of a thing that is sold. Its units are in Stock, a row of its
// own: a sale does not disturb a merchant's edit.
//
// A Product is immutable once it is shared; a change makes a new one.
type Product struct {
	ID          ID
	Name        string
	Description string
	Category    string
	SKU         string // unique when not empty
	Price       Money
	// Attributes is a compact JSON object, or empty.
	Attributes string
	Archived   bool
	Version    uint64 // counts changes; 1 when made
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// CreateProduct puts a product into the catalogue with its first units.
type CreateProduct struct {
	Caller      Principal
	Correlation string // of the request, for the audit log
	Key         string // idempotency key, or empty
	Name        string
	Description string
	Category    string
	SKU         string
	Price       Money
	Attributes  string
	OnHand      int64
}

// Validate returns a validation refusal that lists every fault, or nil.
func (c *CreateProduct) Validate() error {
	var check checker
	check.key(c.Key)
	checkProduct(&check, &Product{
		Name: c.Name, Description: c.Description, Category: c.Category, SKU: c.SKU,
		Price: c.Price, Attributes: c.Attributes,
	})
	check.number("/stock_quantity", c.OnHand, 0, OnHandMax)
	return invalid(check.violations)
}

func checkProduct(check *checker, p *Product) {
	check.text("/name", p.Name, true, NameMax)
	check.text("/description", p.Description, false, DescriptionMax)
	check.text("/category", p.Category, false, CategoryMax)
	check.text("/sku", p.SKU, false, SKUMax)
	check.number("/price", p.Price.Amount, 0, PriceMax)
	if len(p.Attributes) > AttributesMax {
		check.add("/attributes", "must be at most %d bytes of JSON, but has %d", AttributesMax, len(p.Attributes))
	}
}

// Hash identifies what the command says, for its idempotency key.
func (c *CreateProduct) Hash() RequestHash {
	b := make([]byte, 0, 512)
	for _, s := range []string{c.Name, c.Description, c.Category, c.SKU, c.Price.Currency.String(), c.Attributes} {
		b = appendText(b, s)
	}
	b = appendInt(b, c.Price.Amount)
	b = appendInt(b, c.OnHand)
	return sha256.Sum256(b)
}

// NewEntry turns a valid command into the entry that makes the product.
func (c *CreateProduct) NewEntry(id ID, epoch uint64, keyTTL time.Duration) *Entry {
	at := id.Time()
	p := &Product{
		ID: id, Name: c.Name, Description: c.Description, Category: c.Category, SKU: c.SKU, Price: c.Price,
		Attributes: c.Attributes, Version: 1, CreatedAt: at, UpdatedAt: at,
	}
	e := &Entry{
		Product: &ProductChange{Row: p},
		Movements: []Movement{{
			Product: id, OnHandDelta: c.OnHand, Reason: ReasonInitial, Actor: c.Caller.Subject, At: at, Epoch: epoch,
		}},
		Event: &Event{Entity: id, Seq: 1, Type: EventProductCreated, At: at, Actor: c.Caller.Subject, Product: p},
		Audit: &AuditRecord{
			At: at, Actor: c.Caller.Subject, Action: AuditProductCreated, Target: id.String(), After: auditProduct(p, &c.OnHand),
			Correlation: c.Correlation,
		},
	}
	if c.Key != "" {
		e.Key = &KeyBinding{
			ID: NewKeyID(c.Caller, OperationCreateProduct, ID{}, c.Key), Request: c.Hash(),
			Operation: OperationCreateProduct, Resource: id, Version: 1, ExpiresAt: at.Add(keyTTL),
		}
	}
	return e
}

// UpdateProduct changes what the catalogue says: nil fields stay. It never touches stock.
type UpdateProduct struct {
	Caller      Principal
	Correlation string
	Product     ID
	Version     uint64 // the version the caller has read (If-Match)
	Name        *string
	Description *string
	Category    *string
	SKU         *string
	Price       *int64
	Attributes  *string
	Archive     bool
}

// NewEntry applies the change to the current row. It returns precondition_failed when the caller
// has read another version, and a validation refusal when the result is not a product.
func (c *UpdateProduct) NewEntry(current *Product, at time.Time) (*Entry, error) {
	if current.Version != c.Version {
		return nil, &Error{
			Code: CodePrecondition, Product: current.ID,
			Detail: "the product has changed since it was read; read it again and send its new ETag in If-Match",
		}
	}
	next := *current
	set := func(field *string, value *string) {
		if value != nil {
			*field = *value
		}
	}
	set(&next.Name, c.Name)
	set(&next.Description, c.Description)
	set(&next.Category, c.Category)
	set(&next.SKU, c.SKU)
	set(&next.Attributes, c.Attributes)
	if c.Price != nil {
		next.Price.Amount = *c.Price
	}
	typ, action := EventProductUpdated, AuditProductUpdated
	if c.Archive {
		next.Archived = true
		typ, action = EventProductArchived, AuditProductArchived
	}
	next.Version++
	next.UpdatedAt = at
	var check checker
	checkProduct(&check, &next)
	if err := invalid(check.violations); err != nil {
		return nil, err
	}
	return &Entry{
		Product: &ProductChange{Row: &next, Expect: current.Version, PreviousSKU: current.SKU},
		Event:   &Event{Entity: next.ID, Seq: next.Version, Type: typ, At: at, Actor: c.Caller.Subject, Product: &next},
		Audit: &AuditRecord{
			At: at, Actor: c.Caller.Subject, Action: action, Target: next.ID.String(),
			Before: auditProduct(current, nil), After: auditProduct(&next, nil), Correlation: c.Correlation,
		},
	}, nil
}

// AdjustStock changes the units on hand: deliveries, losses, sales made elsewhere. All or nothing.
type AdjustStock struct {
	Caller      Principal
	Correlation string
	Key         string
	Product     ID
	Delta       int64
	Reason      Reason // ReasonAdjust when empty
}

// Validate returns a validation refusal that lists every fault, or nil.
func (c *AdjustStock) Validate() error {
	var check checker
	check.key(c.Key)
	check.number("/quantity_change", c.Delta, -QuantityMax, QuantityMax)
	if c.Delta == 0 {
		check.add("/quantity_change", "must not be 0: nothing would change")
	}
	check.text("/reason", string(c.Reason), false, ReasonMax)
	if c.Reason.engine() {
		check.add("/reason", "must not be %q: the ledger keeps that word for what the engine does", c.Reason)
	}
	return invalid(check.violations)
}

// Hash identifies what the command says, for its idempotency key.
func (c *AdjustStock) Hash() RequestHash {
	b := make([]byte, 0, 64)
	b = appendInt(b, c.Delta)
	b = appendText(b, string(c.Reason))
	return sha256.Sum256(b)
}

// NewEntry turns a valid command into its entry. A negative change needs a grant of its units.
func (c *AdjustStock) NewEntry(at time.Time, epoch uint64, keyTTL time.Duration) *Entry {
	reason := c.Reason
	if reason == "" {
		reason = ReasonAdjust
	}
	e := &Entry{
		Movements: []Movement{{
			Product: c.Product, OnHandDelta: c.Delta, Reason: reason, Actor: c.Caller.Subject, At: at, Epoch: epoch,
		}},
		// What it was and became is known when it is decided: see SealAudit.
		Audit: &AuditRecord{
			At: at, Actor: c.Caller.Subject, Action: AuditStockAdjusted, Target: c.Product.String(), Correlation: c.Correlation,
		},
	}
	if c.Key != "" {
		e.Key = &KeyBinding{
			ID: NewKeyID(c.Caller, OperationAdjustStock, c.Product, c.Key), Request: c.Hash(),
			Operation: OperationAdjustStock, Resource: c.Product, ExpiresAt: at.Add(keyTTL),
		}
	}
	return e
}
