package productimport

import (
	"errors"
	"fmt"
	"strings"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/csvfile"
)

// The columns of a file of products.
const (
	columnProduct     = "product_id" // becomes the SKU
	columnCategory    = "category"
	columnPrice       = "price_minor" // in minor units of the currency
	columnCurrency    = "currency"    // ISO 4217
	columnStock       = "stock"       // units on hand
	columnName        = "name"
	columnDescription = "description"
)

func columns() csvfile.Spec {
	return csvfile.Spec{
		Required: []string{columnProduct, columnCategory, columnPrice, columnCurrency, columnStock},
		Optional: []string{columnName, columnDescription},
	}
}

// nameDigits is how much of the id stands in the name of a product that has none.
const nameDigits = 8

// parse reads a row and checks it by the rules the engine will check it by, so that a fault can
// name the column. Its errors are *csvfile.Error.
func parse(row csvfile.Row) (*commerce.CreateProduct, error) {
	var p commerce.CreateProduct
	for _, field := range []struct {
		column string
		into   *string
	}{
		{columnProduct, &p.SKU},
		{columnCategory, &p.Category},
		{columnName, &p.Name},
		{columnDescription, &p.Description},
	} {
		var err error
		if *field.into, err = row.Text(field.column); err != nil {
			return nil, err
		}
	}
	if p.SKU == "" {
		return nil, row.Fault(columnProduct, "must not be empty")
	}
	if p.Name == "" {
		p.Name = nameOf(p.Category, p.SKU)
	}
	if err := parseNumbers(row, &p); err != nil {
		return nil, err
	}
	p.Key = keyOf(p.SKU)
	if err := validate(row, &p); err != nil {
		return nil, err
	}
	return &p, nil
}

func parseNumbers(row csvfile.Row, p *commerce.CreateProduct) (err error) {
	if p.Price.Amount, err = row.Int(columnPrice, 0, commerce.PriceMax); err != nil {
		return err
	}
	if p.OnHand, err = row.Int(columnStock, 0, commerce.OnHandMax); err != nil {
		return err
	}
	currency, err := row.Text(columnCurrency)
	if err != nil {
		return err
	}
	var known bool
	if p.Price.Currency, known = commerce.ParseCurrency(currency); !known {
		return row.Fault(columnCurrency, fmt.Sprintf("must be an ISO 4217 code like KRW, but is %q", currency))
	}
	return nil
}

// validate tells the first fault the rules find, in the file's words.
func validate(row csvfile.Row, p *commerce.CreateProduct) error {
	var refusal *commerce.Error
	if err := p.Validate(); !errors.As(err, &refusal) {
		return err
	}
	if len(refusal.Violations) == 0 {
		return row.Fault("", refusal.Detail)
	}
	first := refusal.Violations[0]
	column := strings.TrimPrefix(first.Pointer, "/")
	if column == "sku" {
		column = columnProduct
	}
	return row.Fault(column, first.Detail)
}

// nameOf names a product by its category and the first digits of its id.
func nameOf(category, id string) string {
	id = strings.ToValidUTF8(id[:min(len(id), nameDigits)], "")
	return strings.TrimSpace(category + " " + id)
}
