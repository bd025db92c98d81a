package http

import (
	"runtime/pprof"

	"github.com/valyala/fasthttp/pprofhandler"

	"github.com/penstock-dev/penstock/commerce"
)

const pathProfiles = "/debug/pprof/"

// profileRoutes are Go's profiles of the process. They are no part of the API, hence not in its document.
func profileRoutes() []Route {
	profile := func(path string) Route {
		return Route{
			Method: "GET", Path: path, Operation: "profile", Tag: "operation", AnyQuery: true,
			Summary: "Shows a profile of the process, as go tool pprof reads it.",
			Policy:  holders(commerce.ScopeAdmin), Place: placeInside,
			Handle: (*Server).serveProfile,
		}
	}
	return []Route{profile(pathProfiles), profile(pathProfiles + "{profile}")}
}

func (s *Server) serveProfile(r *request) error {
	header := &r.ctx.Response.Header
	header.SetCanonical(r.keys.cacheControl, r.keys.noStore)
	if string(r.ctx.Path()) != pathProfiles {
		pprofhandler.PprofHandler(r.ctx)
		r.security.set(header) // the library has its own idea of them
		return nil
	}
	r.buf = append(r.buf[:0], "cmdline\nprofile?seconds=30\ntrace?seconds=5\n"...)
	for _, known := range pprof.Profiles() {
		r.buf = append(append(r.buf, known.Name()...), '\n')
	}
	r.answer(200, "text/plain; charset=utf-8", r.buf)
	return nil
}
