package history

import (
	"encoding/binary"
	"iter"
	"math/rand/v2"
	"time"

	"github.com/penstock-dev/penstock/commerce"
)

// Where a generator of random numbers begins, beside the seed.
const (
	streamProducts = iota + 1
	streamOrders
)

// History is one past. It is not safe for concurrent use.
type History struct {
	cfg      Config
	rng      *rand.Rand // of the products
	products []made
	wanted   []int // products, the most wanted first
}

// New makes up a past. It returns every fault of its Config in one error.
func New(cfg Config) (*History, error) {
	full, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	h := &History{cfg: full, rng: rand.New(rand.NewPCG(full.Seed, streamProducts))}
	h.makeProducts()
	h.wanted = h.rng.Perm(len(h.products))
	return h, nil
}

// id makes a UUID version 7 of a moment.
func (h *History) id(at time.Time) commerce.ID { return newID(h.rng, at) }

func newID(rng *rand.Rand, at time.Time) commerce.ID {
	id := commerce.IDFloor(at)
	binary.BigEndian.PutUint16(id[6:], 0x7000|uint16(rng.Uint32N(1<<12)))
	binary.BigEndian.PutUint64(id[8:], 1<<63|rng.Uint64()>>2)
	return id
}

// Products walks through the entries that make the products, in id order. epoch is the one that their
// first units are granted in.
func (h *History) Products(epoch uint64) iter.Seq[*commerce.Entry] {
	return func(yield func(*commerce.Entry) bool) {
		for i := range h.products {
			if !yield(h.products[i].command.NewEntry(h.products[i].id, epoch, keyTTL)) {
				return
			}
		}
	}
}

// Orders walks through the orders in the order in which they were placed. Of each it yields the entry that places it
// and those of its later steps, in sequence. Every walk yields the same. An error is the last thing that
// is yielded.
func (h *History) Orders(epoch uint64) iter.Seq2[[]*commerce.Entry, error] {
	return func(yield func([]*commerce.Entry, error) bool) {
		w := h.newWalk()
		for n := range h.cfg.Orders {
			at := w.times.at((float64(n) + w.rng.Float64()) / float64(h.cfg.Orders)).Truncate(time.Millisecond)
			entries, err := w.order(n, at, epoch)
			if !yield(entries, err) || err != nil {
				return
			}
		}
	}
}

// Months lists a moment of each month in which something was made.
func (h *History) Months() []time.Time {
	opening := h.cfg.opening()
	first := time.Date(opening.Year(), opening.Month(), 1, 0, 0, 0, 0, time.UTC)
	var months []time.Time
	for at := first; !at.After(h.cfg.Now); at = at.AddDate(0, 1, 0) {
		months = append(months, at)
	}
	return months
}

// walk is one way through the orders.
type walk struct {
	*History
	rng        *rand.Rand
	times      *rhythm
	popularity *rand.Zipf // a place in wanted
}

func (h *History) newWalk() *walk {
	// The most wanted product of 10,000 is in two orders of a hundred, and a fifth of them are in half.
	const exponent, flatness = 1.1, 10
	rng := rand.New(rand.NewPCG(h.cfg.Seed, streamOrders))
	return &walk{
		History: h, rng: rng, times: newRhythm(h.cfg.begin(), h.cfg.Now),
		popularity: rand.NewZipf(rng, exponent, flatness, uint64(len(h.products)-1)),
	}
}

func (h *walk) id(at time.Time) commerce.ID { return newID(h.rng, at) }
