// Package orderreplay places the orders of a CSV file in a running Penstock, through its API.
//
// The order_id of the file is the idempotency key, so that a replay may be repeated: the second one
// places nothing and gets the first answers again. Answers proves that they are the same. The
// engine's clock dates the orders; placed_at is only checked.
package orderreplay

import (
	"context"
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

// Server is what a replay needs of a server; *client.Client is one.
type Server interface {
	Products(ctx context.Context, page int) (products []client.Product, total int, err error)
	PlaceOrder(ctx context.Context, cmd *commerce.PlaceOrder) (client.Answer, error)
}

// Config says what to replay, how, and who wants to hear of it.
type Config struct {
	Server      Server
	File        string    // its name, for faults
	Input       io.Reader // its bytes; the caller closes it
	Concurrency int       // requests at a time; at least 1
	Answers     *Answers  // remembers and compares answers; may be nil
	// Refused is told of every order that was not placed, one at a time.
	Refused func(key string, err error)
	// Progress is told how many orders are done and how many bytes of the file have been read.
	Progress func(orders, bytes int64)
}

// Summary counts what became of the orders of a file.
type Summary struct {
	Orders   int64            `json:"orders"` // in the file, as far as it was read
	Lines    int64            `json:"lines"`
	Placed   int64            `json:"placed"`
	Replayed int64            `json:"replayed"` // answered by the first answer to their key
	Refused  map[string]int64 `json:"refused"`  // by problem code
	Retried  int64            `json:"retried"`  // requests that were sent again
}

// RefusedAll returns how many orders were refused, for whatever reason.
func (s *Summary) RefusedAll() int64 {
	var sum int64
	for _, n := range s.Refused {
		sum += n
	}
	return sum
}

// codeProductUnknown is the refusal of an order whose product the catalogue does not have. It
// is found here, without asking.
const codeProductUnknown = "product_unknown"

// Run replays the file. The summary holds whatever was done, also beside an error: a fault in the
// file (*csvfile.Error; it ends the replay, because half an order must not be placed), a file that
// cannot be read, a server that gives no answer (client.IsUnavailable) or the end of the context.
// Refused orders are no error; they are counted.
func Run(ctx context.Context, cfg Config) (Summary, error) {
	run := &replaying{cfg: cfg}
	run.mu.Refused = make(map[string]int64)
	reader, err := csvfile.NewReader(cfg.File, cfg.Input, columns())
	if err != nil {
		return run.mu.Summary, err
	}
	if run.products, err = productIDs(ctx, cfg.Server); err != nil {
		return run.mu.Summary, fmt.Errorf("list the products: %w", err)
	}
	var readError error
	err = fanout.Each(ctx, cfg.Concurrency, run.orders(reader, &readError), run.place)
	if err == nil {
		err = readError
	}
	return run.mu.Summary, err
}

// productIDs lists the catalogue: SKU → product id.
func productIDs(ctx context.Context, server Server) (map[string]commerce.ID, error) {
	ids := make(map[string]commerce.ID)
	seen := 0
	for page := 1; ; page++ {
		products, total, err := server.Products(ctx, page)
		if err != nil {
			return nil, err
		}
		for _, p := range products {
			if p.SKU != "" {
				ids[p.SKU] = p.ID
			}
		}
		seen += len(products)
		if len(products) == 0 || seen >= total {
			return ids, nil
		}
	}
}

// replaying is one run. Its workers share the summary.
type replaying struct {
	cfg      Config
	products map[string]commerce.ID // SKU → product id; only read

	mu struct {
		sync.Mutex
		Summary
		done int64
	}
}

// job is one order on its way.
type job struct {
	order  order
	offset int64
}

func (r *replaying) orders(reader *csvfile.Reader, readError *error) iter.Seq[job] {
	return func(yield func(job) bool) {
		for o, err := range group(reader.Rows()) {
			if err != nil {
				*readError = err
				return
			}
			r.mu.Lock()
			r.mu.Orders++
			r.mu.Lines += int64(len(o.lines))
			r.mu.Unlock()
			if !yield(job{order: o, offset: reader.Offset()}) {
				return
			}
		}
	}
}

func (r *replaying) place(ctx context.Context, j job) error {
	command, unknown := j.order.command(r.products)
	if unknown != "" {
		r.refuse(j, codeProductUnknown, fmt.Errorf("no product has the SKU %s; import the products first", unknown), 0)
		return nil
	}
	answer, err := r.cfg.Server.PlaceOrder(ctx, command)
	var problem *client.ProblemError
	switch {
	case err == nil:
		return r.accept(j, &answer)
	case client.IsUnavailable(err) || ctx.Err() != nil || !errors.As(err, &problem):
		return err
	default:
		code := string(problem.Code)
		if code == "" {
			code = fmt.Sprintf("status_%d", problem.Status)
		}
		r.refuse(j, code, err, answer.Attempts)
		return nil
	}
}

func (r *replaying) accept(j job, answer *client.Answer) error {
	if r.cfg.Answers != nil {
		if err := r.cfg.Answers.note(j.order.key, answer.Body); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if answer.Replayed {
		r.mu.Replayed++
	} else {
		r.mu.Placed++
	}
	r.doneLocked(j, answer.Attempts)
	return nil
}

func (r *replaying) refuse(j job, code string, err error, attempts int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.Refused[code]++
	r.cfg.Refused(j.order.key, err)
	r.doneLocked(j, attempts)
}

func (r *replaying) doneLocked(j job, attempts int) {
	r.mu.Retried += int64(max(attempts-1, 0))
	r.mu.done++
	r.cfg.Progress(r.mu.done, j.offset)
}
