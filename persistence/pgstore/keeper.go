package pgstore

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	upkeepInterval = 10 * time.Second
	// purgePagesMax bounds what one round of the purge reads: the table's next stretch, in pages of 8 kB. A
	// table of 10 GB is gone through once an hour.
	purgePagesMax = 4096
	// purgeAfter is how long a row outlives its expiry: the database's clock may be ahead of a writer's.
	purgeAfter     = time.Hour
	monthsInterval = time.Hour
	// toldInterval is how often a failure that lasts is told.
	toldInterval = time.Minute
	// keepTimeout bounds one round of the keeper.
	keepTimeout = time.Minute
	// writersKept is how long a writer that was fenced is remembered, for operators.
	writersKept = 90 * 24 * time.Hour
)

// keeper is the goroutine of a store that writes: it removes expired idempotency keys, adds up sales and makes
// the months' partitions ahead of time. It runs from the first writer on, until the store closes.
type keeper struct {
	store *Store
	once  sync.Once // starts it, or keeps it from starting
	end   context.CancelFunc
	done  sync.WaitGroup

	page  int64 // where the purge goes on
	sales salesKeeper
	told  map[string]time.Time // when a failure was told last, by what failed
}

func newKeeper(s *Store) *keeper {
	return &keeper{store: s, end: func() {}, sales: salesKeeper{store: s}, told: make(map[string]time.Time)}
}

// start lets the keeper run, if it does not yet.
func (k *keeper) start() {
	k.once.Do(func() {
		life, end := context.WithCancel(context.Background())
		k.end = end
		k.done.Go(func() { k.run(life) })
	})
}

func (k *keeper) close() {
	k.once.Do(func() {})
	k.end()
	k.done.Wait()
}

func (k *keeper) run(life context.Context) {
	purge, months := time.NewTicker(upkeepInterval), time.NewTicker(monthsInterval)
	sales := time.NewTicker(k.store.opts.salesInterval)
	defer purge.Stop()
	defer months.Stop()
	defer sales.Stop()
	for {
		select {
		case <-life.Done():
			return
		case <-purge.C:
			k.try(life, "remove expired idempotency keys", k.purgeKeys)
		case <-sales.C:
			k.try(life, "add up sales", k.sales.tend)
		case now := <-months.C:
			k.try(life, "make the partitions of coming months", func(ctx context.Context, conn *pgx.Conn) error {
				return makeMonths(ctx, conn, now.UTC())
			})
		}
	}
}

// try does a piece of upkeep. A failure is told and tried again in the next round: nothing depends
// on it now.
func (k *keeper) try(life context.Context, what string, do func(context.Context, *pgx.Conn) error) {
	ctx, cancel := context.WithTimeout(life, keepTimeout)
	defer cancel()
	err := k.store.pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error { return do(ctx, conn.Conn()) })
	if err != nil && life.Err() == nil && time.Since(k.told[what]) >= toldInterval {
		k.told[what] = time.Now()
		k.store.opts.Logger.Warn("could not "+what+"; it is tried again", slog.Any("error", err))
	}
}

// purgeKeys removes expired keys from the next stretch of their table, and forgets writers that were fenced
// long ago.
func (k *keeper) purgeKeys(ctx context.Context, conn *pgx.Conn) error {
	var pages int64
	err := conn.QueryRow(ctx, `SELECT pg_relation_size('idempotency_keys') / current_setting('block_size')::bigint`).Scan(&pages)
	if err != nil {
		return err
	}
	if k.page >= pages {
		k.page = 0
	}
	tag, err := conn.Exec(ctx, `
		DELETE FROM idempotency_keys WHERE expires_at < now() - $1::interval
			AND ctid >= format('(%s,0)', $2::bigint)::tid AND ctid < format('(%s,0)', $3::bigint)::tid`,
		purgeAfter, k.page, k.page+purgePagesMax)
	if err != nil {
		return err
	}
	k.page += purgePagesMax
	k.store.stats.purged.Add(uint64(tag.RowsAffected()))
	// One whose events are not all in the sums of sales is what leads to them.
	_, err = conn.Exec(ctx, `DELETE FROM writers w WHERE fenced_at < now() - $1::interval
		AND NOT EXISTS (SELECT FROM sales_marks m WHERE m.writer = w.number AND m.batch < w.seq)`, writersKept)
	return err
}
