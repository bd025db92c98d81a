package salesbook

import (
	"cmp"
	"slices"
)

// Adder adds up sums of products. It sorts them by the bytes in which their keys differ, which takes a tenth of what
// comparing them takes, and keeps its memory: folding orders into a store calls it for all of them. Its zero value is
// ready; it is for one goroutine.
type Adder struct {
	places, scratch []place
	sums            []ProductSum
}

// place says where in a list a key stands.
type place struct {
	key ProductKey
	at  int
}

// fewMax is up to how many keys are sorted by comparing them.
const fewMax = 64

// Products sorts sums and makes one of those with the same key; empty ones are left out. What it returns is good until
// the next call.
func (a *Adder) Products(list []ProductSum) []ProductSum {
	a.sort(list)
	a.sums = a.sums[:0]
	for i := 0; i < len(a.places); {
		sum := list[a.places[i].at]
		for i++; i < len(a.places) && a.places[i].key == sum.Key; i++ {
			more := &list[a.places[i].at]
			sum.Units += more.Units
			sum.Revenue = sum.Revenue.Add(more.Revenue)
			sum.Cancelled += more.Cancelled
		}
		if sum.Units != 0 || !sum.Revenue.IsZero() || sum.Cancelled != 0 {
			a.sums = append(a.sums, sum)
		}
	}
	return a.sums
}

// sort sets a.places to the places of a list in the order of their keys.
func (a *Adder) sort(list []ProductSum) {
	a.places = a.places[:0]
	var differ ProductKey
	for i := range list {
		a.places = append(a.places, place{list[i].Key, i})
		differ |= list[i].Key ^ list[0].Key
	}
	if len(list) <= fewMax {
		slices.SortFunc(a.places, func(x, y place) int { return cmp.Compare(x.key, y.key) })
		return
	}
	a.scratch = slices.Grow(a.scratch[:0], len(list))[:len(list)]
	for shift := 0; shift < 64; shift += 8 {
		if byte(differ>>shift) != 0 {
			a.sortByByte(shift)
		}
	}
}

// sortByByte sorts the places by one byte of their keys, and leaves the order of those with the same byte.
func (a *Adder) sortByByte(shift int) {
	var ends [256]int
	for i := range a.places {
		ends[byte(a.places[i].key>>shift)]++
	}
	next := 0
	for b, n := range ends {
		ends[b] = next
		next += n
	}
	for i := range a.places {
		b := byte(a.places[i].key >> shift)
		a.scratch[ends[b]] = a.places[i]
		ends[b]++
	}
	a.places, a.scratch = a.scratch, a.places
}
