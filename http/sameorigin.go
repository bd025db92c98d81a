package http

import (
	"net/url"
	"slices"
	"strings"

	"github.com/penstock-dev/penstock/commerce"
)

const headerOrigin = "Origin"

// origins are the sites whose pages may ask here, besides the server's own.
type origins []string

// parseOrigins reads a list of origins, separated by commas or spaces.
func parseOrigins(list string) origins { return splitList(list) }

// lists reports whether an origin stands in the list, exactly.
func (o origins) lists(origin string) bool {
	return slices.ContainsFunc(o, func(listed string) bool { return strings.EqualFold(listed, origin) })
}

func validOrigin(origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && strings.EqualFold(u.Scheme+"://"+u.Host, origin)
}

// checkSameOrigin refuses a request that a browser says another site's page has made, unless the
// configuration names that site.
func (r *request) checkSameOrigin() error {
	if r.originAllowed() {
		return nil
	}
	return &commerce.Error{Code: codeOriginRefused, Detail: "a page of another site must not do this"}
}

// originAllowed reports whether the page that asks is one of this server's own, or of a site that the
// configuration names. Whoever is not a browser sends no Origin, and passes.
func (r *request) originAllowed() bool {
	origin := string(r.ctx.Request.Header.Peek(headerOrigin))
	if origin == "" || r.origins.lists(origin) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && strings.EqualFold(u.Host, string(r.ctx.Host()))
}
