package actors

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// customerOf returns a customer as a shop lets one in: with the scopes for its own orders.
func customerOf(name string) commerce.Principal {
	return commerce.Principal{
		Subject: name, Customer: name, Scopes: commerce.ScopeOrdersRead | commerce.ScopeOrdersWrite | commerce.ScopeOrdersCancel,
	}
}

// Somebody else's order is told from one that does not exist in nothing but its id.
func TestAccess_SomebodyElsesOrderIsNotThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	lamp := b.product(10)
	placed, err := b.engine.PlaceOrder(order("k", 1, lamp))
	require.NoError(t, err)
	hers, missing := placed.Order.ID, newID()
	ben := customerOf("ben")
	var w wakes

	questions := map[string]func(by *commerce.Principal, id commerce.ID) error{
		"read": func(by *commerce.Principal, id commerce.ID) error {
			return second(b.engine.Order(t.Context(), by, id))
		},
		"timeline": func(by *commerce.Principal, id commerce.ID) error {
			_, _, err := b.engine.Timeline(t.Context(), by, id)
			return err
		},
		"follow": func(by *commerce.Principal, id commerce.ID) error {
			_, sub, err := b.engine.FollowOrder(t.Context(), by, id, nil, &w)
			if err == nil {
				sub.Close()
			}
			return err
		},
		"cancel": func(by *commerce.Principal, id commerce.ID) error {
			return second(b.engine.TransitionOrder(&commerce.TransitionOrder{Caller: *by, Order: id, To: commerce.StatusCancelled}))
		},
		"cancel with a key": func(by *commerce.Principal, id commerce.ID) error {
			return second(b.engine.TransitionOrder(&commerce.TransitionOrder{Caller: *by, Order: id, To: commerce.StatusCancelled, Key: "k"}))
		},
		"an impossible move": func(by *commerce.Principal, id commerce.ID) error {
			return second(b.engine.TransitionOrder(&commerce.TransitionOrder{Caller: *by, Order: id, To: commerce.StatusDelivered, Version: 9}))
		},
	}
	for name, ask := range questions {
		require.Equal(t, commerce.NoOrder(hers), ask(&ben, hers), name)
		require.Equal(t, commerce.NoOrder(missing), ask(&ben, missing), name)
	}
	require.Equal(t, int64(1), b.stock(lamp).Allocated)

	ann, nobody := customerOf("ann"), commerce.Principal{}
	for _, name := range []string{"read", "timeline", "follow"} {
		require.NoError(t, questions[name](&ann, hers), name)
		require.NoError(t, questions[name](everybody(), hers), name)
		require.Equal(t, commerce.NoOrder(hers), questions[name](&nobody, hers), name)
	}
	require.NoError(t, questions["cancel"](&ann, hers))
}

func TestAccess_ListsAndFeedsHoldOnesOwnOrders(t *testing.T) {
	t.Parallel()
	b := setup(t)
	lamp := b.product(10)
	for _, customer := range []string{"ann", "ben", "ann"} {
		_, err := b.engine.PlaceOrder(of(customer, order("", 1, lamp)))
		require.NoError(t, err)
	}
	ann, nobody := customerOf("ann"), commerce.Principal{}
	count := func(by *commerce.Principal, q persistence.OrderQuery) (listed, scanned int, err error) {
		q.Limit = 10
		orders, err := b.engine.Orders(t.Context(), by, q)
		if err == nil {
			err = b.engine.ScanOrders(t.Context(), by, q, func(*commerce.Order) error { scanned++; return nil })
		}
		return len(orders), scanned, err
	}
	for _, c := range []struct {
		by       *commerce.Principal
		customer string
		want     int
	}{{&ann, "", 2}, {&ann, "ann", 2}, {everybody(), "", 3}, {everybody(), "ben", 1}} {
		listed, scanned, err := count(c.by, persistence.OrderQuery{Customer: c.customer})
		require.NoError(t, err)
		require.Equal(t, []int{c.want, c.want}, []int{listed, scanned})
	}
	var w wakes
	for _, by := range []*commerce.Principal{&ann, &nobody} {
		_, _, err := count(by, persistence.OrderQuery{Customer: "ben"})
		requireCode(t, commerce.CodeForbidden, err)
		_, _, err = b.engine.FollowOrders(t.Context(), by, FeedQuery{Customer: "ben"}, &w)
		requireCode(t, commerce.CodeForbidden, err)
	}
	_, _, err := count(&nobody, persistence.OrderQuery{})
	requireCode(t, commerce.CodeForbidden, err)

	_, feed, err := b.engine.FollowOrders(t.Context(), &ann, FeedQuery{}, &w)
	require.NoError(t, err)
	defer feed.Close()
	for _, customer := range []string{"ben", "ann"} {
		_, err := b.engine.PlaceOrder(of(customer, order("", 1, lamp)))
		require.NoError(t, err)
	}
	updates, _ := feed.Take(nil, 10)
	require.Len(t, updates, 1)
	require.Equal(t, "ann", updates[0].Actor)
}

// A key of one principal says nothing of another's request, also when both act for the same customer.
func TestAccess_KeysAreOnesOwn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	lamp := b.product(10)
	place := func(by commerce.Principal) placedFor {
		cmd := order("k", 1, lamp)
		cmd.Caller = by
		receipt, err := b.engine.PlaceOrder(cmd)
		require.NoError(t, err)
		return placedFor{receipt.Order.Customer, receipt.Replayed}
	}
	desk := commerce.Principal{Subject: "desk", Customer: "ann", Scopes: commerce.ScopesAll}
	require.Equal(t, placedFor{"ann", false}, place(customerOf("ann")))
	require.Equal(t, placedFor{"ann", false}, place(desk))
	require.Equal(t, placedFor{"ann", true}, place(desk))
	require.Equal(t, placedFor{"ann", true}, place(customerOf("ann")))
	desk.Customer = "ben"
	require.Equal(t, placedFor{"ben", false}, place(desk))
}

type placedFor struct {
	customer string
	replayed bool
}

// Neither that an order is busy nor that the store cannot write tells that there is one.
func TestAccess_NothingTellsThatSomebodyElsesOrderIsThere(t *testing.T) {
	t.Parallel()
	b, g := setupGated(t)
	lamp := b.product(10)
	placed, err := b.engine.PlaceOrder(order("", 1, lamp))
	require.NoError(t, err)
	resting, err := b.engine.PlaceOrder(order("", 1, lamp))
	require.NoError(t, err)
	hers, missing := placed.Order.ID, newID()
	cancel := func(caller commerce.Principal, id commerce.ID, key string) error {
		return second(b.engine.TransitionOrder(&commerce.TransitionOrder{Caller: caller, Order: id, To: commerce.StatusCancelled, Key: key}))
	}
	g.on.Store(true)
	cancelled := make(chan error, 1)
	go func() { cancelled <- cancel(customerOf("ann"), hers, "") }()
	<-g.arrived
	ben := customerOf("ben")
	for _, key := range []string{"", "k"} {
		require.Equal(t, commerce.NoOrder(hers), cancel(ben, hers, key), "while it is on its way to the store")
	}
	g.answer <- lose
	<-g.arrived
	require.Equal(t, "stalled", b.engine.Health(t.Context()).Writer)
	require.Equal(t, commerce.NoOrder(hers), cancel(ben, hers, "k2"), "while the store cannot write")
	require.Equal(t, commerce.NoOrder(resting.Order.ID), cancel(ben, resting.Order.ID, "k2"))
	require.Equal(t, commerce.NoOrder(missing), cancel(ben, missing, "k2"))
	requireCode(t, commerce.CodeStoreUnavailable, cancel(ben, hers, ""))
	requireCode(t, commerce.CodeStoreUnavailable, cancel(ben, missing, ""))
	g.open(pass)
	require.NoError(t, <-cancelled)
}
