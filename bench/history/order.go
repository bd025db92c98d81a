package history

import (
	"fmt"
	"strconv"
	"time"

	"github.com/penstock-dev/penstock/commerce"
)

const (
	// Customers is how many different customers order. CustomerName tells their names.
	Customers = 100_000

	itemsMax       = 5
	paymentTimeout = 15 * time.Minute

	// Who does what happens to orders. The engine itself has no name.
	actorShop    = "shop"
	actorPayment = "payments"
	actorCarrier = "carrier"
)

// CustomerName returns the name of a customer. REQUIRES: 0 <= i < Customers.
func CustomerName(i int) string { return "customer-" + strconv.Itoa(i) }

// step is something that happens to an order some time after the step before.
type step struct {
	to     commerce.Status
	after  time.Duration
	actor  string
	reason string
}

// order makes up order number n, placed at a moment: the entry that places it, and those of all that has
// become of it since. epoch is the one that its grants carry.
func (h *walk) order(n int, at time.Time, epoch uint64) ([]*commerce.Entry, error) {
	place := commerce.PlaceOrder{Caller: commerce.Trusted(CustomerName(h.rng.IntN(Customers))), Address: h.address()}
	if at.Add(keyTTL).After(h.cfg.Now) {
		place.Key = fmt.Sprintf("history-%x-%d", h.cfg.Seed, n)
	}
	rows := make(map[commerce.ID]*commerce.Product, itemsMax)
	for range h.items() {
		p := h.products[h.wanted[h.popularity.Uint64()]].row
		rows[p.ID] = p
		place.Lines = append(place.Lines, commerce.OrderLine{Product: p.ID, Quantity: h.quantity()})
	}
	lines, err := place.Merge()
	if err != nil {
		return nil, fmt.Errorf("make up order %d: %w", n, err)
	}
	offers := make([]commerce.Offer, len(lines))
	for i := range lines {
		offers[i] = commerce.Offer{Product: rows[lines[i].Product], Epoch: epoch}
	}
	placed, err := place.NewEntry(h.id(at), lines, offers, commerce.Terms{PaymentTimeout: paymentTimeout, KeyTTL: keyTTL})
	if err != nil {
		return nil, fmt.Errorf("make up order %d: %w", n, err)
	}
	return h.follow(placed, epoch)
}

// follow adds the entries of what happened to an order up to now.
func (h *walk) follow(placed *commerce.Entry, epoch uint64) ([]*commerce.Entry, error) {
	entries := append(make([]*commerce.Entry, 0, commerce.StatusMax), placed)
	current, at := placed.Order.Row, placed.Order.Row.PlacedAt
	for _, s := range h.steps() {
		at = at.Add(s.after).Truncate(time.Millisecond)
		if at.After(h.cfg.Now) {
			break
		}
		command := commerce.TransitionOrder{Caller: commerce.Trusted(s.actor), Order: current.ID, To: s.to, Reason: s.reason}
		if s.to == commerce.StatusShipped {
			command.Carrier, command.TrackingNumber = "CJ Logistics", strconv.FormatUint(h.rng.Uint64()>>20, 10)
		}
		entry, err := command.NewEntry(current, at, func(commerce.ID) uint64 { return epoch }, keyTTL)
		if err != nil {
			return nil, fmt.Errorf("make up what became of order %s: %w", current.ID, err)
		}
		entries = append(entries, entry)
		current = entry.Order.Row
	}
	return entries, nil
}

// steps makes up what happens to an order. Six of a hundred are cancelled: half because nobody pays, half
// because somebody changes their mind.
func (h *walk) steps() []step {
	fate := h.rng.IntN(100)
	if fate < 3 {
		return []step{{to: commerce.StatusCancelled, after: paymentTimeout + time.Second, reason: commerce.ReasonUnpaid}}
	}
	all := []step{
		{to: commerce.StatusPaid, after: h.between(5*time.Second, 8*time.Minute), actor: actorPayment},
		{to: commerce.StatusProcessing, after: h.between(20*time.Minute, 20*time.Hour), actor: actorShop},
		{to: commerce.StatusShipped, after: h.between(2*time.Hour, 30*time.Hour), actor: actorShop},
		{to: commerce.StatusDelivered, after: h.between(14*time.Hour, 90*time.Hour), actor: actorCarrier},
		{to: commerce.StatusCompleted, after: h.between(3*24*time.Hour, 10*24*time.Hour), actor: actorShop},
	}
	if fate < 6 {
		kept := 1 + h.rng.IntN(2)
		return append(all[:kept], step{
			to: commerce.StatusCancelled, after: h.between(time.Minute, 3*time.Hour), actor: actorShop, reason: "changed_mind",
		})
	}
	return all
}

func (h *walk) between(least, most time.Duration) time.Duration {
	return least + time.Duration(h.rng.Int64N(int64(most-least)))
}

// items makes up how many different things an order holds, at most itemsMax: two on average.
func (h *walk) items() int {
	switch n := h.rng.IntN(100); {
	case n < 45:
		return 1
	case n < 73:
		return 2
	case n < 88:
		return 3
	case n < 96:
		return 4
	default:
		return itemsMax
	}
}

// quantity makes up how many of one thing are ordered: mostly one.
func (h *walk) quantity() int64 {
	switch n := h.rng.IntN(100); {
	case n < 82:
		return 1
	case n < 94:
		return 2
	default:
		return 3 + h.rng.Int64N(3)
	}
}

// address makes up where an order goes.
func (h *walk) address() commerce.Address {
	people := [...]string{"Kim Minseo", "Lee Dohyun", "Maria da Silva", "Park Jiwoo", "Aoife Byrne", "김서연", "이준호", "Jan Novák"}
	streets := [...]string{"Teheran-ro", "Rua das Laranjeiras", "Quay Street", "세종대로", "Dlouhá", "Gangnam-daero"}
	cities := [...]string{"Seoul", "Busan", "Incheon", "Daegu", "서울", "Rio de Janeiro", "Galway", "Praha"}
	return commerce.Address{
		Recipient:  people[h.rng.IntN(len(people))],
		Street:     streets[h.rng.IntN(len(streets))] + " " + strconv.Itoa(1+h.rng.IntN(400)),
		City:       cities[h.rng.IntN(len(cities))],
		PostalCode: strconv.Itoa(10_000 + h.rng.IntN(89_999)),
		Country:    "KR",
	}
}
