package torture

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/client"
	"github.com/penstock-dev/penstock/internal/csvfile"
	"github.com/penstock-dev/penstock/internal/orderreplay"
	"github.com/penstock-dev/penstock/internal/productimport"
)

// Replay brings the products and the orders of two CSV files into a server, as `penstock import` and
// `penstock replay` do, but one after another, and lets some of the orders live on. Whatever the server
// stores them in, it must then show the same.
type Replay struct {
	Address  string
	Products string // file
	Orders   string // file
	// Lives is how many of the orders, the first ones, are carried on: paid, shipped, cancelled.
	Lives int
}

// ReplayReport is what a replay came to.
type ReplayReport struct {
	Products productimport.Summary
	Orders   orderreplay.Summary
	Moves    int // transitions of orders
	Portrait *Portrait
}

// Run carries out the replay.
func (r *Replay) Run(ctx context.Context) (*ReplayReport, error) {
	server, err := client.New(client.Config{Target: "http://" + r.Address, User: "replay", Conns: 1})
	if err != nil {
		return nil, err
	}
	defer server.Close()
	placing := &placed{Client: server, keys: make(map[commerce.ID]string)}
	report := new(ReplayReport)
	if report.Products, err = r.importProducts(ctx, server); err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	if report.Orders, err = r.replayOrders(ctx, placing); err != nil {
		return nil, fmt.Errorf("replay: %w", err)
	}
	if report.Moves, err = r.live(ctx, placing.ids); err != nil {
		return nil, fmt.Errorf("let orders live: %w", err)
	}
	report.Portrait, err = Draw(ctx, r.Address, placing.keys)
	return report, err
}

func (r *Replay) importProducts(ctx context.Context, server *client.Client) (summary productimport.Summary, err error) {
	file, err := os.Open(r.Products)
	if err != nil {
		return summary, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return productimport.Run(ctx, productimport.Config{
		Creator: server, File: r.Products, Input: file, Concurrency: 1,
		Fault: func(*csvfile.Error) {}, Repeated: func(*csvfile.Error) {}, Progress: func(int64, int64) {},
	})
}

func (r *Replay) replayOrders(ctx context.Context, server *placed) (summary orderreplay.Summary, err error) {
	file, err := os.Open(r.Orders)
	if err != nil {
		return summary, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return orderreplay.Run(ctx, orderreplay.Config{
		Server: server, File: r.Orders, Input: file, Concurrency: 1,
		Refused: func(string, error) {}, Progress: func(int64, int64) {},
	})
}

// live moves orders along: one of seven stays as it is, one is cancelled at once, one is cancelled when
// it is paid, the others come as far as their number lets them.
func (r *Replay) live(ctx context.Context, ids []commerce.ID) (moves int, err error) {
	client, err := NewClient(ctx, r.Address, "replay")
	if err != nil {
		return 0, err
	}
	defer client.Close()
	for i, id := range ids[:min(r.Lives, len(ids))] {
		var path []commerce.Status
		for to := commerce.StatusPaid; to <= commerce.StatusPending+commerce.Status(i%6); to++ {
			path = append(path, to)
		}
		if i%7 == 0 || i%7 == 1 && len(path) > 0 {
			path = append(path[:min(i%7, len(path))], commerce.StatusCancelled)
		}
		for _, to := range path {
			cmd := &commerce.TransitionOrder{Caller: commerce.Trusted("replay"), Order: id, To: to}
			switch to {
			case commerce.StatusCancelled:
				cmd.Reason = "replay"
			case commerce.StatusShipped:
				cmd.Carrier, cmd.TrackingNumber = "Mill Post", fmt.Sprintf("MP-%d", i)
			}
			if _, err := client.TransitionOrder(cmd); err != nil {
				return moves, fmt.Errorf("order %d to %s: %w", i, to, err)
			}
			moves++
		}
	}
	return moves, nil
}

// placed is a client that notes which orders were placed, and by which keys.
type placed struct {
	*client.Client
	ids  []commerce.ID
	keys map[commerce.ID]string
}

// PlaceOrder implements orderreplay.Server.
func (p *placed) PlaceOrder(ctx context.Context, cmd *commerce.PlaceOrder) (client.Answer, error) {
	answer, err := p.Client.PlaceOrder(ctx, cmd)
	if err != nil {
		return answer, err
	}
	var order orderBody
	if err := json.Unmarshal(answer.Body, &order); err != nil {
		return answer, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	id, err := commerce.ParseID(order.ID)
	if err != nil {
		return answer, fmt.Errorf("%w: order id %q: %w", ErrAnswer, order.ID, err)
	}
	if !answer.Replayed {
		p.ids = append(p.ids, id)
		p.keys[id] = cmd.Key
	}
	return answer, nil
}
