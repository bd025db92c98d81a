package http

import (
	"errors"
	"fmt"
	"mime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/fasthttp/router"
	"github.com/valyala/fasthttp"

	"github.com/penstock-dev/penstock/commerce"
)

// newRouter makes the router of a door out of the registry. GET routes answer HEAD too.
func (s *Server) newRouter(at door) *router.Router {
	r := router.New()
	r.RedirectTrailingSlash = false // one name for one thing
	r.RedirectFixedPath = false
	routes := slices.Concat(s.routes, profileRoutes())
	for i := range routes {
		route := &routes[i]
		if !route.isAt(at, s.cfg.OperationsApart) {
			continue
		}
		r.Handle(route.Method, route.Path, s.handler(route, route.Method))
		if route.Method == fasthttp.MethodGet {
			r.Handle(fasthttp.MethodHead, route.Path, s.handler(route, fasthttp.MethodHead))
		}
	}
	miss := func(handle func(*Server, *request) error) fasthttp.RequestHandler {
		return s.handler(&Route{Path: "none", Policy: anybody(), AnyQuery: true, Handle: handle}, "")
	}
	r.NotFound = miss((*Server).notFound)
	r.MethodNotAllowed = miss((*Server).methodNotAllowed)
	r.GlobalOPTIONS = miss((*Server).options)
	return r
}

// dispatch finds the handler of a request. Reads of one product are most of what a shop asks for: they are
// told by the form of their path, which takes a tenth of the router's time and allocates nothing.
func (s *Server) dispatch() fasthttp.RequestHandler {
	other := s.newRouter(doorPublic).Handler
	const prefix = pathProducts + "/"
	var product func(*fasthttp.RequestCtx, pathID)
	for i := range s.routes {
		if s.routes[i].Operation == operationGetProduct {
			product = s.serve(&s.routes[i], fasthttp.MethodGet)
		}
	}
	return func(ctx *fasthttp.RequestCtx) {
		path := ctx.URI().PathOriginal()
		if len(path) == len(prefix)+idLength && string(path[:len(prefix)]) == prefix && ctx.IsGet() {
			if id, err := commerce.ParseID(path[len(prefix):]); err == nil {
				product(ctx, pathID{id: id, known: true})
				return
			}
		}
		other(ctx)
	}
}

// idLength is how long an id is in a path.
const idLength = 36

// pathID is the id in a path, if it has been read already.
type pathID struct {
	id    commerce.ID
	known bool
}

// handler returns what serves a route behind the router.
func (s *Server) handler(route *Route, method string) fasthttp.RequestHandler {
	serve := s.serve(route, method)
	return func(ctx *fasthttp.RequestCtx) { serve(ctx, pathID{}) }
}

// serve returns what serves a route: everything that can be looked up once is looked up here.
func (s *Server) serve(route *Route, method string) func(*fasthttp.RequestCtx, pathID) {
	series := s.metrics.series(method, route.Path)
	lines := newRequestLog(s.cfg.AccessLog, s.log, method, route.Path)
	aboutOrder := route.aboutOrder()
	return func(ctx *fasthttp.RequestCtx, id pathID) {
		s.metrics.inFlight.Inc()
		r := s.requests.Get().(*request) //nolint:forcetypeassert // the pool holds nothing else
		r.begin(ctx, route)
		r.pathID = id
		if err := s.carryOut(r); err != nil {
			s.refuse(r, err)
		}
		if aboutOrder {
			s.hidden.keepBack(r)
		}
		r.allowOrigin()
		if s.draining() {
			ctx.SetConnectionClose()
		}
		if r.head.upgrade && ctx.Response.StatusCode() != fasthttp.StatusSwitchingProtocols {
			r.closeAfter() // a proxy may take the connection for a WebSocket now
		}
		now := time.Now()
		limitWriteOf(ctx, now)
		elapsed := now.Sub(ctx.Time())
		status, size := ctx.Response.StatusCode(), 0
		if !ctx.Response.IsBodyStream() { // one that is looked at would be read to its end
			size = len(ctx.Response.Body())
		}
		series.observe(status, elapsed)
		lines.log(r, status, size, now, elapsed)
		r.end()
		s.requests.Put(r)
		s.metrics.inFlight.Dec()
		if s.cfg.PoisonBuffers {
			poison(ctx)
		}
	}
}

var errPanic = errors.New("handler panicked")

// carryOut checks what the registry says of the route, then hands the request to its handler. A
// handler that panics costs its own request, not the others.
func (s *Server) carryOut(r *request) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v\n%s", errPanic, p, debug.Stack())
		}
	}()
	if c, ok := r.ctx.Conn().(*connection); ok && !c.work() {
		return &commerce.Error{Code: commerce.CodeOverloaded, Detail: "the server is shutting down; try again"}
	}
	if err := r.readHead(s.cfg.URIMax); err != nil {
		return err
	}
	if err := s.authenticate(r); err != nil {
		return err
	}
	if err := s.checkBelieved(r); err != nil {
		return err
	}
	if err := r.authorize(); err != nil {
		return err
	}
	if err := s.limitRate(r); err != nil {
		return err
	}
	if err := r.readParameters(); err != nil {
		return err
	}
	if err := r.checkBody(); err != nil {
		return err
	}
	return r.route.Handle(s, r)
}

// checkBody refuses a body that is not of a type that the route reads. An empty one is left to
// the handler, which says what it misses.
func (r *request) checkBody() error {
	body := r.route.Body
	if body == nil || len(r.body()) == 0 {
		return nil
	}
	header := &r.ctx.Request.Header
	if len(header.ContentEncoding()) > 0 {
		return &commerce.Error{Code: codeMediaType, Detail: "the body must not be compressed"}
	}
	sent := header.ContentType()
	for _, allowed := range body.Types {
		if string(sent) == allowed {
			return nil
		}
	}
	kind, parameters, err := mime.ParseMediaType(string(sent))
	charset, named := parameters["charset"]
	if err == nil && (!named || strings.EqualFold(charset, "utf-8")) {
		for _, allowed := range body.Types {
			if kind == allowed {
				return nil
			}
		}
	}
	return &commerce.Error{
		Code: codeMediaType, Detail: "the Content-Type of the body must be " + strings.Join(body.Types, " or "),
	}
}

func (s *Server) notFound(*request) error {
	return &commerce.Error{Code: commerce.CodeNotFound, Detail: "there is nothing at this path; /openapi.json lists what there is"}
}

// methodNotAllowed answers with the Allow field that the router has set.
func (s *Server) methodNotAllowed(r *request) error {
	return &commerce.Error{
		Code:   codeMethodNotAllowed,
		Detail: "this path allows " + string(r.ctx.Response.Header.Peek("Allow")),
	}
}

func (s *Server) options(r *request) error {
	r.ctx.Response.SetStatusCode(fasthttp.StatusNoContent)
	r.preflight()
	return nil
}
