package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"
)

const (
	seedConnections = 32
	seedTimeout     = 5 * time.Minute
	// seedStock is enough for every run: no order of a measurement is refused for want of units.
	seedStock = 100_000_000
)

// SeedProducts makes products through the API of the server at address and returns their ids. The same seed
// makes them only once.
func SeedProducts(ctx context.Context, address string, products int, seed uint64) ([]string, error) {
	ids := make([]string, products)
	next := make(chan int)
	failed := make(chan error, seedConnections)
	var workers sync.WaitGroup
	for range seedConnections {
		workers.Go(func() {
			if err := seedWorker(ctx, address, seed, next, ids); err != nil {
				failed <- err
			}
		})
	}
	err := func() error {
		defer close(next)
		for i := range ids {
			select {
			case next <- i:
			case err := <-failed:
				return err
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	}()
	workers.Wait()
	close(failed)
	for e := range failed {
		err = errors.Join(err, e)
	}
	if err != nil {
		return nil, fmt.Errorf("make products: %w", err)
	}
	return ids, nil
}

func seedWorker(ctx context.Context, address string, seed uint64, next <-chan int, ids []string) error {
	conn, err := Dial(ctx, address, seedTimeout)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(seedTimeout)); err != nil {
		return err
	}
	var (
		answer  Answer
		request []byte
	)
	for i := range next {
		number := strconv.Itoa(i)
		body := fmt.Sprintf(`{"name":"Product %d","description":"Made for a measurement","price":%d,"category":"bench","stock_quantity":%d}`,
			i, 1000+i, seedStock)
		request = AppendRequest(request[:0], &Request{
			Method: "POST", Path: "/api/v2/products", User: "bench",
			Key: strconv.FormatUint(seed, 16) + "-product-" + number, Body: []byte(body),
		})
		if err := conn.Do(request, &answer); err != nil {
			return err
		}
		var made struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal(answer.Body, &made); err != nil || answer.Status != 201 || made.ID == "" {
			return fmt.Errorf("product %d was answered %d %s", i, answer.Status, answer.Body)
		}
		ids[i] = made.ID
	}
	return nil
}
