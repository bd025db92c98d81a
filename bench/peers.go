package bench

import (
	"context"
	"fmt"
	"slices"

	"github.com/penstock-dev/penstock/bench/history"
	"github.com/penstock-dev/penstock/bench/peer"
	"github.com/penstock-dev/penstock/internal/progress"
)

// startPeers fills the peers with the same past as Penstock, and starts them.
func (b *benchmark) startPeers(ctx context.Context) error {
	urls, err := b.fillDatabases(ctx)
	if err != nil {
		return err
	}
	for _, name := range b.cfg.Peers {
		if name == peerEcho {
			continue // one for each scenario
		}
		started, err := b.startPeer(ctx, name, urls[name])
		if err != nil {
			return fmt.Errorf("start the peer %s: %w", name, err)
		}
		b.engines = append(b.engines, started)
		if started.catalog, err = ReadCatalog(ctx, started.process.Address, b.cfg.Products); err != nil {
			return fmt.Errorf("look at the products of %s: %w", name, err)
		}
	}
	return nil
}

// fillDatabases makes and fills the databases of the peers on PostgreSQL, and returns their URLs. The second one
// is a copy of the first, which is made before anybody uses that.
func (b *benchmark) fillDatabases(ctx context.Context) (urls map[string]string, err error) {
	urls = make(map[string]string)
	first := ""
	for _, name := range b.cfg.Peers {
		if !onDatabase(name) {
			continue
		}
		if urls[name], err = b.postgres.create(ctx, name, first); err != nil {
			return nil, err
		}
		if first != "" {
			continue
		}
		first = name
		err := b.filling(name, func(past *history.History, told func(int)) error { return peer.Prepare(ctx, urls[name], past, told) })
		if err != nil {
			return nil, err
		}
	}
	return urls, nil
}

// past makes up the past that peers are given: as long as that of the stores.
func (b *benchmark) past() (*history.History, error) {
	return history.New(history.Config{Orders: b.cfg.Orders, Products: b.productsMade(), Seed: b.cfg.Seed})
}

// filling fills a peer with a past, and shows how far that has come.
func (b *benchmark) filling(name string, fill func(past *history.History, told func(orders int)) error) error {
	past, err := b.past()
	if err != nil {
		return err
	}
	b.cfg.Logger.Info("making up a past", "peer", name, "orders", b.cfg.Orders, "products", b.productsMade())
	bar := progress.Start(progress.Config{Out: b.cfg.Terminal, Log: b.cfg.Logger, What: "making up a past for " + name, Unit: "orders"})
	defer bar.Done()
	return fill(past, func(orders int) { bar.Set(int64(orders), float64(orders)/float64(max(b.cfg.Orders, 1))) })
}

// startPeer starts a peer's process on its database, or on Redis.
func (b *benchmark) startPeer(ctx context.Context, name, url string) (*engine, error) {
	var (
		place   string
		backend account
	)
	if name == peerRedis {
		if err := b.startRedis(ctx); err != nil {
			return nil, err
		}
		place, backend = "PENSTOCK_REDIS_URL="+b.redis.url, b.redis
	} else {
		place, backend = "PENSTOCK_DATABASE_URL="+url, b.postgres.process
	}
	process, err := StartProcess(ctx, []string{place}, b.cfg.Executable, "bench-peer", name) // its place stays off the command line
	if err != nil {
		return nil, err
	}
	return &engine{name: name, process: process, backend: backend, peer: true}, nil
}

// startRedis starts a Redis, if none is given, and fills it.
func (b *benchmark) startRedis(ctx context.Context) (err error) {
	if b.redis, err = startRedis(ctx, b.cfg, b.dir); err != nil {
		return err
	}
	err = b.redis.fill(ctx, func() error {
		return b.filling(peerRedis, func(past *history.History, told func(int)) error {
			return peer.PrepareRedis(ctx, b.redis.url, past, told)
		})
	})
	if err != nil {
		return err
	}
	b.environment.Redis, err = b.redis.settings(ctx)
	return err
}

// onDatabase reports whether a peer stands on PostgreSQL.
func onDatabase(name string) bool { return slices.Contains([]string{peerRowLock, peerStatement}, name) }
