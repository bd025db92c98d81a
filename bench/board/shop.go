package board

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-dev/penstock/bench"
	"github.com/penstock-dev/penstock/commerce"
)

const (
	// products is how many are made for a run, besides the hot one.
	products = 64
	// productUnits is far more than a run can order.
	productUnits = 100_000_000
	// category and skuPrefix mark the products of runs: both together, so that a shop with a category
	// of that name keeps its own.
	category  = "benchmark"
	skuPrefix = "penstock-benchmark-"
	// caller is who makes and archives them.
	caller = "penstock-benchmark"
	// leftoversMax bounds what one run archives of runs that were killed.
	leftoversMax = 1000
)

// shop makes and archives the products of runs, through the API of the server.
type shop struct {
	conn   *bench.Conn
	answer bench.Answer
	buf    []byte
}

// openShop opens a connection that ends with the context.
func openShop(ctx context.Context, cfg *Config) (s *shop, closeShop func(), err error) {
	conn, err := bench.Dial(ctx, cfg.Address, requestTimeout)
	if err != nil {
		return nil, nil, err
	}
	conn.Authorize(cfg.Credential)
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	return &shop{conn: conn}, func() { stop(); _ = conn.Close() }, nil
}

// do sends a request that must be answered with a status.
func (s *shop) do(r *bench.Request, want ...int) error {
	s.buf = bench.AppendRequest(s.buf[:0], r)
	if err := s.conn.SetDeadline(time.Now().Add(requestTimeout)); err != nil {
		return fmt.Errorf("bound a request: %w", err)
	}
	if err := s.conn.Do(s.buf, &s.answer); err != nil {
		return err
	}
	for _, status := range want {
		if s.answer.Status == status {
			return nil
		}
	}
	return fmt.Errorf("%s %s was answered %d %.200s", r.Method, r.Path, s.answer.Status, s.answer.Body)
}

// stock makes the products of a run. When it fails, the catalogue holds those that were made.
func (s *shop) stock(run commerce.ID) (*bench.Catalog, error) {
	catalog := &bench.Catalog{Categories: []string{category}, Words: []string{"Benchmark", "Product"}}
	for i := range products + 1 {
		sku := skuPrefix + run.String() + "-" + strconv.Itoa(i)
		body := fmt.Sprintf(`{"name":"Benchmark Product %d","description":"Made for a benchmark, archived after it","price":%d,`+
			`"category":%q,"sku":%q,"stock_quantity":%d}`, i, 1000+i, category, sku, productUnits)
		if err := s.do(&bench.Request{Method: "POST", Path: "/api/v2/products", User: caller, Key: sku, Body: []byte(body)}, 201); err != nil {
			return catalog, fmt.Errorf("make a product: %w", err)
		}
		var made struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal(s.answer.Body, &made); err != nil {
			return catalog, fmt.Errorf("make a product: %w", err)
		}
		catalog.Products = append(catalog.Products, made.ID)
	}
	catalog.Products, catalog.Hot = catalog.Products[:products], catalog.Products[products]
	return catalog, nil
}

// archive takes products out of the catalogue. It goes on when one of them fails.
func (s *shop) archive(ids []string) error {
	var faults []error
	for _, id := range ids {
		if id == "" {
			continue
		}
		err := s.do(&bench.Request{Method: "DELETE", Path: "/api/v2/products/" + id, User: caller}, 200)
		if err != nil {
			faults = append(faults, fmt.Errorf("archive product %s: %w", id, err))
		}
		if err != nil && s.answer.Status == 0 {
			break // the connection is lost
		}
	}
	return errors.Join(faults...)
}

// clearOut archives products that earlier runs have left: the server was killed in the middle of one.
func (s *shop) clearOut() error {
	for cleared := 0; cleared < leftoversMax; {
		path := "/api/v2/products?sort=oldest&per_page=100&category=" + url.QueryEscape(category)
		if err := s.do(&bench.Request{Method: "GET", Path: path, User: caller}, 200); err != nil {
			return fmt.Errorf("look for products of earlier runs: %w", err)
		}
		var page struct {
			Products []struct {
				ID  string `json:"id"`
				SKU string `json:"sku"`
			} `json:"products"`
		}
		if err := json.Unmarshal(s.answer.Body, &page); err != nil {
			return fmt.Errorf("look for products of earlier runs: %w", err)
		}
		var left []string
		for _, p := range page.Products {
			if strings.HasPrefix(p.SKU, skuPrefix) {
				left = append(left, p.ID)
			}
		}
		if len(left) == 0 {
			return nil
		}
		if err := s.archive(left); err != nil {
			return err
		}
		cleared += len(left)
	}
	return nil
}
