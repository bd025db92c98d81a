package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/penstock-dev/penstock/bench"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/apifuzz"
	"github.com/penstock-dev/penstock/internal/torture"
	"github.com/penstock-dev/penstock/persistence/pgstore"
)

const (
	stopPatience = 20 * time.Second
	// sampleSeed makes the requests that scanners begin with the same in every run.
	sampleSeed = 1
)

// target is a server that lets nobody in without a key, with something of each kind in it.
type target struct {
	level   int // of sqlmap
	process *bench.Process
	server  *torture.Server
	key     string
	samples []apifuzz.Sample
}

// openTarget builds and starts a server. Its key and what is in it are made while it still believes whoever
// asks on this machine.
func openTarget(ctx context.Context, store, dir string) (*target, error) {
	binary, err := torture.Build(ctx, dir)
	if err != nil {
		return nil, err
	}
	server := &torture.Server{Binary: binary, Data: dir + "/data"}
	server.Flags = []string{"--rate-read=-1", "--rate-write=-1", "--rate-export=-1", "--rate-analytics=-1", "--rate-refused=-1"}
	switch store {
	case "pebble":
	case "postgres":
		if server.Database = os.Getenv("PENSTOCK_DATABASE_URL"); server.Database == "" {
			return nil, errors.New("PENSTOCK_DATABASE_URL names no database: run this below internal/withpg")
		}
		if _, err := pgstore.Migrate(ctx, server.Database); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("-store must be pebble or postgres, but is %q", store)
	}
	t := &target{server: server}
	if t.process, err = server.Start(ctx); err != nil {
		return nil, err
	}
	if err := t.fill(ctx); err != nil {
		t.process.Kill()
		return nil, err
	}
	t.process.Stop(stopPatience)
	server.Flags = append(server.Flags, "--auth=on")
	t.process, err = server.Start(ctx)
	return t, err
}

// fill makes what the scanners' requests name, and the key that they send.
func (t *target) fill(ctx context.Context) error {
	var product, order, key, spare struct{ ID, Key string }
	wish := func(name string) map[string]any {
		return map[string]any{"name": name, "subject": name, "scopes": commerce.ScopesAll.Names()}
	}
	for _, step := range []struct {
		path string
		body map[string]any
		into any
	}{
		{"/api/v2/admin/keys", wish("scanner"), &key},
		{"/api/v2/admin/keys", wish("spare"), &spare},
		{"/api/v2/products", map[string]any{"name": "Kettle", "price": 1200, "stock_quantity": 1_000_000, "sku": "K-1", "category": "kitchen"}, &product},
	} {
		if err := t.post(ctx, step.path, step.body, step.into); err != nil {
			return err
		}
	}
	if err := t.post(ctx, "/api/v2/orders", map[string]any{
		"items":            []any{map[string]any{"product_id": product.ID, "quantity": 1}},
		"shipping_address": map[string]any{"street": "1 Teheran-ro", "city": "Seoul", "postal_code": "06234"},
	}, &order); err != nil {
		return err
	}
	text, err := t.ask(ctx, http.MethodGet, "/openapi.json", "", "")
	if err != nil {
		return err
	}
	document, err := apifuzz.Parse(text)
	if err != nil {
		return err
	}
	t.key = key.Key
	t.samples = document.Samples(sampleSeed, map[string]string{"products": product.ID, "orders": order.ID, "keys": spare.ID})
	return nil
}

func (t *target) post(ctx context.Context, path string, body map[string]any, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	answer, err := t.ask(ctx, http.MethodPost, path, "", string(text))
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, into)
}

// ask asks the server itself. Anything but success is an error.
func (t *target) ask(ctx context.Context, method, path, key, body string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://"+t.process.Address+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= http.StatusMultipleChoices {
		err = fmt.Errorf("%s %s was answered %s: %s", method, path, response.Status, text)
	}
	return text, err
}

// requests is how many requests the server has answered, by its own figures, and how many of them with a
// status of 500 or above.
func (t *target) requests(ctx context.Context) (all, broken int, err error) {
	text, err := t.ask(ctx, http.MethodGet, "/metrics", t.key, "")
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(text)) {
		series, value, _ := strings.Cut(strings.TrimSpace(line), "} ")
		if !strings.HasPrefix(series, "penstock_http_requests_total{") {
			continue
		}
		var n int
		if _, err := fmt.Sscan(value, &n); err != nil {
			return 0, 0, fmt.Errorf("read the metric %q: %w", line, err)
		}
		all += n
		if strings.Contains(series, `status="5xx"`) {
			broken += n
		}
	}
	return all, broken, nil
}

// stillWell proves that the server has come through.
func (t *target) stillWell(ctx context.Context, out io.Writer) error {
	all, broken, err := t.requests(ctx)
	if err != nil {
		return err
	}
	report, err := t.ask(ctx, http.MethodPost, "/api/v2/admin/verify", t.key, "")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "the server has answered %d requests, %d of them with 5xx; its books: %.60s…\n", all, broken, report)
	if broken > 0 || !strings.Contains(string(report), `"ok":true`) {
		return errors.New("the server did not come through; its last words:\n" + t.process.Output())
	}
	return nil
}
