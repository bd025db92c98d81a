package salesbook

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"slices"
)

// Proof compares sums with the orders that they are of, in memory that grows with the months and not with the sums:
// by fingerprints. A sum's part in a fingerprint is what it says, times a random number of its key; so parts may come
// in any order and in any pieces. A difference would have to be very lucky to stay unseen.
type Proof struct {
	seed            maphash.Seed
	buckets, days   fingerprint
	months          map[Month]*fingerprint
	monthsThatExist map[Month]bool
	key             []byte
}

// fingerprint is what the orders say (told) and what the sums say (held).
type fingerprint struct{ told, held uint64 }

// NewProof begins a comparison.
func NewProof() *Proof {
	return &Proof{seed: maphash.MakeSeed(), months: make(map[Month]*fingerprint), monthsThatExist: make(map[Month]bool)}
}

// hash returns the random number of a key.
func (p *Proof) hash(name *Name, of ...uint64) uint64 {
	p.key = p.key[:0]
	if name != nil {
		p.key = append(append(p.key, name.Product[:]...), name.Currency[:]...)
	}
	for _, n := range of {
		p.key = binary.BigEndian.AppendUint64(p.key, n)
	}
	return maphash.Bytes(p.seed, p.key)
}

func (p *Proof) bucket(b *Bucket) uint64 {
	_, amount := b.Amount.Words()
	return p.hash(nil, uint64(b.Key), 0)*uint64(b.Orders) + p.hash(nil, uint64(b.Key), 1)*amount
}

// product is the part of a product's sum; period tells the quarter hour, or the month.
func (p *Proof) product(name *Name, period uint64, s *ProductSum) uint64 {
	_, revenue := s.Revenue.Words()
	return p.hash(name, period, 0)*uint64(s.Units) + p.hash(name, period, 1)*revenue + p.hash(name, period, 2)*uint64(s.Cancelled)
}

func (p *Proof) month(m Month) *fingerprint {
	f := p.months[m]
	if f == nil {
		f = new(fingerprint)
		p.months[m] = f
	}
	return f
}

// Tell takes in what orders say.
func (p *Proof) Tell(t *Tally) {
	for i := range t.buckets {
		p.buckets.told += p.bucket(&t.buckets[i])
	}
	for i := range t.items {
		item := &t.items[i]
		s := item.sum(0)
		p.days.told += p.product(&item.name, uint64(item.quarter), &s)
		m := DayOf(item.quarter).Month()
		p.month(m).told += p.product(&item.name, uint64(m), &s)
	}
}

// HoldBuckets takes in a row of buckets.
func (p *Proof) HoldBuckets(row []byte) error {
	r := ReadBuckets(row)
	for b := (Bucket{}); r.Next(&b); {
		p.buckets.held += p.bucket(&b)
	}
	return r.Err()
}

// HoldDays takes in a row of product sums by quarter hour. A delta's count for their months too, which have not
// taken it in yet.
func (p *Proof) HoldDays(row []byte, names []Name, delta bool) error {
	r := ReadProducts(row)
	for s := (ProductSum{}); r.Next(&s); {
		if int(s.Key.Number()) >= len(names) {
			return ErrCorrupt
		}
		name, q := &names[s.Key.Number()], s.Key.Quarter()
		p.days.held += p.product(name, uint64(q), &s)
		if m := DayOf(q).Month(); delta {
			p.month(m).held += p.product(name, uint64(m), &s)
		}
	}
	return r.Err()
}

// HoldMonth takes in a row of a month.
func (p *Proof) HoldMonth(m Month, row []byte, names []Name) error {
	p.monthsThatExist[m] = true
	r := ReadProducts(row)
	for s := (ProductSum{}); r.Next(&s); {
		if int(s.Key.Number()) >= len(names) {
			return ErrCorrupt
		}
		p.month(m).held += p.product(&names[s.Key.Number()], uint64(m), &s)
	}
	return r.Err()
}

// HoldTally takes in what the rows do not hold yet.
func (p *Proof) HoldTally(t *Tally) {
	for i := range t.buckets {
		p.buckets.held += p.bucket(&t.buckets[i])
	}
	for i := range t.items {
		item := &t.items[i]
		s := item.sum(0)
		p.days.held += p.product(&item.name, uint64(item.quarter), &s)
		m := DayOf(item.quarter).Month()
		p.month(m).held += p.product(&item.name, uint64(m), &s)
	}
}

// Faults says which sums are not those of the orders.
func (p *Proof) Faults() (faults []string) {
	if p.buckets.told != p.buckets.held {
		faults = append(faults, "orders by quarter hour, currency and status")
	}
	if p.days.told != p.days.held {
		faults = append(faults, "products by quarter hour")
	}
	var wrong []Month
	for m := range p.monthsThatExist {
		if f := p.months[m]; f != nil && f.told != f.held {
			wrong = append(wrong, m)
		}
	}
	slices.Sort(wrong)
	for _, m := range wrong {
		faults = append(faults, fmt.Sprintf("products of %s", m.First().First().Time().Format("2006-01")))
	}
	return faults
}
