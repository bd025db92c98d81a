// Package productimport brings a CSV file of products into a running Penstock, through its API.
//
// An import may be repeated and interrupted at will: the SKU of a row is its product_id, its
// idempotency key comes from the SKU, and a product that exists already is never changed. What the
// file is called and where the summary goes is its caller's business.
package productimport

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/client"
	"github.com/penstock-dev/penstock/internal/csvfile"
	"github.com/penstock-dev/penstock/internal/fanout"
)

// Creator makes products; *client.Client is one.
type Creator interface {
	CreateProduct(ctx context.Context, cmd *commerce.CreateProduct) (client.Answer, error)
}

// Config says what to import, how, and who wants to hear of it.
type Config struct {
	Creator     Creator
	File        string    // its name, for faults
	Input       io.Reader // its bytes; the caller closes it
	Concurrency int       // requests at a time; at least 1
	Stop        bool      // end at the first fault
	// Fault is told of every row that did not get in, one at a time.
	Fault func(*csvfile.Error)
	// Repeated is told of every row whose product_id stood in an earlier row, one at a time: only one
	// of the rows can become the product.
	Repeated func(*csvfile.Error)
	// Progress is told how many rows are done and how many bytes of the file have been read.
	Progress func(rows, bytes int64)
}

// Summary counts what became of the rows of a file.
type Summary struct {
	Created int64 `json:"created"`
	Already int64 `json:"already_there"` // a product with this SKU existed; it was not changed
	Failed  int64 `json:"failed"`
	Retried int64 `json:"retried"` // requests that were sent again

	// Repeated is how many rows had the product_id of an earlier row. They are counted above too.
	Repeated int64 `json:"repeated"`
}

// Rows returns how many rows that were.
func (s *Summary) Rows() int64 { return s.Created + s.Already + s.Failed }

// errStop ends an import at its first fault.
var errStop = errors.New("stopped at the first fault")

// Run imports the file. The summary holds whatever was done, also beside an error: a header that
// does not fit (*csvfile.Error), a file that cannot be read, a server that gives no answer
// (client.IsUnavailable) or the end of the context. Faulty rows are no error; they are counted.
func Run(ctx context.Context, cfg Config) (Summary, error) {
	reader, err := csvfile.NewReader(cfg.File, cfg.Input, columns())
	if err != nil {
		return Summary{}, err
	}
	run := &importing{cfg: cfg, lines: make(map[string]int)}
	var readError error
	err = fanout.Each(ctx, cfg.Concurrency, run.products(reader, &readError), run.create)
	if errors.Is(err, errStop) {
		err = nil
	}
	if err == nil {
		err = readError
	}
	return run.mu.Summary, err
}

// importing is one run. Its workers share the summary.
type importing struct {
	cfg Config
	// lines is where a product_id stood first, by idempotency key. Only the reading goroutine uses it.
	lines map[string]int

	mu struct {
		sync.Mutex
		Summary
	}
}

// job is one row on its way.
type job struct {
	row     csvfile.Row // only its place is used: its fields are gone when the next row is read
	product *commerce.CreateProduct
	offset  int64
}

func (r *importing) products(reader *csvfile.Reader, readError *error) iter.Seq[job] {
	return func(yield func(job) bool) {
		for row, err := range reader.Rows() {
			var product *commerce.CreateProduct
			if err == nil {
				product, err = parse(row)
			}
			var fault *csvfile.Error
			switch {
			case errors.As(err, &fault):
				if stop := r.fail(fault, reader.Offset()); stop != nil {
					return
				}
				continue
			case err != nil:
				*readError = err
				return
			}
			r.remember(row, product)
			if !yield(job{row: row, product: product, offset: reader.Offset()}) {
				return
			}
		}
	}
}

// linesMax bounds the rows that are remembered to find those that share a product_id. Rows after
// them are imported all the same.
const linesMax = 1 << 20

// remember tells of a row whose product_id stood in the file before.
func (r *importing) remember(row csvfile.Row, product *commerce.CreateProduct) {
	first, repeated := r.lines[product.Key]
	if !repeated {
		if len(r.lines) < linesMax {
			r.lines[product.Key] = row.Line()
		}
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.Repeated++
	r.cfg.Repeated(row.Fault(columnProduct, fmt.Sprintf("stands in line %d already; only one of the rows becomes the product", first)))
}

func (r *importing) create(ctx context.Context, j job) error {
	answer, err := r.cfg.Creator.CreateProduct(ctx, j.product)
	code := client.CodeOf(err)
	switch {
	case err == nil && !answer.Replayed:
		r.count(&answer, j.offset, func(s *Summary) { s.Created++ })
	case err == nil, code == commerce.CodeSKUTaken, code == commerce.CodeIdempotencyMismatch:
		// A mismatch is a row that was imported with other values less than a key's life ago, a
		// taken SKU one from before that. To the import both are one thing: the product exists.
		r.count(&answer, j.offset, func(s *Summary) { s.Already++ })
	case client.IsUnavailable(err) || ctx.Err() != nil:
		return err
	default:
		return r.fail(j.row.Fault("", err.Error()), j.offset)
	}
	return nil
}

func (r *importing) count(answer *client.Answer, offset int64, add func(*Summary)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	add(&r.mu.Summary)
	r.mu.Retried += int64(max(answer.Attempts-1, 0))
	r.cfg.Progress(r.mu.Rows(), offset)
}

// fail notes a fault; it returns errStop when that is the end.
func (r *importing) fail(fault *csvfile.Error, offset int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.Failed++
	r.cfg.Fault(fault)
	r.cfg.Progress(r.mu.Rows(), offset)
	if r.cfg.Stop {
		return errStop
	}
	return nil
}

// keyOf returns the idempotency key of a product. It is a digest, because a SKU may hold what a key
// must not.
func keyOf(sku string) string {
	sum := sha256.Sum256([]byte(sku))
	return "import-" + hex.EncodeToString(sum[:16])
}
