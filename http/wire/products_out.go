package wire

import (
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// AppendProduct appends a product with its stock.
func AppendProduct(dst []byte, p *commerce.Product, stock commerce.Stock) []byte {
	dst = append(dst, `{"id":`...)
	dst = appendID(dst, p.ID)
	dst = fieldText(dst, "name", p.Name)
	dst = fieldText(dst, "description", p.Description)
	dst = fieldInt(dst, "price", p.Price.Amount)
	dst = fieldCurrency(dst, p.Price.Currency)
	dst = fieldText(dst, "category", p.Category)
	dst = fieldText(dst, "sku", p.SKU)
	dst = appendAttributes(dst, p.Attributes)
	dst = fieldBool(dst, "archived", p.Archived)
	dst = fieldUint(dst, "version", p.Version)
	dst = appendStock(dst, stock)
	dst = fieldTime(dst, "created_at", p.CreatedAt)
	dst = fieldTime(dst, "updated_at", p.UpdatedAt)
	return append(dst, '}')
}

// ProductSize is about how long AppendProduct makes a product, in bytes.
func ProductSize(p *commerce.Product) int {
	return productSize + len(p.Name) + len(p.Description) + len(p.Category) + len(p.SKU) + len(p.Attributes)
}

// productSize is what AppendProduct writes besides the texts: with large numbers, and some characters escaped.
const productSize = 330

func appendAttributes(dst []byte, attributes string) []byte {
	dst = field(dst, "attributes")
	if attributes == "" {
		return append(dst, "{}"...)
	}
	return append(dst, attributes...) // a compact JSON object already
}

func appendStock(dst []byte, s commerce.Stock) []byte {
	dst = append(dst, `,"stock":{"on_hand":`...)
	dst = appendInt(dst, s.OnHand)
	dst = fieldInt(dst, "allocated", s.Allocated)
	dst = fieldInt(dst, "available", s.Available())
	return append(dst, '}')
}

// AppendProducts appends a page of products, with how many were selected in all.
func AppendProducts(dst []byte, rows []persistence.ProductRow, page, perPage, total int) []byte {
	dst = AppendProductList(dst, len(rows), func(dst []byte, i int) []byte {
		return AppendProduct(dst, rows[i].Product, rows[i].Stock)
	})
	return AppendProductPage(dst, page, perPage, total)
}

// AppendProductList appends the beginning of a page: n products, each of which product appends.
func AppendProductList(dst []byte, n int, product func(dst []byte, i int) []byte) []byte {
	dst = append(dst, `{"products":[`...)
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = product(dst, i)
	}
	return append(dst, ']')
}

// AppendProductPage appends the end of a page.
func AppendProductPage(dst []byte, page, perPage, total int) []byte {
	dst = fieldInt(dst, "page", int64(page))
	dst = fieldInt(dst, "per_page", int64(perPage))
	dst = fieldInt(dst, "total", int64(total))
	return append(dst, '}')
}

// Suggestion is a text that completes another one.
type Suggestion struct {
	Text    string
	Product commerce.ID
}

// AppendSuggestions appends what completes a text.
func AppendSuggestions(dst []byte, suggestions []Suggestion) []byte {
	dst = append(dst, `{"suggestions":[`...)
	for i := range suggestions {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"text":`...)
		dst = appendText(dst, suggestions[i].Text)
		dst = fieldID(dst, "product_id", suggestions[i].Product)
		dst = append(dst, '}')
	}
	return append(dst, `]}`...)
}

// AppendMovement appends a line of a product's ledger: how the units changed, and the level they
// reached. version is the line's number in the ledger.
func AppendMovement(dst []byte, m *commerce.Movement) []byte {
	dst = append(dst, `{"product_id":`...)
	dst = appendID(dst, m.Product)
	dst = fieldUint(dst, "version", m.Level.Version)
	dst = fieldInt(dst, "on_hand_delta", m.OnHandDelta)
	dst = fieldInt(dst, "allocated_delta", m.AllocatedDelta)
	dst = fieldText(dst, "reason", string(m.Reason))
	if !m.Order.IsZero() {
		dst = fieldID(dst, "order_id", m.Order)
	}
	dst = fieldText(dst, "actor", m.Actor)
	dst = fieldTime(dst, "at", m.At)
	dst = appendStock(dst, m.Level)
	return append(dst, '}')
}

// AppendMovements appends a page of a ledger. next is the cursor of the page after it, or "".
func AppendMovements(dst []byte, movements []commerce.Movement, next string) []byte {
	dst = append(dst, `{"movements":[`...)
	for i := range movements {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendMovement(dst, &movements[i])
	}
	dst = append(dst, ']')
	dst = appendCursor(dst, next)
	return append(dst, '}')
}

// AppendCreateProduct appends the body that makes a product: what Decoder.CreateProduct reads. It
// is for clients.
func AppendCreateProduct(dst []byte, cmd *commerce.CreateProduct) []byte {
	dst = append(dst, `{"name":`...)
	dst = appendText(dst, cmd.Name)
	dst = fieldText(dst, "description", cmd.Description)
	dst = fieldInt(dst, "price", cmd.Price.Amount)
	dst = fieldCurrency(dst, cmd.Price.Currency)
	dst = fieldSome(dst, "category", cmd.Category)
	dst = fieldSome(dst, "sku", cmd.SKU)
	dst = fieldInt(dst, "stock_quantity", cmd.OnHand)
	dst = appendAttributes(dst, cmd.Attributes)
	return append(dst, '}')
}

// AppendAdjustStock appends the body that changes a product's units: what Decoder.AdjustStock
// reads. It is for clients.
func AppendAdjustStock(dst []byte, cmd *commerce.AdjustStock) []byte {
	dst = append(dst, `{"quantity_change":`...)
	dst = appendInt(dst, cmd.Delta)
	dst = fieldSome(dst, "reason", string(cmd.Reason))
	return append(dst, '}')
}
