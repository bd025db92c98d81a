package storecopy

import (
	"context"
	"time"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// monthsMax bounds the months that get a partition each: twenty years. What a wrong clock has dated
// elsewhere goes into the default partitions.
const monthsMax = 240

// monthsOf lists the months in which the source's orders and products were made. It looks at one order and
// one product of each.
func monthsOf(ctx context.Context, source persistence.Store) ([]time.Time, error) {
	var months []time.Time
	for before := (commerce.ID{}); len(months) < monthsMax; {
		newest, err := source.Orders(ctx, persistence.OrderQuery{Before: before, Limit: 1})
		if err != nil {
			return nil, err
		}
		if len(newest) == 0 {
			break
		}
		month := monthOf(newest[0].ID)
		months = append(months, month)
		before = commerce.IDFloor(month)
		if before.IsZero() {
			break
		}
	}
	for after := (commerce.ID{}); len(months) < 2*monthsMax; {
		oldest, err := source.Products(ctx, after, 1)
		if err != nil || len(oldest) == 0 {
			return months, err
		}
		month := monthOf(oldest[0].Product.ID)
		months = append(months, month)
		after = commerce.IDFloor(month.AddDate(0, 1, 0))
	}
	return months, nil
}

// monthOf returns the first moment of the month in which an id was made.
func monthOf(id commerce.ID) time.Time {
	made := id.Time()
	return time.Date(made.Year(), made.Month(), 1, 0, 0, 0, 0, time.UTC)
}
