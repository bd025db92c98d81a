package peer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

const (
	paymentTimeout = 15 * time.Minute
	keyTTL         = 24 * time.Hour
	// totalsKept is how long a number of products is believed: counting them takes longer than reading a page.
	totalsKept = time.Second
)

// database is a pool of connections, and the reads that both peers on PostgreSQL share. All statements are
// prepared once on each connection and then kept by pgx.
type database struct {
	pool   *pgxpool.Pool
	totals atomic.Pointer[totals]
}

// totals are numbers of products by category; the empty one is all.
type totals struct {
	at    time.Time
	count map[string]int
}

func openPostgres(ctx context.Context, cfg Config, connections int) (*database, error) {
	config, err := pgxpool.ParseConfig(cfg.DatabaseURL)
	if err != nil {
		return nil, fmt.Errorf("read the database's URL: %w", err)
	}
	if cfg.Connections > 0 {
		connections = cfg.Connections
	}
	config.MaxConns, config.MinConns = int32(connections), int32(connections)
	config.ConnConfig.RuntimeParams["application_name"] = "penstock bench " + cfg.Name
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("connect: %w", err)
	}
	return &database{pool: pool}, nil
}

func (d *database) close() { d.pool.Close() }

const productColumns = `p.id, p.name, p.description, p.category, p.sku, p.price, p.currency, p.attributes, p.archived, p.version,
	p.created_at, p.updated_at, s.on_hand, s.allocated, s.version`

func scanProduct(row pgx.CollectableRow) (persistence.ProductRow, error) {
	p := new(commerce.Product)
	var s commerce.Stock
	var currency string
	err := row.Scan((*[16]byte)(&p.ID), &p.Name, &p.Description, &p.Category, &p.SKU, &p.Price.Amount, &currency, &p.Attributes,
		&p.Archived, &p.Version, &p.CreatedAt, &p.UpdatedAt, &s.OnHand, &s.Allocated, &s.Version)
	copy(p.Price.Currency[:], currency)
	s.Product = p.ID
	return persistence.ProductRow{Product: p, Stock: s}, err
}

func (d *database) product(ctx context.Context, id commerce.ID) (persistence.ProductRow, error) {
	rows, err := d.pool.Query(ctx, `SELECT `+productColumns+` FROM products p JOIN stock s ON s.product = p.id WHERE p.id = $1`, [16]byte(id))
	if err != nil {
		return persistence.ProductRow{}, err
	}
	row, err := pgx.CollectExactlyOneRow(rows, scanProduct)
	if errors.Is(err, pgx.ErrNoRows) {
		return row, notFound()
	}
	return row, err
}

// products reads a page. It finds the page first and joins the stock of its products only. Limit and offset
// stand in the statement: as parameters they would have it planned anew each time, because a plan that knows them is
// cheaper than one that does not.
func (d *database) products(ctx context.Context, q *productQuery) (page productPage, err error) {
	if page.total, err = d.total(ctx, q.category); err != nil {
		return page, err
	}
	order := [sortsMax]string{
		sortNewest: "p.id DESC", sortOldest: "p.id", sortPrice: "p.price, p.id", sortPriceDown: "p.price DESC, p.id DESC", sortName: "p.name, p.id",
	}[q.sort]
	where, parameters := "NOT p.archived", []any{}
	if q.category != "" {
		where, parameters = where+" AND p.category = $1", append(parameters, q.category)
	}
	rows, err := d.pool.Query(ctx, fmt.Sprintf(`SELECT %s
		FROM (SELECT * FROM products p WHERE %s ORDER BY %s LIMIT %d OFFSET %d) p JOIN stock s ON s.product = p.id ORDER BY %s`,
		productColumns, where, order, q.limit, q.offset, order), parameters...)
	if err != nil {
		return page, err
	}
	page.rows, err = pgx.CollectRows(rows, scanProduct)
	return page, err
}

// total tells how many products there are in a category, about.
func (d *database) total(ctx context.Context, category string) (int, error) {
	if kept := d.totals.Load(); kept != nil && time.Since(kept.at) < totalsKept {
		return kept.count[category], nil
	}
	fresh := &totals{at: time.Now(), count: make(map[string]int)}
	rows, err := d.pool.Query(ctx, `SELECT category, count(*) FROM products WHERE NOT archived GROUP BY category`)
	if err != nil {
		return 0, err
	}
	var name string
	var count int
	_, err = pgx.ForEachRow(rows, []any{&name, &count}, func() error {
		fresh.count[name] = count
		fresh.count[""] += count
		return nil
	})
	d.totals.Store(fresh)
	return fresh.count[category], err
}

// search finds products that have all the words, whole or begun, the best first.
func (d *database) search(ctx context.Context, words string, offset, limit int) (page productPage, err error) {
	var terms []string
	for _, word := range strings.Fields(words) {
		terms = append(terms, "'"+strings.NewReplacer(`'`, ``, `\`, ``).Replace(word)+"':*")
	}
	if len(terms) == 0 {
		return page, nil
	}
	rows, err := d.pool.Query(ctx, `
		WITH found AS MATERIALIZED (
			SELECT f.id, ts_rank(f.search, q) AS rank FROM products f, to_tsquery('simple', $1) q WHERE f.search @@ q AND NOT f.archived)
		SELECT `+productColumns+`, (SELECT count(*) FROM found)
		  FROM (SELECT * FROM found ORDER BY rank DESC, id LIMIT $2 OFFSET $3) f
		  JOIN products p ON p.id = f.id JOIN stock s ON s.product = f.id
		 ORDER BY f.rank DESC, f.id`, strings.Join(terms, " & "), limit, offset)
	if err != nil {
		return page, err
	}
	page.rows, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (persistence.ProductRow, error) {
		return scanProduct(withTotal{row, &page.total})
	})
	return page, err
}

// withTotal is a row of a product with a number behind it.
type withTotal struct {
	pgx.CollectableRow
	total *int
}

// Scan implements pgx.CollectableRow.
func (r withTotal) Scan(into ...any) error { return r.CollectableRow.Scan(append(into, r.total)...) }

const orderColumns = `o.id, o.customer, o.status, o.total, o.currency, o.placed_at, o.updated_at, o.expires_at, o.carrier,
	o.tracking_number, o.cancel_reason, o.version, o.note, o.address, o.products, o.names, o.skus, o.quantities, o.prices`

// scanOrder reads an order and what else the row holds behind it.
func scanOrder(row pgx.CollectableRow, more ...any) (*commerce.Order, error) {
	o := new(commerce.Order)
	var (
		currency             string
		address, names, skus []string
		products             [][16]byte
		quantities, prices   []int64
	)
	err := row.Scan(append([]any{
		(*[16]byte)(&o.ID), &o.Customer, &o.Status, &o.Total.Amount, &currency, &o.PlacedAt, &o.UpdatedAt, &o.ExpiresAt,
		&o.Carrier, &o.TrackingNumber, &o.CancelReason, &o.Version, &o.Note, &address, &products, &names, &skus, &quantities, &prices,
	}, more...)...)
	if err != nil {
		return nil, err
	}
	copy(o.Total.Currency[:], currency)
	o.Address = addressOf(address)
	o.Items = make([]commerce.Item, len(products))
	for i := range o.Items {
		o.Items[i] = commerce.Item{Product: products[i], Name: names[i], SKU: skus[i], Quantity: quantities[i], UnitPrice: prices[i]}
	}
	return o, nil
}

func (d *database) orders(ctx context.Context, customer string, limit int) ([]*commerce.Order, error) {
	rows, err := d.pool.Query(ctx, `SELECT `+orderColumns+` FROM orders o WHERE o.customer = $1 ORDER BY o.id DESC LIMIT $2`, customer, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*commerce.Order, error) { return scanOrder(row) })
}

// again answers a command whose key is bound.
func (d *database) again(ctx context.Context, cmd *commerce.PlaceOrder) (receipt, error) {
	rows, err := d.pool.Query(ctx, `SELECT `+orderColumns+`, k.request FROM idempotency_keys k JOIN orders o ON o.id = k.order_id
		WHERE k.id = $1`, [16]byte(cmd.KeyID()))
	if err != nil {
		return receipt{}, err
	}
	var request []byte
	order, err := pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (*commerce.Order, error) { return scanOrder(row, &request) })
	if err != nil {
		return receipt{}, err
	}
	if commerce.RequestHash(request) != cmd.Hash() {
		return receipt{}, mismatched()
	}
	return receipt{order: order, id: order.ID, replayed: true}, nil
}

// terms are those that orders are placed under.
func terms() commerce.Terms { return commerce.Terms{PaymentTimeout: paymentTimeout, KeyTTL: keyTTL} }

func newOrderID() (commerce.ID, error) {
	id, err := uuid.NewV7()
	return commerce.ID(id), err
}

// addressFields lists an address as the column holds it.
func addressFields(a *commerce.Address) []string {
	return []string{a.Recipient, a.Phone, a.Street, a.Street2, a.City, a.State, a.PostalCode, a.Country}
}

func addressOf(f []string) commerce.Address {
	return commerce.Address{
		Recipient: f[0], Phone: f[1], Street: f[2], Street2: f[3], City: f[4], State: f[5], PostalCode: f[6], Country: f[7],
	}
}

// products lists the ids of lines, and quantities how many of each are wanted.
func wanted(lines []commerce.OrderLine) (products [][16]byte, quantities []int64) {
	products, quantities = make([][16]byte, len(lines)), make([]int64, len(lines))
	for i := range lines {
		products[i], quantities[i] = lines[i].Product, lines[i].Quantity
	}
	return products, quantities
}
