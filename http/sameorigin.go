package http

import (
	"net/url"

	"github.com/penstock-dev/penstock/commerce"
)

// checkSameOrigin refuses a request that a browser says another site's page has made. Whoever is not
// a browser says nothing, and passes.
func (r *request) checkSameOrigin() error {
	origin := r.ctx.Request.Header.Peek("Origin")
	if len(origin) == 0 {
		return nil
	}
	from, err := url.Parse(string(origin))
	if err == nil && from.Host != "" && from.Host == string(r.ctx.Host()) {
		return nil
	}
	return &commerce.Error{Code: codeOriginRefused, Detail: "a page of another site must not do this"}
}
