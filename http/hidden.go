package http

import (
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/planted"
)

// hiddenTick is after how long an answer leaves that says that there is no such order: after this time, or the
// next multiple of it. Reading an order and finding that it is somebody else's takes some microseconds longer
// than finding none, which shows over many requests.
const hiddenTick = 2 * time.Millisecond

// hidden keeps answers back that must not tell by their time whether there is an order.
//
// A timer of the runtime does not do: it may count from when it is set, in whole milliseconds, and with that the
// difference comes out again. One answer at a time waits for its moment in a system call, on one thread; those
// that have come later leave later, and wait for their turn.
type hidden struct{ turn sync.Mutex }

// aboutOrder reports whether a route is about one order.
func (r *Route) aboutOrder() bool { return strings.Contains(r.Path, "/orders/{id}") }

// keepBack waits until the answer may leave. Who may see everybody's orders learns nothing from its time.
// REQUIRES: the route is about one order.
func (h *hidden) keepBack(r *request) {
	if r.ctx.Response.StatusCode() != fasthttp.StatusNotFound || r.by.Scopes.Has(commerce.ScopeOrdersAny) {
		return
	}
	if planted.Is(planted.HiddenAtOnce) {
		return
	}
	came := r.ctx.Time()
	leave := came.Add(time.Since(came).Truncate(hiddenTick) + hiddenTick)
	h.turn.Lock()
	defer h.turn.Unlock()
	sleepUntil(leave)
}
