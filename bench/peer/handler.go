package peer

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"strconv"
	"sync"

	"github.com/valyala/fasthttp"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
)

const (
	pathProducts = "/api/v2/products"
	pathSearch   = pathProducts + "/search"
	pathOrders   = "/api/v2/orders"
	pathReady    = "/readyz"

	limitDefault = 20
	limitMax     = 100
)

// handler reads requests and writes answers as Penstock does.
type handler struct {
	shop    shop
	pool    sync.Pool // of *request
	headers headers
}

// headers holds names and values of header fields in canonical form, so that none is made for each answer.
type headers struct {
	correlation, location, etag, replayed, total, cacheControl, contentOptions, retryAfter []byte
	noSniff, noStore, noCache, yes, one                                                    []byte
}

// request is the memory that one request works in.
type request struct {
	decoder *wire.Decoder
	buf     []byte
	header  []byte
}

func newHandler(s shop) *handler {
	return &handler{
		shop: s,
		pool: sync.Pool{New: func() any { return &request{decoder: wire.NewDecoder()} }},
		headers: headers{
			correlation: []byte("X-Correlation-Id"), location: []byte("Location"), etag: []byte("Etag"),
			replayed: []byte("Idempotency-Replayed"), total: []byte("X-Total-Count"), cacheControl: []byte("Cache-Control"),
			contentOptions: []byte("X-Content-Type-Options"), retryAfter: []byte("Retry-After"),
			noSniff: []byte("nosniff"), noStore: []byte("no-store"), noCache: []byte("no-cache"), yes: []byte("true"), one: []byte("1"),
		},
	}
}

func (h *handler) serve(ctx *fasthttp.RequestCtx) {
	r := h.pool.Get().(*request) //nolint:forcetypeassert // the pool holds nothing else
	defer h.pool.Put(r)
	var id [32]byte
	var raw [16]byte
	binary.LittleEndian.PutUint64(raw[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(raw[8:], rand.Uint64())
	hex.Encode(id[:], raw[:])
	ctx.Response.Header.SetCanonical(h.headers.correlation, id[:])
	ctx.Response.Header.SetCanonical(h.headers.contentOptions, h.headers.noSniff)
	if err := h.route(ctx, r); err != nil {
		h.refuse(ctx, r, err)
	}
}

func (h *handler) route(ctx *fasthttp.RequestCtx, r *request) error {
	path := ctx.Path()
	switch {
	case ctx.IsPost() && string(path) == pathOrders:
		return h.placeOrder(ctx, r)
	case !ctx.IsGet():
		return errNotServed
	case string(path) == pathProducts:
		return h.listProducts(ctx, r)
	case string(path) == pathOrders:
		return h.listOrders(ctx, r)
	case string(path) == pathSearch:
		return h.searchProducts(ctx, r)
	case string(path) == pathReady:
		return nil
	case bytes.HasPrefix(path, []byte(pathProducts+"/")):
		return h.readProduct(ctx, r, string(path[len(pathProducts)+1:]))
	default:
		return errNotServed
	}
}

func (h *handler) placeOrder(ctx *fasthttp.RequestCtx, r *request) error {
	cmd := &commerce.PlaceOrder{Caller: commerce.Trusted("anonymous"), Key: string(ctx.Request.Header.Peek("Idempotency-Key"))}
	if user := ctx.Request.Header.Peek("X-User-ID"); len(user) > 0 {
		cmd.Caller = commerce.Trusted(string(user))
	}
	if err := r.decoder.PlaceOrder(ctx.Request.Body(), cmd); err != nil {
		return err
	}
	receipt, err := h.shop.place(context.Background(), cmd)
	if err != nil {
		return err
	}
	header := &ctx.Response.Header
	r.header = append(append(r.header[:0], pathOrders...), '/')
	r.header = receipt.id.AppendText(r.header)
	header.SetCanonical(h.headers.location, r.header)
	if receipt.replayed {
		header.SetCanonical(h.headers.replayed, h.headers.yes)
	}
	r.header = wire.AppendOrderETag(r.header[:0], 1) // no order of a peer ever changes
	header.SetCanonical(h.headers.etag, r.header)
	if r.buf = append(r.buf[:0], receipt.encoded...); receipt.order != nil {
		r.buf = wire.AppendOrder(r.buf, receipt.order)
	}
	h.answer(ctx, fasthttp.StatusCreated, h.headers.noStore, r.buf)
	return nil
}

func (h *handler) readProduct(ctx *fasthttp.RequestCtx, r *request, name string) error {
	id, err := commerce.ParseID(name)
	if err != nil {
		return notFound()
	}
	row, err := h.shop.product(context.Background(), id)
	if err != nil {
		return err
	}
	r.header = wire.AppendProductETag(r.header[:0], row.Product.Version, row.Stock.Version)
	ctx.Response.Header.SetCanonical(h.headers.etag, r.header)
	r.buf = wire.AppendProduct(r.buf[:0], row.Product, row.Stock)
	h.answer(ctx, fasthttp.StatusOK, h.headers.noCache, r.buf)
	return nil
}

func (h *handler) listProducts(ctx *fasthttp.RequestCtx, r *request) error {
	args := ctx.QueryArgs()
	page, limit := max(1, args.GetUintOrZero("page")), limitOf(args, "per_page")
	found, err := h.shop.products(context.Background(), &productQuery{
		category: string(args.Peek("category")), sort: parseSort(args.Peek("sort")), offset: (page - 1) * limit, limit: limit,
	})
	if err != nil {
		return err
	}
	h.answerProducts(ctx, r, &found, page, limit)
	return nil
}

func (h *handler) searchProducts(ctx *fasthttp.RequestCtx, r *request) error {
	args := ctx.QueryArgs()
	page, limit := max(1, args.GetUintOrZero("page")), limitOf(args, "per_page")
	found, err := h.shop.search(context.Background(), string(args.Peek("q")), (page-1)*limit, limit)
	if err != nil {
		return err
	}
	h.answerProducts(ctx, r, &found, page, limit)
	return nil
}

func (h *handler) answerProducts(ctx *fasthttp.RequestCtx, r *request, found *productPage, page, limit int) {
	r.header = strconv.AppendInt(r.header[:0], int64(found.total), 10)
	ctx.Response.Header.SetCanonical(h.headers.total, r.header)
	r.buf = wire.AppendProducts(r.buf[:0], found.rows, page, limit, found.total)
	h.answer(ctx, fasthttp.StatusOK, h.headers.noStore, r.buf)
}

func (h *handler) listOrders(ctx *fasthttp.RequestCtx, r *request) error {
	args := ctx.QueryArgs()
	limit := limitOf(args, "limit")
	orders, err := h.shop.orders(context.Background(), string(args.Peek("customer_id")), limit+1) // one more says whether there is a next page
	if err != nil {
		return err
	}
	next := ""
	if len(orders) > limit {
		orders = orders[:limit]
		next = wire.OrderCursor(orders[limit-1].ID)
	}
	r.buf = wire.AppendOrders(r.buf[:0], orders, next)
	h.answer(ctx, fasthttp.StatusOK, h.headers.noStore, r.buf)
	return nil
}

func limitOf(args *fasthttp.Args, name string) int {
	if limit := args.GetUintOrZero(name); limit > 0 {
		return min(limit, limitMax)
	}
	return limitDefault
}

func (h *handler) answer(ctx *fasthttp.RequestCtx, status int, cacheControl, body []byte) {
	ctx.Response.Header.SetCanonical(h.headers.cacheControl, cacheControl)
	ctx.Response.SetStatusCode(status)
	ctx.Response.Header.SetContentType("application/json")
	ctx.Response.SetBody(body)
}

// refuse answers with a problem.
func (h *handler) refuse(ctx *fasthttp.RequestCtx, r *request, err error) {
	var refusal *commerce.Error
	switch {
	case errors.Is(err, errNotServed):
		refusal = &commerce.Error{Code: commerce.CodeNotFound, Detail: err.Error()}
	case !errors.As(err, &refusal):
		refusal = &commerce.Error{Code: commerce.CodeStoreUnavailable, Detail: err.Error()}
	}
	status := statusOf(refusal.Code)
	if status == fasthttp.StatusServiceUnavailable {
		ctx.Response.Header.SetCanonical(h.headers.retryAfter, h.headers.one)
	}
	r.buf = wire.AppendProblem(r.buf[:0], &wire.Problem{Refusal: refusal, Title: "Refused", Status: status})
	h.answer(ctx, status, h.headers.noStore, r.buf)
	ctx.Response.Header.SetContentType("application/problem+json")
}

func statusOf(code commerce.Code) int {
	switch code {
	case commerce.CodeValidation:
		return fasthttp.StatusBadRequest
	case commerce.CodeNotFound:
		return fasthttp.StatusNotFound
	case commerce.CodeIdempotencyMismatch:
		return fasthttp.StatusUnprocessableEntity
	case commerce.CodeStoreUnavailable:
		return fasthttp.StatusServiceUnavailable
	default:
		return fasthttp.StatusConflict
	}
}
