package commerce

import (
	"fmt"
	"math/bits"
	"strings"
)

// Scopes is a set of permissions. The zero set permits nothing but what everybody may do.
type Scopes uint32

// The permissions. Their numbers are stored.
const (
	ScopeOrdersRead    Scopes = 1 << iota // see one's own orders
	ScopeOrdersWrite                      // place orders; with ScopeOrdersAny move them along too
	ScopeOrdersCancel                     // cancel one's own orders
	ScopeOrdersAny                        // what the other scopes of orders permit, for everybody's orders
	ScopeProductsWrite                    // make, change and archive products
	ScopeStockWrite                       // change stock, and see its ledger
	ScopeAnalyticsRead                    // see sums of sales
	ScopeExportsRead                      // take all orders out
	ScopeBenchRun                         // measure the server by loading it
	ScopeAdmin                            // keys, audit, verification, metrics

	// ScopesAll is every permission there is.
	ScopesAll Scopes = 1<<iota - 1
)

// scopeNames are the names of the permissions, by the number of their bit.
func scopeNames() [10]string {
	return [10]string{
		"orders:read", "orders:write", "orders:cancel", "orders:any", "products:write", "stock:write",
		"analytics:read", "exports:read", "bench:run", "admin",
	}
}

// Has reports whether every permission of wanted is in the set.
func (s Scopes) Has(wanted Scopes) bool { return s&wanted == wanted }

// Names returns the names of the permissions in the set.
func (s Scopes) Names() []string {
	all := scopeNames()
	names := make([]string, 0, bits.OnesCount32(uint32(s)))
	for i, name := range all {
		if s.Has(1 << i) {
			names = append(names, name)
		}
	}
	return names
}

// String returns the names, separated by spaces, as OAuth 2.0 writes a scope (RFC 6749, section 3.3).
func (s Scopes) String() string { return strings.Join(s.Names(), " ") }

// ParseScope returns the permission of that name, or an error that lists those there are.
func ParseScope(name string) (Scopes, error) {
	all := scopeNames()
	for i, known := range all {
		if name == known {
			return 1 << i, nil
		}
	}
	return 0, fmt.Errorf("there is no scope %q; there are %s", name, strings.Join(all[:], ", "))
}

// Principal is who asks, and what they may do. It travels in every command and in every question
// about orders, because what it may do is decided where the order is known.
type Principal struct {
	// Subject is who acts: a customer, a member of staff, another program.
	Subject string
	// Customer is whose orders are placed and seen: Subject itself, unless it acts for a customer.
	Customer string
	Scopes   Scopes
}

// Trusted returns a principal that may do everything: whoever is believed without proof, and tests.
func Trusted(subject string) Principal {
	return Principal{Subject: subject, Customer: subject, Scopes: ScopesAll}
}

// Reaches reports whether the order is the principal's own, or everybody's orders are open to it.
// Whether it may do what it asks for is a question of its other scopes.
func (p *Principal) Reaches(o *Order) bool {
	return p.Scopes.Has(ScopeOrdersAny) || p.Customer != "" && o.Customer == p.Customer
}

// Sees returns which customer's orders a question about many orders is about, given the customer that it names
// ("" names none): everybody's ("") only for those who may see them. Refusal: forbidden.
func (p *Principal) Sees(customer string) (string, error) {
	if p.Scopes.Has(ScopeOrdersAny) {
		return customer, nil
	}
	if customer != "" && customer != p.Customer {
		return "", Errorf(CodeForbidden, "you may see your own orders only; leave customer_id out")
	}
	if p.Customer == "" { // nobody, which must not select everybody
		return "", Errorf(CodeForbidden, "say who you are to see your orders")
	}
	return p.Customer, nil
}

// name is under which name the principal's idempotency keys are kept. Subjects are visible ASCII, so
// that no two principals share one.
func (p *Principal) name() string {
	if p.Customer == p.Subject {
		return p.Subject
	}
	return p.Subject + "\n" + p.Customer
}
