package torture

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-dev/penstock/bench"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
)

// answerTimeout bounds the wait for one answer. A server that says nothing for so long is broken.
const answerTimeout = 30 * time.Second

// Client is a Shop over HTTP on one keep-alive connection, for the callers that commands name, or
// else for one user. It is not safe for concurrent use. After ErrLost it is of no more use, unless it
// is connected again.
type Client struct {
	address  string
	conn     *bench.Conn
	user     string
	patience time.Duration // with one answer
	answer   bench.Answer
	request  []byte
	body     []byte
}

// NewClient connects a user to the server at address.
func NewClient(ctx context.Context, address, user string) (*Client, error) {
	conn, err := bench.Dial(ctx, address, answerTimeout)
	if err != nil {
		return nil, err
	}
	return &Client{address: address, conn: conn, user: user, patience: answerTimeout}, nil
}

// reconnect gives the connection up for a new one.
func (c *Client) reconnect(ctx context.Context) error {
	c.Close()
	conn, err := bench.Dial(ctx, c.address, answerTimeout)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	c.conn = conn
	return nil
}

// Close closes the connection.
func (c *Client) Close() { _ = c.conn.Close() }

// PlaceOrder implements Shop.
func (c *Client) PlaceOrder(cmd *commerce.PlaceOrder) (OrderAnswer, error) {
	c.body = wire.AppendPlaceOrder(c.body[:0], cmd)
	return c.order(&bench.Request{Method: "POST", Path: "/api/v2/orders", User: cmd.Caller.Subject, Key: cmd.Key, Body: c.body}, 201)
}

// TransitionOrder implements Shop. Cancelling goes through the call made for it.
func (c *Client) TransitionOrder(cmd *commerce.TransitionOrder) (OrderAnswer, error) {
	path := "/api/v2/orders/" + cmd.Order.String()
	if cmd.To == commerce.StatusCancelled {
		return c.order(&bench.Request{
			Method: "POST", Path: path + "/cancel?reason=" + cmd.Reason, User: cmd.Caller.Subject, Key: cmd.Key,
		}, 200)
	}
	c.body = wire.AppendTransition(c.body[:0], cmd)
	return c.order(&bench.Request{Method: "POST", Path: path + "/transitions", User: cmd.Caller.Subject, Key: cmd.Key, Body: c.body}, 200)
}

// AdjustStock implements Shop.
func (c *Client) AdjustStock(cmd *commerce.AdjustStock) (StockAnswer, error) {
	c.body = wire.AppendAdjustStock(c.body[:0], cmd)
	path := "/api/v2/products/" + cmd.Product.String() + "/stock/update"
	if err := c.do(&bench.Request{Method: "POST", Path: path, User: cmd.Caller.Subject, Key: cmd.Key, Body: c.body}, 200); err != nil {
		return StockAnswer{}, err
	}
	m, err := decode[movementBody](c)
	if err != nil {
		return StockAnswer{}, err
	}
	return StockAnswer{Level: m.level(cmd.Product), Replayed: c.answer.Replayed}, nil
}

// Product implements Shop.
func (c *Client) Product(id commerce.ID) (ProductAnswer, error) {
	return c.product(&bench.Request{Method: "GET", Path: "/api/v2/products/" + id.String()}, 200)
}

// CreateProduct makes a product.
func (c *Client) CreateProduct(cmd *commerce.CreateProduct) (ProductAnswer, error) {
	c.body = wire.AppendCreateProduct(c.body[:0], cmd)
	return c.product(&bench.Request{Method: "POST", Path: "/api/v2/products", User: cmd.Caller.Subject, Key: cmd.Key, Body: c.body}, 201)
}

// RenameProduct changes a product's name if its row is still at the version.
func (c *Client) RenameProduct(id commerce.ID, version uint64, name string) (ProductAnswer, error) {
	c.body = strconv.AppendQuote(append(c.body[:0], `{"name":`...), name)
	c.body = append(c.body, '}')
	match := string(wire.AppendProductETag(nil, version, 0))
	return c.product(&bench.Request{Method: "PATCH", Path: "/api/v2/products/" + id.String(), Match: match, Body: c.body}, 200)
}

// Order reads an order.
func (c *Client) Order(id commerce.ID) (OrderAnswer, error) {
	return c.order(&bench.Request{Method: "GET", Path: "/api/v2/orders/" + id.String()}, 200)
}

// Orders reads a page of the orders placed since a moment, newest first, and the cursor of the next
// page, or "".
func (c *Client) Orders(since time.Time, cursor string) (ids []commerce.ID, next string, err error) {
	path := "/api/v2/orders?limit=" + strconv.Itoa(pageSize) + "&start_date=" + since.UTC().Format(time.RFC3339Nano)
	if cursor != "" {
		path += "&cursor=" + cursor
	}
	if err := c.do(&bench.Request{Method: "GET", Path: path}, 200); err != nil {
		return nil, "", err
	}
	page, err := decode[ordersBody](c)
	if err != nil {
		return nil, "", err
	}
	for i := range page.Orders {
		id, err := commerce.ParseID(page.Orders[i].ID)
		if err != nil {
			return nil, "", fmt.Errorf("%w: %w", ErrAnswer, err)
		}
		ids = append(ids, id)
	}
	return ids, page.Next, nil
}

// Movements reads a page of a product's ledger, newest first, and the cursor of the next page.
func (c *Client) Movements(product commerce.ID, cursor string) (lines []commerce.Movement, next string, err error) {
	path := "/api/v2/products/" + product.String() + "/stock/movements?limit=" + strconv.Itoa(pageSize)
	if cursor != "" {
		path += "&cursor=" + cursor
	}
	if err := c.do(&bench.Request{Method: "GET", Path: path}, 200); err != nil {
		return nil, "", err
	}
	page, err := decode[movementsBody](c)
	if err != nil {
		return nil, "", err
	}
	for i := range page.Movements {
		line, err := page.Movements[i].movement(product)
		if err != nil {
			return nil, "", err
		}
		lines = append(lines, line)
	}
	return lines, page.Next, nil
}

// Verify lets the server prove that its books add up, and notes what is wrong.
func (c *Client) Verify(faults *Faults) error {
	if err := c.do(&bench.Request{Method: "POST", Path: verifyPath}, 200); err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	report, err := decode[reportBody](c)
	if err != nil {
		return err
	}
	if report.OK != (report.All == 0) || report.All != 0 && len(report.Faults) == 0 {
		return fmt.Errorf("%w: verification says %s", ErrAnswer, c.answer.Body)
	}
	report.addTo(faults)
	return nil
}

// inProgress reads how many commands the server has accepted and not answered.
func (c *Client) inProgress() (int, error) {
	if err := c.do(&bench.Request{Method: "GET", Path: "/metrics"}, 200); err != nil {
		return 0, fmt.Errorf("read the metrics: %w", err)
	}
	for line := range strings.Lines(string(c.answer.Body)) {
		if value, found := strings.CutPrefix(line, "penstock_commands_in_progress "); found {
			return strconv.Atoi(strings.TrimSpace(value))
		}
	}
	return 0, fmt.Errorf("%w: no penstock_commands_in_progress in the metrics", ErrAnswer)
}

func (c *Client) order(r *bench.Request, want int) (OrderAnswer, error) {
	if err := c.do(r, want); err != nil {
		return OrderAnswer{}, err
	}
	body, err := decode[orderBody](c)
	if err != nil {
		return OrderAnswer{}, err
	}
	return body.answer(c.answer.Replayed)
}

func (c *Client) product(r *bench.Request, want int) (ProductAnswer, error) {
	if err := c.do(r, want); err != nil {
		return ProductAnswer{}, err
	}
	body, err := decode[productBody](c)
	if err != nil {
		return ProductAnswer{}, err
	}
	id, err := commerce.ParseID(body.ID)
	if err != nil {
		return ProductAnswer{}, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	// The ETag names both versions, "12-3407".
	_, tail, found := strings.Cut(strings.Trim(string(c.answer.ETag), `"`), "-")
	version, err := strconv.ParseUint(tail, 10, 64)
	if !found || err != nil {
		return ProductAnswer{}, fmt.Errorf("%w: ETag %s", ErrAnswer, c.answer.ETag)
	}
	return ProductAnswer{
		ID: id, Name: body.Name, Version: body.Version, Replayed: c.answer.Replayed,
		Stock: commerce.Stock{Product: id, OnHand: body.Stock.OnHand, Allocated: body.Stock.Allocated, Version: version},
	}, nil
}

// do sends a request and checks the status. Every other status is a refusal.
func (c *Client) do(r *bench.Request, want int) error {
	if r.User == "" {
		r.User = c.user
	}
	c.request = bench.AppendRequest(c.request[:0], r)
	if err := c.conn.SetDeadline(time.Now().Add(c.patience)); err != nil {
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	if err := c.conn.Do(c.request, &c.answer); err != nil {
		return fmt.Errorf("%w: %s %s: %w", ErrLost, r.Method, r.Path, err)
	}
	if c.answer.Status == want {
		return nil
	}
	refusal, err := decode[problemBody](c)
	if err != nil || refusal.Code == "" || refusal.Status != c.answer.Status {
		return fmt.Errorf("%w: %s %s: %d %s", ErrAnswer, r.Method, r.Path, c.answer.Status, c.answer.Body)
	}
	return refusal.error()
}

func decode[T any](c *Client) (*T, error) {
	body := new(T)
	if err := json.Unmarshal(c.answer.Body, body); err != nil {
		return nil, fmt.Errorf("%w: %w in %s", ErrAnswer, err, c.answer.Body)
	}
	return body, nil
}
