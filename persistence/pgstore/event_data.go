package pgstore

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/penstock-dev/penstock/commerce"
)

// eventData is what an event says beyond its type; for most events nothing.
type eventData struct {
	Reason         string         `json:"reason,omitzero"`
	Note           string         `json:"note,omitzero"`
	Carrier        string         `json:"carrier,omitzero"`
	TrackingNumber string         `json:"tracking_number,omitzero"`
	Product        *productDetail `json:"product,omitzero"`
}

// productDetail is a product's row as an event shows it.
type productDetail struct {
	Name        string         `json:"name"`
	Description string         `json:"description,omitzero"`
	Category    string         `json:"category,omitzero"`
	SKU         string         `json:"sku,omitzero"`
	Price       int64          `json:"price"`
	Currency    string         `json:"currency"`
	Attributes  jsontext.Value `json:"attributes,omitzero"`
	Archived    bool           `json:"archived,omitzero"`
	Version     uint64         `json:"version"`
	CreatedAt   time.Time      `json:"created_at"`
	UpdatedAt   time.Time      `json:"updated_at"`
}

// encodeEvent returns an event's data; nil when its type says it all.
func encodeEvent(e *commerce.Event) ([]byte, error) {
	if e.Product == nil && e.Reason == "" && e.Note == "" && e.Carrier == "" && e.TrackingNumber == "" {
		return nil, nil
	}
	data := eventData{Reason: e.Reason, Note: e.Note, Carrier: e.Carrier, TrackingNumber: e.TrackingNumber}
	if p := e.Product; p != nil {
		data.Product = &productDetail{
			Name: p.Name, Description: p.Description, Category: p.Category, SKU: p.SKU,
			Price: p.Price.Amount, Currency: p.Price.Currency.String(),
			Archived: p.Archived, Version: p.Version, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt,
		}
	}
	if data.Product != nil && e.Product.Attributes != "" {
		data.Product.Attributes = jsontext.Value(e.Product.Attributes)
	}
	b, err := json.Marshal(&data)
	if err != nil {
		return nil, fmt.Errorf("encode event %d of %s: %w", e.Seq, e.Entity, err)
	}
	return b, nil
}

// readEvent fills in what an event's data says. The type, which is stored beside it, tells the state.
func readEvent(e *commerce.Event, b []byte) error {
	if e.Type <= commerce.EventOrderCancelled {
		e.Status = commerce.StatusPending + commerce.Status(e.Type-commerce.EventOrderPlaced)
	}
	if len(b) == 0 {
		return nil
	}
	var data eventData
	if err := json.Unmarshal(b, &data); err != nil {
		return fmt.Errorf("event %d of %s: %w", e.Seq, e.Entity, err)
	}
	e.Reason, e.Note, e.Carrier, e.TrackingNumber = data.Reason, data.Note, data.Carrier, data.TrackingNumber
	if p := data.Product; p != nil {
		e.Product = &commerce.Product{
			ID: e.Entity, Name: p.Name, Description: p.Description, Category: p.Category, SKU: p.SKU,
			Price: commerce.Money{Amount: p.Price}, Attributes: string(p.Attributes),
			Archived: p.Archived, Version: p.Version, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt,
		}
		copy(e.Product.Price.Currency[:], p.Currency)
	}
	return nil
}
