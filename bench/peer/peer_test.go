package peer_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/bench"
	"github.com/penstock-dev/penstock/bench/peer"
	"github.com/penstock-dev/penstock/commerce"
)

func takeFromRedis(t *testing.T, url string, product commerce.ID, units int64) {
	t.Helper()
	options, err := redis.ParseURL(url)
	require.NoError(t, err)
	client := redis.NewClient(options)
	defer func() { _ = client.Close() }()
	require.NoError(t, client.HIncrBy(t.Context(), "s:"+product.String(), "h", -units).Err())
}

// eachPeer runs a test on every peer.
func eachPeer(t *testing.T, test func(t *testing.T, b *bundle)) {
	t.Helper()
	for _, name := range []string{peer.RowLock, peer.Statement, peer.Redis} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, name)
			test(t, b)
			if b.onDatabase() {
				requireBooksInOrder(t, b.url)
			}
		})
	}
}

// requireBooksInOrder looks whether ledger, stock, orders and events agree.
func requireBooksInOrder(t *testing.T, url string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	for claim, query := range map[string]string{
		"stock is the sum of its ledger": `SELECT count(*) FROM stock s JOIN (SELECT product, sum(on_hand_delta) h, sum(allocated_delta) a, count(*) n, max(version) v
			FROM stock_movements GROUP BY product) m ON m.product = s.product WHERE (s.on_hand, s.allocated, s.version, s.version) IS DISTINCT FROM (m.h, m.a, m.n, m.v)`,
		"each line has the level it reached": `SELECT count(*) FROM (SELECT on_hand, allocated, sum(on_hand_delta) OVER w h, sum(allocated_delta) OVER w a
			FROM stock_movements WINDOW w AS (PARTITION BY product ORDER BY version)) l WHERE (on_hand, allocated) IS DISTINCT FROM (h, a)`,
		"what is allocated belongs to orders on their way": `SELECT count(*) FROM stock s LEFT JOIN (SELECT u.product, sum(u.quantity) q FROM orders o,
			unnest(o.products, o.quantities) u (product, quantity) WHERE o.status <= 3 GROUP BY 1) o ON o.product = s.product WHERE s.allocated <> coalesce(o.q, 0)`,
		"totals add up": `SELECT count(*) FROM orders o WHERE total <> (SELECT sum(q * p) FROM unnest(o.quantities, o.prices) u (q, p))`,
		"an order's events have no gap": `SELECT count(*) FROM orders o WHERE version <> (SELECT count(*) FROM order_events e WHERE e.order_id = o.id)
			OR version <> (SELECT max(seq) FROM order_events e WHERE e.order_id = o.id)`,
		"a key leads to an order": `SELECT count(*) FROM idempotency_keys k WHERE NOT EXISTS (SELECT FROM orders o WHERE o.id = k.order_id)`,
	} {
		var faults int
		require.NoError(t, conn.QueryRow(t.Context(), query).Scan(&faults), claim)
		require.Zero(t, faults, claim)
	}
}

func TestAnOrderIsAnsweredAsPenstockDoes(t *testing.T) {
	t.Parallel()
	eachPeer(t, func(t *testing.T, b *bundle) {
		one, other := b.products[7], b.products[3]
		before := b.product(t, one).Stock
		answer := b.ask(t, order("k", 2, one, other))
		require.Equal(t, 201, answer.Status, string(answer.Body))
		require.False(t, answer.Replayed)
		require.Equal(t, `"1"`, string(answer.ETag))
		o := parse[placed](t, answer)
		require.Equal(t, "/api/v2/orders/"+o.ID, string(answer.Location))
		require.Equal(t, "pending", o.Status)
		require.Equal(t, "ann", o.Customer)
		require.Equal(t, 2*one.Price.Amount+2*other.Price.Amount, o.Total)
		require.Len(t, o.Items, 2)
		require.Equal(t, other.Name, o.Items[0].Name, "items come in the order of their products")
		require.Equal(t, map[string]string{"street": "1 Quay", "city": "Galway", "postal_code": "H91"}, o.Address)

		after := b.product(t, one).Stock
		require.Equal(t, before.Allocated+2, after.Allocated)
		require.Equal(t, before.OnHand, after.OnHand)

		answer = b.ask(t, order("", 1, one))
		require.Equal(t, 201, answer.Status, "without a key: "+string(answer.Body))
		require.Equal(t, after.Allocated+1, b.product(t, one).Stock.Allocated)
	})
}

func TestARetryIsAnsweredWithTheFirstOrder(t *testing.T) {
	t.Parallel()
	eachPeer(t, func(t *testing.T, b *bundle) {
		p := b.products[0]
		first := b.ask(t, order("again", 1, p))
		require.Equal(t, 201, first.Status, string(first.Body))
		allocated := b.product(t, p).Stock.Allocated

		retry := b.ask(t, order("again", 1, p))
		require.Equal(t, 201, retry.Status)
		require.True(t, retry.Replayed)
		require.JSONEq(t, string(first.Body), string(retry.Body))

		require.Equal(t, 422, b.ask(t, order("again", 2, p)).Status, "the key was used for another order")

		b.leave(t, p, 0)
		retry = b.ask(t, order("again", 1, p))
		require.Equal(t, 201, retry.Status, "sold out meanwhile")
		require.True(t, retry.Replayed)
		require.Equal(t, allocated, b.product(t, p).Stock.Allocated)
	})
}

func TestOneKeyMakesOneOrderHoweverManySendIt(t *testing.T) {
	t.Parallel()
	eachPeer(t, func(t *testing.T, b *bundle) {
		p := b.products[1]
		before := b.product(t, p).Stock.Allocated
		var ids sync.Map
		var senders sync.WaitGroup
		for range 20 {
			senders.Go(func() {
				if answer := b.ask(t, order("same", 1, p)); answer.Status == 201 {
					ids.Store(string(answer.Location), true)
				}
			})
		}
		senders.Wait()
		n := 0
		ids.Range(func(any, any) bool { n++; return true })
		require.Equal(t, 1, n)
		require.Equal(t, before+1, b.product(t, p).Stock.Allocated)
	})
}

func TestNoUnitIsSoldTwice(t *testing.T) {
	t.Parallel()
	const units, buyers, tries = 150, 16, 25
	eachPeer(t, func(t *testing.T, b *bundle) {
		hot, also := b.products[5], b.products[9]
		b.leave(t, hot, units)
		var sold, refused atomic.Int64
		var buying sync.WaitGroup
		for buyer := range buyers {
			buying.Go(func() {
				for try := range tries {
					request := order(fmt.Sprintf("%d-%d", buyer, try), 1, hot, also)
					if buyer%2 == 0 { // so that they meet the two products in either order
						request = order(fmt.Sprintf("%d-%d", buyer, try), 1, also, hot)
					}
					switch answer := b.ask(t, request); answer.Status {
					case 201:
						sold.Add(1)
					case 409:
						refused.Add(1)
					default:
						t.Errorf("%d %s", answer.Status, answer.Body)
					}
				}
			})
		}
		buying.Wait()
		require.Equal(t, int64(units), sold.Load())
		require.Equal(t, int64(buyers*tries-units), refused.Load())
		require.Zero(t, b.product(t, hot).Stock.Available)
	})
}

func TestRefusalsSayWhy(t *testing.T) {
	t.Parallel()
	eachPeer(t, func(t *testing.T, b *bundle) {
		scarce, plenty := b.products[2], b.products[4]
		b.leave(t, scarce, 1)
		before := b.product(t, plenty).Stock
		answer := b.ask(t, order("too-much", 2, scarce, plenty))
		require.Equal(t, 409, answer.Status, string(answer.Body))
		problem := parse[struct {
			Code      string `json:"code"`
			Product   string `json:"product_id"`
			Available int64  `json:"available"`
		}](t, answer)
		require.Equal(t, "insufficient_stock", problem.Code)
		require.Equal(t, scarce.ID.String(), problem.Product)
		require.Equal(t, int64(1), problem.Available)
		require.Equal(t, before, b.product(t, plenty).Stock, "all or nothing")
		require.Equal(t, 201, b.ask(t, order("too-much", 1, scarce)).Status, "a refusal binds no key")

		unknown := *plenty
		unknown.ID[15] ^= 1
		require.Equal(t, 404, b.ask(t, order("", 1, plenty, &unknown)).Status)
		require.Equal(t, 404, b.get(t, "/api/v2/products/"+unknown.ID.String()).Status)
		require.Equal(t, 404, b.get(t, "/api/v2/products/nonsense").Status)
		require.Equal(t, 400, b.ask(t, order("", 0, plenty)).Status)
		wrong := &bench.Request{
			Method: "POST", Path: "/api/v2/orders", Body: fmt.Appendf(nil,
				`{"items":[{"product_id":%q,"quantity":1,"price":1}],"shipping_address":{"street":"a","city":"b","postal_code":"c"}}`, plenty.ID),
		}
		require.Equal(t, 409, b.ask(t, wrong).Status, "the price is another one")
		require.Equal(t, 404, b.get(t, "/api/v2/nothing").Status)
		require.Equal(t, 404, b.ask(t, &bench.Request{Method: "DELETE", Path: "/api/v2/orders"}).Status)
	})
}

func TestListsAreSortedAndPaged(t *testing.T) {
	t.Parallel()
	eachPeer(t, func(t *testing.T, b *bundle) {
		list := func(query string) shownPage {
			answer := b.get(t, "/api/v2/products?"+query)
			require.Equal(t, 200, answer.Status, string(answer.Body))
			return parse[shownPage](t, answer)
		}
		newest := list("per_page=15&page=3")
		require.Equal(t, 40, newest.Total)
		require.Len(t, newest.Products, 10)
		require.Equal(t, b.products[9].ID.String(), newest.Products[0].ID)
		require.Equal(t, b.products[0].ID.String(), list("sort=oldest&per_page=1").Products[0].ID)
		require.Len(t, list("").Products, 20)
		require.Empty(t, list("page=9").Products)

		cheap, dear, named := list("sort=price&per_page=100").Products, list("sort=-price&per_page=100").Products, list("sort=name&per_page=100").Products
		for i := 1; i < len(b.products); i++ {
			require.LessOrEqual(t, cheap[i-1].Price, cheap[i].Price)
			require.GreaterOrEqual(t, dear[i-1].Price, dear[i].Price)
			require.LessOrEqual(t, named[i-1].Name, named[i].Name)
		}
		kitchen := list("category=kitchen&sort=price")
		require.Len(t, kitchen.Products, kitchen.Total)
		for _, p := range kitchen.Products {
			require.Equal(t, "kitchen", p.Category)
		}
		require.Empty(t, list("category=none").Products)
	})
}

func TestPeersOnPostgreSQLSearchAndListOrders(t *testing.T) {
	t.Parallel()
	for _, name := range []string{peer.RowLock, peer.Statement} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, name)
			for _, query := range []string{"teapot", "TEAP", "%EC%B0%BB%EC%A3%BC%EC%A0%84%EC%9E%90", "teapot+0"} {
				found := parse[shownPage](t, b.get(t, "/api/v2/products/search?q="+query))
				require.NotEmpty(t, found.Products, query)
				require.Contains(t, found.Products[0].Name, "Teapot")
				require.GreaterOrEqual(t, found.Total, len(found.Products))
			}
			require.Empty(t, parse[shownPage](t, b.get(t, "/api/v2/products/search?q='%5C")).Products)

			last := b.orders[len(b.orders)-1]
			page := parse[struct {
				Orders []placed `json:"orders"`
			}](t, b.get(t, "/api/v2/orders?customer_id="+last.Customer))
			require.Equal(t, last.ID.String(), page.Orders[0].ID)
			require.Equal(t, last.Status.String(), page.Orders[0].Status)
			require.Equal(t, last.Total.Amount, page.Orders[0].Total)
			require.Equal(t, last.Items[0].Name, page.Orders[0].Items[0].Name)
			require.Equal(t, last.Address.Recipient, page.Orders[0].Address["recipient"])
		})
	}
}

func TestRedisServesNoSearchAndNoOrderLists(t *testing.T) {
	t.Parallel()
	b := setup(t, peer.Redis)
	require.Equal(t, 404, b.get(t, "/api/v2/products/search?q=teapot").Status)
	require.Equal(t, 404, b.get(t, "/api/v2/orders?customer_id=ann").Status)
}

func TestAPeerThatCannotBeOpenedSaysWhy(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	for _, cfg := range []peer.Config{
		{Name: "nobody"},
		{Name: peer.RowLock, DatabaseURL: "postgres://127.0.0.1:1/none?connect_timeout=1"},
		{Name: peer.Statement, DatabaseURL: "nonsense"},
		{Name: peer.Redis, RedisURL: "nonsense"},
	} {
		require.ErrorContains(t, peer.Serve(ctx, cfg, nil), "open the peer "+cfg.Name)
	}
}
