package client

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
)

// ProductsPageMax is the largest page of a list of products.
const ProductsPageMax = 100

// verifyTimeout bounds one verification: it reads everything a store holds.
const verifyTimeout = 30 * time.Minute

// Product is what import and replay need of a listed product.
type Product struct {
	ID  commerce.ID
	SKU string
}

// CreateProduct makes a product. The command's key is sent along, its caller is not: requests are
// made for the client's user. REQUIRES: cmd.Key is not empty.
func (c *Client) CreateProduct(ctx context.Context, cmd *commerce.CreateProduct) (Answer, error) {
	return c.call(ctx, request{
		method: "POST", path: "/api/v2/products", key: cmd.Key, body: wire.AppendCreateProduct(nil, cmd),
	})
}

// PlaceOrder places an order. The command's key is sent along, its caller is not: requests are made
// for the client's user. REQUIRES: cmd.Key is not empty.
func (c *Client) PlaceOrder(ctx context.Context, cmd *commerce.PlaceOrder) (Answer, error) {
	return c.call(ctx, request{
		method: "POST", path: "/api/v2/orders", key: cmd.Key, body: wire.AppendPlaceOrder(nil, cmd),
	})
}

// Products returns a page of the catalogue, oldest first, and how many products there are in all.
// Pages count from 1.
func (c *Client) Products(ctx context.Context, page int) (products []Product, total int, err error) {
	path := fmt.Sprintf("/api/v2/products?page=%d&per_page=%d&sort=oldest", page, ProductsPageMax)
	answer, err := c.call(ctx, request{method: "GET", path: path})
	if err != nil {
		return nil, 0, err
	}
	var list struct {
		Products []struct {
			ID  string `json:"id"`
			SKU string `json:"sku"`
		} `json:"products"`
		Total int `json:"total"`
	}
	if err := json.Unmarshal(answer.Body, &list); err != nil {
		return nil, 0, fmt.Errorf("read the answer to GET %s: %w", path, err)
	}
	products = make([]Product, len(list.Products))
	for i, p := range list.Products {
		id, err := commerce.ParseID(p.ID)
		if err != nil {
			return nil, 0, fmt.Errorf("read the answer to GET %s: product id %w", path, err)
		}
		products[i] = Product{ID: id, SKU: p.SKU}
	}
	return products, list.Total, nil
}

// Verify asks the server to prove that its books add up and returns its report as JSON.
func (c *Client) Verify(ctx context.Context) ([]byte, error) {
	answer, err := c.call(ctx, request{method: "POST", path: "/api/v2/admin/verify", timeout: verifyTimeout})
	return answer.Body, err
}

// AuditPageMax is how many records of the audit log are asked for at once: each can be many kilobytes.
const AuditPageMax = 200

// Audit returns up to limit records of the audit log after one, and where the log ends, as JSON.
func (c *Client) Audit(ctx context.Context, after uint64, limit int) ([]byte, error) {
	path := fmt.Sprintf("/api/v2/admin/audit?after=%d&limit=%d", after, min(limit, AuditPageMax))
	answer, err := c.call(ctx, request{method: "GET", path: path})
	return answer.Body, err
}
