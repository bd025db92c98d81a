package http

import (
	"strconv"

	"github.com/valyala/fasthttp"

	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
)

// productSorts are the words of the sort parameter, at the positions of the engine's sorts.
func productSorts() []string {
	return []string{
		actors.SortNewest: "newest", actors.SortOldest: "oldest", actors.SortPriceAscending: "price",
		actors.SortPriceDescending: "-price", actors.SortName: "name",
	}
}

func productListRoute() Route {
	return Route{
		Method: "GET", Path: pathProducts, Operation: "listProducts", Tag: "products",
		Summary: "Lists products that are sold, a page at a time.",
		Parameters: []Parameter{
			{
				Name: "page", In: InQuery, Kind: KindInteger, Min: 1, Max: pageMax, Default: "1",
				Description: "Which page, counted from 1.",
			},
			{
				Name: "per_page", In: InQuery, Kind: KindInteger, Min: 1, Max: perPageMax, Default: strconv.Itoa(perPageDefault),
				Description: "How many products a page has at most.",
			},
			{
				Name: "category", In: InQuery, Kind: KindText, Max: commerce.CategoryMax,
				Description: "Only products of this category.",
			},
			{
				Name: "sku", In: InQuery, Kind: KindText, Max: commerce.SKUMax,
				Description: "Only the product that has this SKU.",
			},
			{
				Name: "min_price", In: InQuery, Kind: KindInteger, Max: commerce.PriceMax,
				Description: "Only products that cost at least this, in minor units.",
			},
			{
				Name: "max_price", In: InQuery, Kind: KindInteger, Max: commerce.PriceMax,
				Description: "Only products that cost at most this, in minor units.",
			},
			{
				Name: "in_stock", In: InQuery, Kind: KindBoolean,
				Description: "Only products that have units available, or only those that have none.",
			},
			{
				Name: "sort", In: InQuery, Kind: KindWord, Words: productSorts(), Default: "newest",
				Description: "The order of the list.",
			},
		},
		Answers: []Answer{{
			Status: 200, Schema: "ProductPage", Headers: []string{"Link", "X-Total-Count"},
			Description: "A page of products. Link names the first, previous, next and last page.",
		}},
		Problems: readProblems(),
		Handle:   (*Server).listProducts,
	}
}

func (s *Server) listProducts(r *request) error {
	page := int(r.number("page", 1))
	perPage := int(r.number("per_page", perPageDefault))
	q := actors.ProductQuery{
		Category: r.value("category").text,
		SKU:      r.value("sku").text,
		PriceMin: r.optionalNumber("min_price"),
		PriceMax: r.optionalNumber("max_price"),
		Sort:     actors.ProductSort(r.number("sort", int64(actors.SortNewest))),
		Offset:   (page - 1) * perPage,
		Limit:    perPage,
	}
	if q.PriceMin != nil && q.PriceMax != nil && *q.PriceMin > *q.PriceMax {
		return invalidParameter("max_price", "must not be less than min_price")
	}
	if v := r.value("in_stock"); v.set {
		inStock := v.number != 0
		q.InStock = &inStock
	}
	ctx, cancel := s.query()
	defer cancel()
	found, err := s.cfg.Engine.Products(ctx, q)
	if err != nil {
		return err
	}
	header := &r.ctx.Response.Header
	header.SetCanonical(r.keys.total, strconv.AppendInt(nil, int64(found.Total), 10))
	header.SetCanonical(r.keys.link, pageLinks(r.ctx.QueryArgs(), page, perPage, found.Total))
	r.buf = wire.AppendProducts(r.buf[:0], found.Rows, page, perPage, found.Total)
	return r.answerJSON(200)
}

// pageLinks returns the Link field (RFC 8288) of a page: the same query with another page number.
func pageLinks(query *fasthttp.Args, page, perPage, total int) []byte {
	last := max(1, (total+perPage-1)/perPage)
	var args fasthttp.Args
	query.CopyTo(&args)
	var links []byte
	add := func(rel string, to int) {
		args.SetUint("page", to)
		if len(links) > 0 {
			links = append(links, ", "...)
		}
		links = append(links, "<"+pathProducts+"?"...)
		links = args.AppendBytes(links)
		links = append(links, `>; rel="`...)
		links = append(links, rel...)
		links = append(links, '"')
	}
	add("first", 1)
	if page > 1 {
		add("prev", min(page-1, last))
	}
	if page < last {
		add("next", page+1)
	}
	add("last", min(last, pageMax))
	return links
}
