package checker_test

import (
	"math/rand/v2"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/checker"
)

// shop is a product's stock that works one operation after another and, on wish, wrongly. Around
// each operation it draws the interval that a client would have seen.
type shop struct {
	rng     *rand.Rand
	initial commerce.Stock
	row     commerce.Stock
	past    []commerce.Stock
	at      int64
	spread  int64 // how far an interval reaches, in operations
	history []checker.Operation
}

const operationApart = 1000

func newShop(seed uint64, onHand, spread int64) *shop {
	initial := commerce.Stock{Product: commerce.ID{15: 1}, OnHand: onHand, Version: 1}
	return &shop{rng: rand.New(rand.NewPCG(seed, 1)), initial: initial, row: initial, at: 1_000_000, spread: spread}
}

// record gives the operation its interval around now.
func (s *shop) record(o checker.Operation) *checker.Operation {
	s.at += operationApart
	o.Call = s.at - s.rng.Int64N(s.spread*operationApart)
	o.Return = s.at + s.rng.Int64N(s.spread*operationApart)
	s.history = append(s.history, o)
	return &s.history[len(s.history)-1]
}

// change carries out a change, or refuses it.
func (s *shop) change(onHand, allocated int64) *checker.Operation {
	next := s.row
	next.OnHand += onHand
	next.Allocated += allocated
	next.Version++
	if !next.Valid() {
		return s.record(checker.Operation{
			Kind: checker.Refused, OnHand: onHand, Allocated: allocated, Available: s.row.Available(),
		})
	}
	s.move(next)
	return s.record(checker.Operation{Kind: checker.Applied, OnHand: onHand, Allocated: allocated, Level: next})
}

func (s *shop) move(next commerce.Stock) {
	s.past = append(s.past, s.row)
	s.row = next
}

func (s *shop) read() *checker.Operation {
	return s.record(checker.Operation{Kind: checker.Read, Level: s.row})
}

// trade carries out n random operations, as orders, cancellations, shipments, deliveries and
// reads are mixed.
func (s *shop) trade(n int) {
	for range n {
		q := 1 + s.rng.Int64N(3)
		switch draw := s.rng.IntN(10); {
		case draw < 5:
			s.change(0, q)
		case draw < 6:
			s.change(0, -min(q, s.row.Allocated))
		case draw < 7:
			s.change(-min(q, s.row.Allocated), -min(q, s.row.Allocated))
		case draw < 8:
			s.change(q, 0)
		default:
			s.read()
		}
	}
}
