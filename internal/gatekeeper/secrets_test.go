package gatekeeper_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
)

// secret is a kind of what an order holds, as a set.
type secret uint8

const (
	secretCustomer secret = 1 << iota // whose it is
	secretGoods                       // what was bought, under the name and at the price of that time
	secretAmount                      // what it comes to
	secretPrivate                     // where it goes, how it got there, what was said of it
	secretID                          // that there is such an order

	secretsAll secret = 1<<iota - 1
)

const (
	canaryName  = "canary-kettle-91b7"
	canarySKU   = "CANARY-SKU-91B7"
	canaryPrice = 7_919_113
	canaryTotal = 2 * canaryPrice
)

// canaries are the texts that stand for secrets, besides ids.
func canaries() map[secret][]string {
	return map[secret][]string{
		secretCustomer: {ownerName},
		secretGoods:    {canaryName, canarySKU, fmt.Sprint(canaryPrice)},
		secretAmount:   {fmt.Sprint(canaryTotal)},
		secretPrivate: {
			"canary-recipient", "canary-phone", "canary-street", "canary-yard", "canary-city", "canary-state", "canary-code",
			"canary-land", "canary-note", "canary-carrier", "canary-parcel", "canary-remark", "canary-reason",
		},
	}
}

// secretsIn returns which secrets a text holds.
func (s *scene) secretsIn(text string) (found secret) {
	for kind, texts := range canaries() {
		for _, canary := range texts {
			if strings.Contains(text, canary) {
				found |= kind
			}
		}
	}
	for _, id := range s.orders {
		if strings.Contains(text, id) {
			found |= secretID
		}
	}
	return found
}

// scene is a shop with an owner whose orders nobody else may see.
type scene struct {
	*shop
	t       testing.TB
	owner   *caller
	other   *caller
	desk    *caller // of staff
	admin   *caller
	canary  string // the product of the owner's orders, which has another name now
	product string // another one
	shipped string // an order of the owner's with everything that an order can hold
	orders  []string
}

func newScene(t testing.TB, shop *shop) *scene {
	t.Helper()
	s := &scene{shop: shop, t: t}
	s.owner, s.other, s.desk = shop.customer(t, "owner", ownerName), shop.customer(t, "other customer", otherName), shop.staff(t)
	s.admin = &caller{name: "admin", subject: "root", scopes: commerce.ScopesAll}
	_, key := shop.key(t, "root", commerce.ScopesAll, time.Time{})
	s.admin.fields = bearer(key)

	s.canary = s.newProduct(fmt.Sprintf(`"name":%q,"sku":%q,"price":%d`, canaryName, canarySKU, canaryPrice))
	s.product = s.newProduct(`"name":"Lamp","price":1200`)
	s.shipped = s.newOrder()
	for _, step := range []string{
		`{"to":"paid","note":"canary-remark"}`, `{"to":"processing"}`,
		`{"to":"shipped","carrier":"canary-carrier","tracking_number":"canary-parcel"}`,
	} {
		s.must(t, s.desk.as(request{method: "POST", path: "/api/v2/orders/" + s.shipped + "/transitions", body: step}))
	}
	cancelled := s.newOrder()
	s.must(t, s.owner.as(request{method: "POST", path: "/api/v2/orders/" + cancelled + "/cancel", body: `{"reason":"canary-reason"}`}))
	// Catalogues are public: from now on the order's name and price are the order's alone.
	s.must(t, s.desk.as(request{
		method: "PATCH", path: "/api/v2/products/" + s.canary, body: `{"name":"Pot","sku":"POT","price":900}`,
	}.with("If-Match", "*")))
	return s
}

func (s *scene) newProduct(said string) (id string) {
	s.t.Helper()
	return s.made(s.desk.as(request{
		method: "POST", path: "/api/v2/products", body: `{"description":"","category":"kitchen","stock_quantity":100000,` + said + `}`,
	}))
}

// newOrder places an order of the owner's, which is a secret from then on.
func (s *scene) newOrder() (id string) {
	s.t.Helper()
	id = s.made(s.owner.as(request{method: "POST", path: "/api/v2/orders", body: canaryOrder(s.canary)}))
	s.orders = append(s.orders, id)
	return id
}

func canaryOrder(product string) string {
	return fmt.Sprintf(`{"items":[{"product_id":%q,"quantity":2}],"note":"canary-note","shipping_address":{`+
		`"recipient":"canary-recipient","phone":"canary-phone","street":"canary-street","street2":"canary-yard",`+
		`"city":"canary-city","state":"canary-state","postal_code":"canary-code","country":"canary-land"}}`, product)
}

func plainOrder(product string) string {
	return fmt.Sprintf(`{"items":[{"product_id":%q,"quantity":1}],`+
		`"shipping_address":{"street":"1 Road","city":"Seoul","postal_code":"1"}}`, product)
}

// made sends a request that makes something, and returns its id.
func (s *scene) made(r request) (id string) {
	s.t.Helper()
	var made struct{ ID string }
	require.NoError(s.t, json.Unmarshal([]byte(s.must(s.t, r).body), &made))
	require.NotEmpty(s.t, made.ID)
	return made.ID
}
