package audience

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/torture"
)

// clerks are connections that place orders and move them on.
type clerks struct {
	clients []*torture.Client
	product commerce.ID
}

// stockMax is more units than any run sells.
const stockMax = 100_000_000

// hire connects clerks, and makes the product that everybody wants.
func hire(ctx context.Context, address string, n int) (_ *clerks, err error) {
	c := new(clerks)
	if err := c.connect(ctx, address, n); err != nil {
		return nil, err
	}
	answer, err := c.clients[0].CreateProduct(&commerce.CreateProduct{
		Name: "Ticket", OnHand: stockMax, Price: commerce.Money{Amount: 100, Currency: commerce.DefaultCurrency()},
	})
	if err != nil {
		c.dismiss()
		return nil, err
	}
	c.product = answer.ID
	return c, nil
}

// connect gives the clerks fresh connections: those that have rested for long are closed by the server.
func (c *clerks) connect(ctx context.Context, address string, n int) error {
	c.dismiss()
	for i := range n {
		client, err := torture.NewClient(ctx, address, "clerk-"+strconv.Itoa(i))
		if err != nil {
			c.dismiss()
			return err
		}
		c.clients = append(c.clients, client)
	}
	return nil
}

func (c *clerks) dismiss() {
	for _, client := range c.clients {
		client.Close()
	}
	c.clients = nil
}

// each does n things, all clerks at once, and returns the first error.
func (c *clerks) each(n int, do func(client *torture.Client, i int) error) error {
	var next atomic.Int64
	var running sync.WaitGroup
	errs := make(chan error, len(c.clients))
	for _, client := range c.clients {
		running.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := do(client, i); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	running.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}

// place places n orders.
func (c *clerks) place(n int) (orders []commerce.ID, err error) {
	orders = make([]commerce.ID, n)
	err = c.each(n, func(client *torture.Client, i int) error {
		answer, err := client.PlaceOrder(orderOf(c.product, "customer-"+strconv.Itoa(i%1000), ""))
		orders[i] = answer.ID
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("place %d orders: %w", n, err)
	}
	return orders, nil
}

// move moves all orders to a state.
func (c *clerks) move(orders []commerce.ID, to commerce.Status) error {
	err := c.each(len(orders), func(client *torture.Client, i int) error {
		_, err := client.TransitionOrder(&commerce.TransitionOrder{Order: orders[i], To: to, Carrier: "CJ"})
		return err
	})
	if err != nil {
		return fmt.Errorf("move %d orders to %s: %w", len(orders), to, err)
	}
	return nil
}

func orderOf(product commerce.ID, caller, key string) *commerce.PlaceOrder {
	return &commerce.PlaceOrder{
		Caller: commerce.Trusted(caller), Key: key, Lines: []commerce.OrderLine{{Product: product, Quantity: 1}},
		Address: commerce.Address{Street: "1 Teheran-ro", City: "Seoul", PostalCode: "06234"},
	}
}

// way is the states that an order goes through after it is placed.
func way() []commerce.Status {
	return []commerce.Status{
		commerce.StatusPaid, commerce.StatusProcessing, commerce.StatusShipped, commerce.StatusDelivered, commerce.StatusCompleted,
	}
}
