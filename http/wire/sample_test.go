package wire_test

import (
	"time"

	"github.com/penstock-dev/penstock/commerce"
)

// at is when everything in these tests happens.
func at() time.Time { return time.Date(2026, 7, 14, 9, 0, 0, 123_000_000, time.UTC) }

// sampleID returns an id made at that moment.
func sampleID(n byte) commerce.ID {
	id := commerce.IDFloor(at())
	id[6], id[8], id[15] = 0x70, 0x80, n
	return id
}

func sampleOrder() *commerce.Order {
	return &commerce.Order{
		ID: sampleID(1), Customer: "kim", Status: commerce.StatusPending,
		Items: []commerce.Item{
			{Product: sampleID(2), Name: "Kettle", SKU: "K-1", Quantity: 2, UnitPrice: 1200},
			{Product: sampleID(3), Name: `Cup, 3"`, Quantity: 1, UnitPrice: 300},
		},
		Address: commerce.Address{
			Recipient: "Kim", Street: "1 Teheran-ro", City: "Seoul", PostalCode: "06234", Country: "KR",
		},
		Note:     "leave at the door",
		Total:    commerce.Money{Amount: 2700, Currency: commerce.DefaultCurrency()},
		PlacedAt: at(), UpdatedAt: at(), ExpiresAt: at().Add(15 * time.Minute), Version: 1,
	}
}

func sampleProduct() (*commerce.Product, commerce.Stock) {
	return &commerce.Product{
		ID: sampleID(2), Name: "Kettle", Description: "Boils water.\nQuickly.", Category: "kitchen", SKU: "K-1",
		Price:      commerce.Money{Amount: 1200, Currency: commerce.DefaultCurrency()},
		Attributes: `{"colour":"red","litres":1.7}`, Version: 12, CreatedAt: at(), UpdatedAt: at().Add(time.Hour),
	}, commerce.Stock{Product: sampleID(2), OnHand: 10, Allocated: 3, Version: 3407}
}
