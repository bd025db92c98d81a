package torture

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/penstock-dev/penstock/commerce"
)

const (
	verifyPath = "/api/v2/admin/verify"
	pageSize   = 100
)

// The bodies of answers, as far as a client looks at them. They are written down apart from the
// server's encoders, so that the two check each other.
type (
	orderBody struct {
		ID      string `json:"id"`
		Status  string `json:"status"`
		Version uint64 `json:"version"`
		Items   []struct {
			Product  string `json:"product_id"`
			Quantity int64  `json:"quantity"`
		} `json:"items"`
	}
	ordersBody struct {
		Orders []struct {
			ID string `json:"id"`
		} `json:"orders"`
		Next string `json:"next_cursor"`
	}
	stockBody struct {
		OnHand    int64 `json:"on_hand"`
		Allocated int64 `json:"allocated"`
	}
	productBody struct {
		ID      string    `json:"id"`
		Name    string    `json:"name"`
		Version uint64    `json:"version"`
		Stock   stockBody `json:"stock"`
	}
	movementBody struct {
		Version        uint64    `json:"version"`
		OnHandDelta    int64     `json:"on_hand_delta"`
		AllocatedDelta int64     `json:"allocated_delta"`
		Reason         string    `json:"reason"`
		Order          string    `json:"order_id"`
		Actor          string    `json:"actor"`
		Stock          stockBody `json:"stock"`
	}
	movementsBody struct {
		Movements []movementBody `json:"movements"`
		Next      string         `json:"next_cursor"`
	}
	problemBody struct {
		Code      string `json:"code"`
		Status    int    `json:"status"`
		Detail    string `json:"detail"`
		Product   string `json:"product_id"`
		Available int64  `json:"available"`
		Order     string `json:"order_id"`
	}
	reportBody struct {
		OK     bool  `json:"ok"`
		All    int64 `json:"faults_total"`
		Faults []struct {
			Kind   string `json:"kind"`
			Entity string `json:"entity"`
			Detail string `json:"detail"`
		} `json:"faults"`
	}
)

func (b *orderBody) answer(replayed bool) (OrderAnswer, error) {
	a := OrderAnswer{Version: b.Version, Replayed: replayed}
	var err error
	if a.ID, err = commerce.ParseID(b.ID); err != nil {
		return a, fmt.Errorf("%w: order id %q: %w", ErrAnswer, b.ID, err)
	}
	var known bool
	if a.Status, known = commerce.ParseStatus(b.Status); !known {
		return a, fmt.Errorf("%w: order status %q", ErrAnswer, b.Status)
	}
	for _, item := range b.Items {
		product, err := commerce.ParseID(item.Product)
		if err != nil {
			return a, fmt.Errorf("%w: product id %q: %w", ErrAnswer, item.Product, err)
		}
		a.Lines = append(a.Lines, commerce.OrderLine{Product: product, Quantity: item.Quantity})
	}
	sortLines(a.Lines)
	return a, nil
}

func sortLines(lines []commerce.OrderLine) {
	slices.SortFunc(lines, func(a, b commerce.OrderLine) int {
		return cmp.Or(a.Product.Compare(b.Product), cmp.Compare(a.Quantity, b.Quantity))
	})
}

func (b *movementBody) level(product commerce.ID) commerce.Stock {
	return commerce.Stock{Product: product, OnHand: b.Stock.OnHand, Allocated: b.Stock.Allocated, Version: b.Version}
}

func (b *movementBody) movement(product commerce.ID) (commerce.Movement, error) {
	m := commerce.Movement{
		Product: product, OnHandDelta: b.OnHandDelta, AllocatedDelta: b.AllocatedDelta,
		Reason: commerce.Reason(b.Reason), Actor: b.Actor, Level: b.level(product),
	}
	if b.Order != "" {
		var err error
		if m.Order, err = commerce.ParseID(b.Order); err != nil {
			return m, fmt.Errorf("%w: order id %q: %w", ErrAnswer, b.Order, err)
		}
	}
	return m, nil
}

// error returns the refusal that the problem describes.
func (b *problemBody) error() *commerce.Error {
	e := &commerce.Error{Code: commerce.Code(b.Code), Detail: b.Detail, Available: b.Available}
	e.Product, _ = commerce.ParseID(b.Product) // absent from most problems
	e.Order, _ = commerce.ParseID(b.Order)
	return e
}

// addTo notes what a verification found.
func (b *reportBody) addTo(faults *Faults) {
	for _, f := range b.Faults {
		faults.Add(FaultVerify, "%s %s: %s", f.Kind, f.Entity, f.Detail)
	}
}
