package pebblestore

import (
	"errors"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/penstock-dev/penstock/persistence/salesbook"
)

// numberBook is what the numbers of sold products stand for, in memory: the rows of salesNumbers, and those
// that the keeper has given out and is about to store. It belongs to an instance: what a reopened store has
// not stored is given out again.
type numberBook struct {
	mu struct {
		sync.Mutex
		salesbook.Numbers
	}
}

// load reads the rows that are not in memory.
func (n *numberBook) load(r pebble.Reader) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	prefix := salesPrefix(nil, salesNumbers)
	it, err := r.NewIter(&pebble.IterOptions{
		LowerBound: salesNumberKey(nil, salesbook.Number(n.mu.Len())), UpperBound: prefixEnd(prefix),
	})
	if err != nil {
		return err
	}
	for valid := it.First(); valid && err == nil; valid = it.Next() {
		var name salesbook.Name
		name, err = decodeNumber(it.Value())
		number, keyErr := salesNumberOf(it.Key())
		if err = errors.Join(err, keyErr); err == nil && number != n.mu.Len() {
			err = fmt.Errorf("%w: number %d of a sold product is missing", errCorrupt, n.mu.Len())
		}
		if err == nil {
			n.mu.Add(name)
		}
	}
	return errors.Join(err, it.Error(), it.Close())
}

// names returns what the numbers of a snapshot stand for; there may be later ones.
func (n *numberBook) names(r pebble.Reader) ([]salesbook.Name, error) {
	if err := n.load(r); err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.mu.Names(), nil
}

// storedNumbers returns how many numbers have rows.
func storedNumbers(r pebble.Reader) (n int, err error) {
	prefix := salesPrefix(nil, salesNumbers)
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: prefixEnd(prefix)})
	if err != nil {
		return 0, err
	}
	if it.Last() {
		n, err = salesNumberOf(it.Key())
		n++
	}
	return n, errors.Join(err, it.Error(), it.Close())
}

// give appends sums to a list, and gives numbers to the products that have none. Only the keeper calls it.
func (n *numberBook) give(list []salesbook.ProductSum, t *salesbook.Tally) []salesbook.ProductSum {
	n.mu.Lock()
	defer n.mu.Unlock()
	return t.Products(list, func(name salesbook.Name) (salesbook.Number, bool) {
		number, ok := n.mu.Find(name)
		if !ok {
			number = n.mu.Add(name)
		}
		return number, true
	})
}

// since returns the names from a number on.
func (n *numberBook) since(number int) []salesbook.Name {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.mu.Names()[number:]
}

func appendNumberRow(b []byte, name salesbook.Name) []byte {
	b = append(b, rowVersion)
	b = append(b, name.Product[:]...)
	return append(b, name.Currency[:]...)
}

func decodeNumber(row []byte) (name salesbook.Name, err error) {
	d := decoder{b: row}
	d.rowVersion()
	name.Product = d.id()
	copy(name.Currency[:], d.take(uint64(len(name.Currency))))
	return name, d.end()
}
