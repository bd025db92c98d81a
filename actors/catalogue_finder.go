package actors

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/penstock-dev/penstock/actors/search"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// finder is the search over the listing. One goroutine of the engine keeps its index: first it reads
// all products, then those that changed.
type finder struct {
	index  *search.Index
	parser *search.Parser
	built  chan struct{} // closed when every product has been read once
	busy   func() bool   // whether commands are in progress
}

const (
	// findPause is how long changes are gathered before the index reads them.
	findPause = 200 * time.Millisecond
	// findRest is how long the building of the index rests between two pieces of work (a few
	// milliseconds each) while commands are in progress, so that those have the processors.
	findRest = 10 * time.Millisecond
	// findRetry is how long the finder waits before it tries an update again that failed.
	findRetry = time.Second
	// suggestLook is how many of the best products are looked at for different names.
	suggestLook = 100
)

func (f *finder) init(c *catalogue) {
	f.built, f.parser, f.busy = make(chan struct{}), search.NewParser(), func() bool { return false }
	c.lists.arrived = make(chan struct{}, 1)
	f.index = search.New(func(slot uint32) (search.Doc, bool) {
		l := c.lists.current.Load()
		if !l.sold(slot) {
			return search.Doc{}, false
		}
		p := l.product(slot)
		return search.Doc{Name: p.Name, SKU: p.SKU, Category: p.Category, Description: p.Description}, true
	})
}

// index keeps the search index until life ends. It is run by a goroutine of the engine.
func (c *catalogue) index(life context.Context, failed func(error)) {
	select {
	case <-c.filled:
	case <-life.Done():
		return
	}
	f := &c.finder
	var slots []uint32
	for slot := range c.lists.current.Load().slots {
		slots = append(slots, uint32(slot)) //nolint:gosec // products of one node
	}
	rest := func() error { return f.rest(life) }
	built := false
	for {
		slots = append(slots, c.lists.takeChanged()...)
		slices.Sort(slots)
		slots = slices.Compact(slots)
		err := f.index.Update(slots, rest)
		wait := findPause
		switch {
		case life.Err() != nil:
			return
		case err != nil:
			failed(err)
			wait = findRetry
		default:
			slots = slots[:0]
			if !built {
				close(f.built)
				built = true
			}
			select {
			case <-c.lists.arrived:
			case <-life.Done():
				return
			}
		}
		if !pause(life, wait) {
			return
		}
	}
}

// rest lets commands in progress go first.
func (f *finder) rest(life context.Context) error {
	if f.busy() {
		pause(life, findRest)
	}
	return life.Err()
}

// pause waits; false says that life has ended.
func pause(life context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-life.Done():
		return false
	}
}

// ready refuses while the index is still being built.
func (f *finder) ready() error {
	select {
	case <-f.built:
		return nil
	default:
		return &commerce.Error{
			Code: commerce.CodeOverloaded, Detail: "the search index is still being built; try again shortly",
			RetryAfter: retryAfterShort,
		}
	}
}

// search answers a search from memory.
func (c *catalogue) search(q *ProductSearch) (ProductPage, error) {
	words, err := c.finder.parser.Parse(q.Text)
	if err != nil {
		return ProductPage{}, badText(err)
	}
	if err := c.finder.ready(); err != nil {
		return ProductPage{}, err
	}
	generation, flips, l := c.finder.index.Generation(), c.lists.flips.Load(), c.lists.current.Load()
	key := selectionKey{listing: l.number, flips: flips, index: generation}.search(q, words.Key(nil))
	slots, total, known := c.selections.get(key)
	if !known {
		s := c.selectors.Get().(*selector) //nolint:forcetypeassert // the pool holds nothing else
		defer c.selectors.Put(s)
		if s.hits, err = c.finder.index.Search(words, s.hits[:0]); err != nil {
			return ProductPage{}, err
		}
		slots, total = s.ranked(l, &q.ProductFilter, q.Offset, q.Limit)
		c.selections.put(key, slots, total)
	}
	return ProductPage{Rows: l.rows(slots, q.InStock), Total: total}, nil
}

// suggest completes what somebody is typing, from memory.
func (c *catalogue) suggest(text string, limit int) ([]Suggestion, error) {
	words, err := c.finder.parser.ParseStart(text)
	if err != nil {
		return nil, badText(err)
	}
	if err := c.finder.ready(); err != nil {
		return nil, err
	}
	generation, l := c.finder.index.Generation(), c.lists.current.Load()
	key := selectionKey{listing: l.number, index: generation}.suggest(words.Key(nil))
	slots, _, known := c.selections.get(key)
	if !known {
		s := c.selectors.Get().(*selector) //nolint:forcetypeassert // the pool holds nothing else
		defer c.selectors.Put(s)
		if s.hits, err = c.finder.index.Suggest(words, s.hits[:0]); err != nil {
			return nil, err
		}
		var total int
		slots, total = s.ranked(l, &ProductFilter{}, 0, suggestLook)
		c.selections.put(key, slots, total)
	}
	var out []Suggestion
	seen := make(map[string]bool)
	for _, slot := range slots {
		p := l.product(slot)
		if name := strings.ToLower(p.Name); !seen[name] && len(out) < limit {
			seen[name] = true
			out = append(out, Suggestion{Text: p.Name, Product: p.ID})
		}
	}
	return out, nil
}

// figures tells how large the catalogue is, and how often an answer was remembered.
func (c *catalogue) figures() []persistence.Metric {
	listed := 0
	if l := c.lists.current.Load(); l != nil {
		listed = l.count
	}
	found, segments := c.finder.index.Documents()
	gauge := func(name, help string, value int) persistence.Metric {
		return persistence.Metric{Name: name, Help: help, Value: float64(value)}
	}
	counter := func(name, help string, value *atomic.Int64) persistence.Metric {
		return persistence.Metric{Name: name, Help: help, Counter: true, Value: float64(value.Load())}
	}
	return []persistence.Metric{
		gauge("catalogue_products", "Products that are sold and listed.", listed),
		gauge("search_products", "Products that a search can find.", found),
		gauge("search_segments", "Parts that the search index consists of.", segments),
		gauge("catalogue_answers_bytes", "Bytes taken by remembered answers of lists, searches and suggestions.", c.selections.cache.Capacity()),
		counter("catalogue_answers_remembered_total", "Lists, searches and suggestions that were remembered.", &c.selections.hits),
		counter("catalogue_answers_made_total", "Lists, searches and suggestions that were not.", &c.selections.misses),
	}
}

// badText refuses a text that cannot be looked for.
func badText(err error) error {
	return &commerce.Error{
		Code: commerce.CodeValidation, Detail: "the request is not valid",
		Violations: []commerce.Violation{{Pointer: "q", Detail: err.Error()}},
	}
}
