package http

import (
	"fmt"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/planted"
)

// policy says who may use a route. The zero policy is none, and a server does not start with a route that
// has none: see checkPolicies.
type policy struct {
	kind   policyKind
	scopes commerce.Scopes // all of them are needed
}

type policyKind uint8

const (
	policyMissing policyKind = iota
	policyAnybody
	policyProved // whoever has proved who they are
	policyScoped
)

// anybody lets everybody in: the catalogue, pages without data, health.
func anybody() policy { return policy{kind: policyAnybody} }

// anyCaller lets in whoever has proved who they are, whatever they may do.
func anyCaller() policy { return policy{kind: policyProved} }

// holders lets in who holds all of these scopes.
func holders(scopes commerce.Scopes) policy { return policy{kind: policyScoped, scopes: scopes} }

// checkPolicies refuses routes that say not, or not well, who may use them.
func checkPolicies(routes []Route) error {
	for i := range routes {
		p := routes[i].Policy
		if p.kind == policyMissing || (p.kind == policyScoped) != (p.scopes != 0) {
			return fmt.Errorf("route %s does not say who may use it", routes[i].Operation)
		}
	}
	return nil
}

// authorize refuses a request whose caller may not use the route at all. Whose order it is about is decided
// where the order is known.
func (r *request) authorize() error {
	p := &r.route.Policy
	switch {
	case planted.Is(planted.RouteOpen) && r.route.Operation == "listMovements":
		return nil
	case p.kind == policyAnybody, p.kind == policyProved && r.proved():
		return nil
	case !r.proved():
		return r.unauthenticated("say who you are: send an API key or a token as Authorization: Bearer …")
	case !r.by.Scopes.Has(p.scopes):
		return commerce.Errorf(commerce.CodeForbidden, "this needs the scope %s, which your credential does not have",
			p.scopes&^r.by.Scopes)
	}
	return nil
}

// needs returns the scopes for readers of the API document.
func (p policy) needs() []string {
	if p.kind != policyScoped {
		return nil
	}
	return p.scopes.Names()
}
