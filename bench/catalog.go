package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Catalog is what a scenario may ask for: the products of a server.
type Catalog struct {
	Products   []string // ids
	Hot        string   // id of the one product that everybody wants, not among Products
	Categories []string
	Words      []string // of the products' names, to search for
}

const (
	// catalogPage is how many products are read at once: as many as a page can have.
	catalogPage = 100
	// catalogWordsMax bounds the words that are searched for.
	catalogWordsMax = 500
	catalogTimeout  = time.Minute
	// unitsEnough is what a product must have available so that no order of a measurement is refused.
	unitsEnough = 1_000_000
)

// productPage is what is read of an answer to a product list.
type productPage struct {
	Products []struct {
		ID       string `json:"id"`
		Name     string `json:"name"`
		Category string `json:"category"`
		Stock    struct {
			Available int64 `json:"available"`
		} `json:"stock"`
	} `json:"products"`
}

// ReadCatalog lists products of the server at address that have units enough to be sold for as long as a
// measurement takes, the oldest first. It stops at products and one more, the hot one, and may find fewer;
// then Hot is empty.
func ReadCatalog(ctx context.Context, address string, products int) (*Catalog, error) {
	catalog := new(Catalog)
	conn, err := Dial(ctx, address, catalogTimeout)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	var answer Answer
	for page := 1; len(catalog.Products) <= products; page++ {
		if err := conn.SetDeadline(time.Now().Add(catalogTimeout)); err != nil {
			return nil, fmt.Errorf("list products: %w", err)
		}
		path := "/api/v2/products?sort=oldest&per_page=" + strconv.Itoa(catalogPage) + "&page=" + strconv.Itoa(page)
		if err := conn.Do(AppendRequest(nil, &Request{Method: "GET", Path: path}), &answer); err != nil {
			return nil, fmt.Errorf("list products: %w", err)
		}
		var found productPage
		if err := json.Unmarshal(answer.Body, &found); err != nil || answer.Status != 200 {
			return nil, fmt.Errorf("list products: the answer was %d %.200s", answer.Status, answer.Body)
		}
		catalog.add(&found)
		if len(found.Products) < catalogPage {
			break
		}
	}
	if last := len(catalog.Products) - 1; last >= products {
		catalog.Products, catalog.Hot = catalog.Products[:products], catalog.Products[products]
	}
	return catalog, nil
}

// add takes in the products of a page.
func (c *Catalog) add(page *productPage) {
	for i := range page.Products {
		p := &page.Products[i]
		if p.Stock.Available < unitsEnough {
			continue
		}
		c.Products = append(c.Products, p.ID)
		if p.Category != "" && !slices.Contains(c.Categories, p.Category) {
			c.Categories = append(c.Categories, p.Category)
		}
		for _, word := range strings.Fields(p.Name) {
			if len(c.Words) < catalogWordsMax && len(word) > 2 && !slices.Contains(c.Words, word) {
				c.Words = append(c.Words, word)
			}
		}
	}
}
