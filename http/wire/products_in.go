package wire

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/penstock-dev/penstock/commerce"
)

// CreateProduct reads a new product:
//
//	{"name","price","stock_quantity","description"?,"currency"?,"category"?,"sku"?,"attributes"?}
//
// Caller, Correlation and Key are the caller's to set beforehand.
func (d *Decoder) CreateProduct(body []byte, cmd *commerce.CreateProduct) error {
	d.start(body)
	cmd.Price.Currency = commerce.DefaultCurrency()
	if d.open('{') {
		var seen fieldSet
		for d.more('}') && d.member() {
			switch string(d.name) {
			case "name":
				seen |= 1 << 0
				d.text(&cmd.Name)
			case "price":
				seen |= 1 << 1
				d.integer(&cmd.Price.Amount)
			case "stock_quantity":
				seen |= 1 << 2
				d.integer(&cmd.OnHand)
			case "description":
				d.text(&cmd.Description)
			case "currency":
				d.currency(&cmd.Price.Currency)
			case "category":
				d.text(&cmd.Category)
			case "sku":
				d.text(&cmd.SKU)
			case "attributes":
				d.attributes(&cmd.Attributes)
			default:
				d.unknown("")
			}
		}
		d.close()
		d.require(seen, "name", "price", "stock_quantity")
	}
	return d.finish(cmd.Validate)
}

func (d *Decoder) currency(into *commerce.Currency) {
	var code string
	if !d.text(&code) {
		return
	}
	currency, ok := commerce.ParseCurrency(code)
	if !ok {
		d.fault("must be an ISO 4217 code of three capital letters, like KRW or USD")
		return
	}
	*into = currency
}

// attributes reads a JSON object and keeps it as compact text; an empty object is kept as "".
func (d *Decoder) attributes(into *string) {
	if d.json.PeekKind() != '{' {
		d.mismatch("an object")
		return
	}
	from := d.json.InputOffset()
	d.walk(AttributesDepthMax, AttributesDepthMax, attributeFault)
	if d.stopped {
		return
	}
	text := d.body[from:d.json.InputOffset()]
	text = text[bytes.IndexByte(text, '{'):] // a colon stands before it
	compact, err := jsontext.AppendFormat(nil, text)
	if err != nil {
		d.fault("cannot be written as compact JSON")
		return
	}
	if string(compact) == "{}" {
		*into = ""
		return
	}
	*into = string(compact)
}

// attributeFault says what a store or a reader of attributes could not take.
func attributeFault(token jsontext.Token) string {
	switch token.Kind() {
	case '"':
		if strings.IndexByte(token.String(), 0) >= 0 {
			return "must not contain the character U+0000"
		}
	case '0':
		number := token.String()
		if len(number) > numberMax {
			return "must be a number of at most " + strconv.Itoa(numberMax) + " characters"
		}
		if _, err := strconv.ParseFloat(number, 64); err != nil {
			return "must be a number that a 64-bit float can hold"
		}
	}
	return ""
}

// ProductPatch is a JSON merge patch (RFC 7396) of a product. Nil fields stay; a field set to null
// is emptied.
type ProductPatch struct {
	Name        *string
	Description *string
	Category    *string
	SKU         *string
	Price       *int64
	// Attributes is itself a merge patch of the attributes: a compact JSON object, or "null" to
	// remove them all.
	Attributes *string
}

// ProductPatch reads a merge patch. Fields that exist but cannot be changed this way are refused
// with the way that can.
func (d *Decoder) ProductPatch(body []byte, patch *ProductPatch) error {
	d.start(body)
	if d.open('{') {
		for d.more('}') && d.member() {
			d.patchField(patch)
		}
		d.close()
		if !d.stopped && len(d.faults) == 0 && *patch == (ProductPatch{}) {
			d.fault("must name at least one field to change")
		}
	}
	return d.finish(patch.validate)
}

func (d *Decoder) patchField(patch *ProductPatch) {
	switch string(d.name) {
	case "name":
		patch.Name = new(string)
		d.text(patch.Name)
	case "price":
		patch.Price = new(int64)
		d.integer(patch.Price)
	case "description":
		patch.Description = d.removable()
	case "category":
		patch.Category = d.removable()
	case "sku":
		patch.SKU = d.removable()
	case "attributes":
		if d.null() {
			null := "null"
			patch.Attributes = &null
			return
		}
		attributes := new(string)
		d.attributes(attributes)
		if *attributes == "" {
			*attributes = "{}"
		}
		patch.Attributes = attributes
	case "stock_quantity", "stock":
		d.unknown("cannot be changed here; stock changes by POST …/stock/update")
	case "archived":
		d.unknown("cannot be changed here; DELETE archives a product")
	case "currency":
		d.unknown("cannot be changed; orders already placed name it")
	case "id", "version", "created_at", "updated_at":
		d.unknown("cannot be changed; the engine sets it")
	default:
		d.unknown("")
	}
}

// removable reads a text, or null for the empty text.
func (d *Decoder) removable() *string {
	into := new(string)
	if !d.null() {
		d.text(into)
	}
	return into
}

// null reads a null, if that is what comes next.
func (d *Decoder) null() bool {
	if d.stopped || d.json.PeekKind() != 'n' {
		return false
	}
	_, err := d.json.ReadToken()
	return d.ok(err)
}

// validate lets commerce judge the fields that are there: the others are filled with values that
// pass.
func (p *ProductPatch) validate() error {
	whole := commerce.CreateProduct{Name: "-"}
	set(&whole.Name, p.Name)
	set(&whole.Description, p.Description)
	set(&whole.Category, p.Category)
	set(&whole.SKU, p.SKU)
	set(&whole.Price.Amount, p.Price)
	set(&whole.Attributes, p.Attributes)
	return whole.Validate()
}

func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

// Apply turns the patch into the command that changes the product as it is now. The command is
// guarded by the product's version, because attributes are merged with those it has now.
func (p *ProductPatch) Apply(current *commerce.Product, caller commerce.Principal) (*commerce.UpdateProduct, error) {
	cmd := &commerce.UpdateProduct{
		Caller: caller, Product: current.ID, Version: current.Version,
		Name: p.Name, Description: p.Description, Category: p.Category, SKU: p.SKU, Price: p.Price,
	}
	if p.Attributes == nil {
		return cmd, nil
	}
	merged, err := mergeAttributes(current.Attributes, *p.Attributes)
	if err != nil {
		return nil, err
	}
	if len(merged) > commerce.AttributesMax {
		return nil, &commerce.Error{
			Code: commerce.CodeValidation, Detail: "the request is not valid",
			Violations: []commerce.Violation{{
				Pointer: "/attributes",
				Detail: "must be at most " + strconv.Itoa(commerce.AttributesMax) +
					" bytes long, but would have " + strconv.Itoa(len(merged)),
			}},
		}
	}
	cmd.Attributes = &merged
	return cmd, nil
}

var errNotAnObject = errors.New("attributes are not a JSON object")
