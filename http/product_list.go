package http

import (
	"context"
	"strconv"

	"github.com/valyala/fasthttp"

	"github.com/penstock-dev/penstock/access"
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
		Policy: anybody(), Class: access.ClassRead,
		Summary: "Lists products that are sold, a page at a time.",
		Parameters: append([]Parameter{pageParameter(pageMax), perPageParameter()}, append(filterParameters(), Parameter{
			Name: "sort", In: InQuery, Kind: KindWord, Words: productSorts(), Default: "newest",
			Description: "The order of the list.",
		}, ifNoneMatchParameter())...),
		Answers:  productPageAnswers("A page of products."),
		Problems: readProblems(),
		Handle:   (*Server).listProducts,
	}
}

func productPageAnswers(description string) []Answer {
	headers := publicHeaders("ETag", "Link", "X-Total-Count")
	return []Answer{
		{
			Status: 200, Schema: "ProductPage", Headers: headers,
			Description: description + " Link names the first, previous, next and last page.",
		},
		{Status: 304, Headers: headers, Description: "The page is the same, and so is the stock of all that is on it."},
	}
}

func pageParameter(max int64) Parameter {
	return Parameter{
		Name: "page", In: InQuery, Kind: KindInteger, Min: 1, Max: max, Default: "1",
		Description: "Which page, counted from 1.",
	}
}

func perPageParameter() Parameter {
	return Parameter{
		Name: "per_page", In: InQuery, Kind: KindInteger, Min: 1, Max: perPageMax, Default: strconv.Itoa(perPageDefault),
		Description: "How many products a page has at most.",
	}
}

// filterParameters select products.
func filterParameters() []Parameter {
	return []Parameter{
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
	}
}

// page returns which page is asked for, and how long it is.
func (r *request) page() (page, perPage int) {
	return int(r.number("page", 1)), int(r.number("per_page", perPageDefault))
}

// filter returns the filter that the query asks for.
func (r *request) filter() (actors.ProductFilter, error) {
	f := actors.ProductFilter{
		Category: r.value("category").text,
		SKU:      r.value("sku").text,
		PriceMin: r.optionalNumber("min_price"),
		PriceMax: r.optionalNumber("max_price"),
	}
	if f.PriceMin != nil && f.PriceMax != nil && *f.PriceMin > *f.PriceMax {
		return f, invalidParameter("max_price", "must not be less than min_price")
	}
	if v := r.value("in_stock"); v.set {
		inStock := v.number != 0
		f.InStock = &inStock
	}
	return f, nil
}

func (s *Server) listProducts(r *request) error {
	page, perPage := r.page()
	filter, err := r.filter()
	if err != nil {
		return err
	}
	// The engine answers from memory. Only before it has read its catalogue it waits, and bounds that itself.
	found, err := s.cfg.Engine.Products(context.Background(), actors.ProductQuery{
		ProductFilter: filter, Sort: actors.ProductSort(r.number("sort", int64(actors.SortNewest))),
		Offset: (page - 1) * perPage, Limit: perPage,
	})
	if err != nil {
		return err
	}
	return s.answerProducts(r, &found, page, perPage, pageMax)
}

// answerProducts answers with a page of products, unless the caller has it. It is put together from rendered products:
// of a page that was asked for before, those whose stock has changed are rendered.
func (s *Server) answerProducts(r *request, found *actors.ProductPage, page, perPage, last int) error {
	digest, buf := digestPage(r.buf, found.Rows, page, perPage, found.Total)
	r.buf = buf
	r.tag = digest.appendETag(r.tag[:0])
	r.setETag()
	r.setPublic(&s.caches.fields, s.caches.fields.listedKey)
	header := &r.ctx.Response.Header
	r.buf = strconv.AppendInt(r.buf[:0], int64(found.Total), 10)
	header.SetCanonical(r.keys.total, r.buf)
	r.buf = appendPageLinks(r.buf[:0], r.ctx, page, perPage, min(found.Total, perPage*last))
	header.SetCanonical(r.keys.link, r.buf)
	if r.notModified() {
		return nil
	}
	products := &s.caches.products
	r.buf = wire.AppendProductList(r.buf[:0], len(found.Rows), func(dst []byte, i int) []byte {
		return append(dst, products.render(&found.Rows[i])...)
	})
	r.buf = wire.AppendProductPage(r.buf, page, perPage, found.Total)
	r.answer(200, contentTypeJSON, r.buf)
	return nil
}

// appendPageLinks appends the Link field (RFC 8288) of a page: the same path and query with another page number.
func appendPageLinks(dst []byte, ctx *fasthttp.RequestCtx, page, perPage, total int) []byte {
	last := max(1, (total+perPage-1)/perPage)
	path, query := ctx.Path(), ctx.QueryArgs()
	add := func(rel string, to int) {
		if len(dst) > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(append(dst, '<'), path...)
		query.SetUint("page", to)
		dst = append(append(dst, '?'), query.QueryString()...)
		dst = append(append(dst, `>; rel="`...), rel...)
		dst = append(dst, '"')
	}
	add("first", 1)
	if page > 1 {
		add("prev", min(page-1, last))
	}
	if page < last {
		add("next", page+1)
	}
	add("last", last)
	return dst
}
