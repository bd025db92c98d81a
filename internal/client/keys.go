package client

import (
	"context"
	"fmt"
	"time"

	"github.com/penstock-dev/penstock/commerce"
)

const pathKeys = "/api/v2/admin/keys"

// Keys returns the server's API keys, as JSON.
func (c *Client) Keys(ctx context.Context) ([]byte, error) {
	answer, err := c.call(ctx, request{method: "GET", path: pathKeys})
	return answer.Body, err
}

// CreateKey makes an API key of a JSON document and returns it with what opens it, as JSON. It is tried only once:
// nobody would know of a key whose answer was lost.
func (c *Client) CreateKey(ctx context.Context, document []byte) ([]byte, error) {
	answer, err := c.call(ctx, request{method: "POST", path: pathKeys, body: document, once: true})
	return answer.Body, err
}

// RotateKey gives an API key a new secret and returns it with what opens it, as JSON. It is tried only once:
// a second rotation would end the secret that was shown first.
func (c *Client) RotateKey(ctx context.Context, id commerce.ID, grace time.Duration) ([]byte, error) {
	answer, err := c.call(ctx, request{
		method: "POST", path: pathKeys + "/" + id.String() + "/rotate", once: true,
		body: fmt.Appendf(nil, `{"grace_seconds":%d}`, int64(grace/time.Second)),
	})
	return answer.Body, err
}

// RevokeKey ends an API key and returns it, as JSON.
func (c *Client) RevokeKey(ctx context.Context, id commerce.ID) ([]byte, error) {
	answer, err := c.call(ctx, request{method: "DELETE", path: pathKeys + "/" + id.String()})
	return answer.Body, err
}
