package history

import (
	"errors"
	"time"
)

// Config says which past to make up. The zero value of a field means its default, where there is one.
type Config struct {
	Orders   int
	Products int       // 10,000
	Days     int       // how far back the first order was placed; 365
	Seed     uint64    // 1
	Now      time.Time // where the past ends; the present moment
}

// Limits of a past.
const (
	// ProductsMax bounds the products.
	ProductsMax = 1_000_000
	// OrdersMax bounds the orders.
	OrdersMax = 100_000_000
	// DaysMax bounds the days: PostgreSQL has a partition for each month.
	DaysMax = 3650
)

// withDefaults returns a copy that is complete, or every fault of it.
func (c Config) withDefaults() (Config, error) {
	setDefault(&c.Products, 10_000)
	setDefault(&c.Days, 365)
	setDefault(&c.Seed, 1)
	setDefault(&c.Now, time.Now())
	c.Now = c.Now.UTC().Truncate(time.Millisecond) // what an id can tell
	var faults []error
	if c.Orders < 0 || c.Orders > OrdersMax {
		faults = append(faults, errors.New("orders must be from 0 to 100,000,000"))
	}
	if c.Products < itemsMax || c.Products > ProductsMax {
		faults = append(faults, errors.New("products must be from 5 to 1,000,000"))
	}
	if c.Days < 1 || c.Days > DaysMax {
		faults = append(faults, errors.New("days must be from 1 to 3,650"))
	}
	return c, errors.Join(faults...)
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// begin is when the first order can have been placed.
func (c *Config) begin() time.Time { return c.Now.AddDate(0, 0, -c.Days) }

// opening is when the first product was made: a day before the first order.
func (c *Config) opening() time.Time { return c.begin().AddDate(0, 0, -1) }
