package peer

import (
	"cmp"
	"context"
	_ "embed" // the script
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
	"github.com/penstock-dev/penstock/persistence"
)

//go:embed place.lua
var placeLua string

// redisConnections bounds the connections. Most commands share one.
const redisConnections = 16

// The names of what is kept: stock of a product as a hash of h (on hand), a (allocated) and v (version), and
// texts for the rest.
const (
	redisProducts = "products" // a list of JSON, the oldest first
	redisStock    = "s:"
	redisOrder    = "o:"
	redisKey      = "k:"
)

// redisShop keeps stock, orders and keys in Redis. The catalogue never changes here, so that every process can
// keep it in memory; only units are asked for.
type redisShop struct {
	client *redis.Client
	// together sends the commands of many requests in one write: Redis carries them out one after another and syncs
	// its log once.
	together   *redis.AutoPipeliner
	placing    *redis.Script
	catalogue  map[commerce.ID]*commerce.Product
	lists      [sortsMax][]*commerce.Product // of each sort
	categories map[string]*[sortsMax][]*commerce.Product
}

func openRedis(ctx context.Context, cfg Config) (shop, error) {
	options, err := redis.ParseURL(cfg.RedisURL)
	if err != nil {
		return nil, fmt.Errorf("read the URL of Redis: %w", err)
	}
	options.PoolSize = cmp.Or(cfg.Connections, redisConnections)
	s := &redisShop{client: redis.NewClient(options), placing: redis.NewScript(placeLua), catalogue: make(map[commerce.ID]*commerce.Product)}
	if s.together, err = s.client.AutoPipeline(); err != nil {
		return nil, errors.Join(err, s.client.Close())
	}
	if err := s.load(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// load reads the catalogue.
func (s *redisShop) load(ctx context.Context) error {
	encoded, err := s.client.LRange(ctx, redisProducts, 0, -1).Result()
	if err != nil {
		return fmt.Errorf("read the catalogue: %w", err)
	}
	all := make([]*commerce.Product, len(encoded))
	for i, text := range encoded {
		p := new(commerce.Product)
		if err := json.Unmarshal([]byte(text), p); err != nil {
			return fmt.Errorf("read the catalogue: %w", err)
		}
		all[i], s.catalogue[p.ID] = p, p
	}
	s.lists = sorted(all)
	byCategory := make(map[string][]*commerce.Product)
	for _, p := range all {
		byCategory[p.Category] = append(byCategory[p.Category], p)
	}
	s.categories = make(map[string]*[sortsMax][]*commerce.Product, len(byCategory))
	for category, list := range byCategory {
		lists := sorted(list)
		s.categories[category] = &lists
	}
	return s.placing.Load(ctx, s.client).Err()
}

// sorted returns products in every order. REQUIRES: they come in id order.
func sorted(products []*commerce.Product) (lists [sortsMax][]*commerce.Product) {
	for i := range lists {
		lists[i] = slices.Clone(products)
	}
	slices.Reverse(lists[sortNewest])
	slices.SortStableFunc(lists[sortPrice], func(a, b *commerce.Product) int { return cmp.Compare(a.Price.Amount, b.Price.Amount) })
	lists[sortPriceDown] = slices.Clone(lists[sortPrice])
	slices.Reverse(lists[sortPriceDown])
	slices.SortStableFunc(lists[sortName], func(a, b *commerce.Product) int { return strings.Compare(a.Name, b.Name) })
	return lists
}

// close closes the connections; whatever that says, it is over.
func (s *redisShop) close() {
	_ = s.together.Close()
	_ = s.client.Close()
}

func (s *redisShop) place(ctx context.Context, cmd *commerce.PlaceOrder) (receipt, error) {
	lines, err := cmd.Merge()
	if err != nil {
		return receipt{}, err
	}
	id, err := newOrderID()
	if err != nil {
		return receipt{}, err
	}
	entry, refusal := s.decide(cmd, lines, id)
	if refusal != nil {
		return s.refused(ctx, cmd, refusal)
	}
	encoded := wire.AppendOrder(make([]byte, 0, 1<<10), entry.Order.Row)
	keys := append(make([]string, 0, 2+len(lines)), "", redisOrder+id.String())
	values := append(make([]any, 0, 3+len(lines)), "", int(keyTTL.Seconds()), encoded)
	if cmd.Key != "" {
		hash := cmd.Hash()
		keys[0], values[0] = keyName(cmd), string(hash[:])+string(id[:])
	}
	for i := range lines {
		keys = append(keys, redisStock+lines[i].Product.String())
		values = append(values, lines[i].Quantity)
	}
	answer, err := s.placing.EvalSha(ctx, s.together, keys, values...).Slice()
	switch {
	case err != nil:
		return receipt{}, err
	case len(answer) == 0:
		return receipt{encoded: encoded, id: id}, nil
	default:
		return s.explain(ctx, cmd, lines, answer)
	}
}

// decide says what the catalogue alone can say of an order.
func (s *redisShop) decide(cmd *commerce.PlaceOrder, lines []commerce.OrderLine, id commerce.ID) (*commerce.Entry, error) {
	offers := make([]commerce.Offer, len(lines))
	for i := range lines {
		p := s.catalogue[lines[i].Product]
		if p == nil {
			return nil, notFound()
		}
		if refusal := lines[i].Check(p); refusal != nil {
			return nil, refusal
		}
		offers[i] = commerce.Offer{Product: p}
	}
	return cmd.NewEntry(id, lines, offers, terms())
}

// refused refuses a command, unless its key is bound.
func (s *redisShop) refused(ctx context.Context, cmd *commerce.PlaceOrder, refusal error) (receipt, error) {
	if cmd.Key == "" {
		return receipt{}, refusal
	}
	bound, err := s.client.Get(ctx, keyName(cmd)).Result()
	switch {
	case errors.Is(err, redis.Nil):
		return receipt{}, refusal
	case err != nil:
		return receipt{}, err
	default:
		return s.again(ctx, cmd, bound)
	}
}

// explain says what an answer of the script means that is not empty.
func (s *redisShop) explain(ctx context.Context, cmd *commerce.PlaceOrder, lines []commerce.OrderLine, answer []any) (receipt, error) {
	if bound, ok := answer[1].(string); ok {
		return s.again(ctx, cmd, bound)
	}
	place, ok := answer[1].(int64)
	available, isNumber := answer[2].(int64)
	if !ok || !isNumber || answer[0] == "missing" {
		return receipt{}, notFound()
	}
	return receipt{}, insufficient(lines[place].Product, available)
}

// again answers a command whose key is bound: to a digest and an order.
func (s *redisShop) again(ctx context.Context, cmd *commerce.PlaceOrder, bound string) (receipt, error) {
	hash := cmd.Hash()
	if bound[:len(hash)] != string(hash[:]) {
		return receipt{}, mismatched()
	}
	id := commerce.ID([]byte(bound[len(hash):]))
	encoded, err := s.client.Get(ctx, redisOrder+id.String()).Bytes()
	return receipt{encoded: encoded, id: id, replayed: true}, err
}

func keyName(cmd *commerce.PlaceOrder) string {
	id := cmd.KeyID()
	return redisKey + string(id[:])
}

func (s *redisShop) product(ctx context.Context, id commerce.ID) (persistence.ProductRow, error) {
	p := s.catalogue[id]
	if p == nil {
		return persistence.ProductRow{}, notFound()
	}
	values, err := s.together.HMGet(ctx, redisStock+id.String(), "h", "a", "v").Result()
	if err != nil {
		return persistence.ProductRow{}, err
	}
	stock, err := stockOf(id, values)
	return persistence.ProductRow{Product: p, Stock: stock}, err
}

func stockOf(id commerce.ID, values []any) (commerce.Stock, error) {
	var numbers [3]int64
	for i := range numbers {
		text, ok := values[i].(string)
		if !ok {
			return commerce.Stock{}, fmt.Errorf("stock of %s is missing", id)
		}
		var err error
		if numbers[i], err = strconv.ParseInt(text, 10, 64); err != nil {
			return commerce.Stock{}, fmt.Errorf("stock of %s: %w", id, err)
		}
	}
	return commerce.Stock{Product: id, OnHand: numbers[0], Allocated: numbers[1], Version: uint64(numbers[2])}, nil
}

func (s *redisShop) products(ctx context.Context, q *productQuery) (page productPage, err error) {
	lists := &s.lists
	if q.category != "" {
		if lists = s.categories[q.category]; lists == nil {
			return page, nil
		}
	}
	list := lists[q.sort]
	page.total = len(list)
	list = list[min(q.offset, len(list)):min(q.offset+q.limit, len(list))]
	answers := make([]*redis.SliceCmd, len(list))
	_, err = s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, product := range list {
			answers[i] = p.HMGet(ctx, redisStock+product.ID.String(), "h", "a", "v")
		}
		return nil
	})
	if err != nil {
		return page, err
	}
	page.rows = make([]persistence.ProductRow, len(list))
	for i, product := range list {
		page.rows[i].Product = product
		if page.rows[i].Stock, err = stockOf(product.ID, answers[i].Val()); err != nil {
			return page, err
		}
	}
	return page, nil
}

func (s *redisShop) search(context.Context, string, int, int) (productPage, error) {
	return productPage{}, errNotServed
}

func (s *redisShop) orders(context.Context, string, int) ([]*commerce.Order, error) {
	return nil, errNotServed
}
