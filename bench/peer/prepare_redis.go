package peer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/penstock-dev/penstock/bench/history"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
)

// redisChunk is how many orders are written in one pipeline.
const redisChunk = 1_000

// PrepareRedis fills an empty Redis with a past: products, stock, orders, and the keys that are still bound. progress is
// told the orders so far; it may be nil.
func PrepareRedis(ctx context.Context, url string, past *history.History, progress func(orders int)) (err error) {
	options, err := redis.ParseURL(url)
	if err != nil {
		return fmt.Errorf("read the URL of Redis: %w", err)
	}
	client := redis.NewClient(options)
	defer func() { err = errors.Join(err, client.Close()) }()
	w := &redisWriter{pipeline: client.Pipeline(), levels: make(map[commerce.ID]*commerce.Stock), now: time.Now()}
	if err := w.write(ctx, past, progress); err != nil {
		return fmt.Errorf("write a past into Redis: %w", err)
	}
	return nil
}

// redisWriter writes a past, a pipeline after another.
type redisWriter struct {
	pipeline redis.Pipeliner
	levels   map[commerce.ID]*commerce.Stock
	now      time.Time
}

func (w *redisWriter) write(ctx context.Context, past *history.History, progress func(orders int)) error {
	for entry := range past.Products(0) {
		encoded, err := json.Marshal(entry.Product.Row)
		if err != nil {
			return err
		}
		w.pipeline.RPush(ctx, redisProducts, encoded)
		w.levels[entry.Product.Row.ID] = &commerce.Stock{}
		w.move(entry)
		if err := w.flush(ctx, redisChunk); err != nil {
			return err
		}
	}
	orders := 0
	for entries, err := range past.Orders(0) {
		if err != nil {
			return err
		}
		w.order(ctx, entries)
		orders++
		if err := w.flush(ctx, redisChunk); err != nil {
			return err
		}
		if progress != nil && orders%redisChunk == 0 {
			progress(orders)
		}
	}
	for id, s := range w.levels {
		w.pipeline.HSet(ctx, redisStock+id.String(), "h", s.OnHand, "a", s.Allocated, "v", s.Version)
	}
	return w.flush(ctx, 1)
}

// flush sends what has gathered, if that is enough.
func (w *redisWriter) flush(ctx context.Context, enough int) error {
	if w.pipeline.Len() < enough {
		return nil
	}
	_, err := w.pipeline.Exec(ctx)
	return err
}

func (w *redisWriter) order(ctx context.Context, entries []*commerce.Entry) {
	for _, e := range entries {
		w.move(e)
		if k := e.Key; k != nil && k.ExpiresAt.After(w.now) {
			w.pipeline.Set(ctx, redisKey+string(k.ID[:]), string(k.Request[:])+string(k.Resource[:]), k.ExpiresAt.Sub(w.now))
		}
	}
	o := entries[len(entries)-1].Order.Row
	w.pipeline.Set(ctx, redisOrder+o.ID.String(), wire.AppendOrder(nil, o), 0)
}

// move adds up what an entry moves.
func (w *redisWriter) move(e *commerce.Entry) {
	for i := range e.Movements {
		m := &e.Movements[i]
		s := w.levels[m.Product]
		s.OnHand += m.OnHandDelta
		s.Allocated += m.AllocatedDelta
		s.Version++
	}
}
