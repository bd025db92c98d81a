package http

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/penstock-dev/penstock/internal/frontproxy"
)

// witness notes what a server takes for requests.
type witness struct {
	mu         sync.Mutex
	carriedOut []string // "METHOD /path", but for refused ones
	refused    []string // whatever could be read of them, when their connection was closed
}

// watch puts a witness before a server. REQUIRES: nothing has been asked yet.
func watch(s *Server) *witness {
	w := new(witness)
	fast := s.fast[doorPublic]
	handle, refuse := fast.Handler, fast.ErrorHandler
	fast.Handler = func(ctx *fasthttp.RequestCtx) {
		request := string(ctx.Method()) + " " + string(ctx.Request.Header.RequestURI())
		handle(ctx)
		w.note(request, ctx.Response.StatusCode() == 400 && ctx.Response.ConnectionClose())
	}
	fast.ErrorHandler = func(ctx *fasthttp.RequestCtx, err error) {
		w.note("unread", true)
		refuse(ctx, err)
	}
	return w
}

func (w *witness) note(request string, refused bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if refused {
		w.refused = append(w.refused, request)
		return
	}
	w.carriedOut = append(w.carriedOut, request)
}

// take returns what was noted, and forgets it.
func (w *witness) take() (carriedOut, refused []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	carriedOut, refused, w.carriedOut, w.refused = w.carriedOut, w.refused, nil, nil
	return carriedOut, refused
}

const (
	// quiet is how long nothing must come before a client takes it that nothing more will.
	quiet = 50 * time.Millisecond
	// patience is how long it waits for the end of a connection that it has ended itself.
	patience = 3 * time.Second
)

// attack sends bytes and reads what comes back, first as long as something comes, then until the end.
func attack(t *testing.T, address, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, request) // it may be closed already
	var back strings.Builder
	buf := make([]byte, 4096)
	read := func(wait time.Duration) error {
		for {
			require.NoError(t, conn.SetReadDeadline(time.Now().Add(wait)))
			n, err := conn.Read(buf)
			back.Write(buf[:n])
			if err != nil {
				return err
			}
		}
	}
	if err := read(quiet); errors.Is(err, os.ErrDeadlineExceeded) {
		_ = conn.(*net.TCPConn).CloseWrite()
		_ = read(patience)
	}
	return back.String()
}

// of gives a case paths of its own, as long as those it has.
func (c *smugglingCase) of(n int) (request string, sees []string) {
	own := strings.NewReplacer("/first", fmt.Sprintf("/f%04d", n), "/after", fmt.Sprintf("/a%04d", n), "/stole", fmt.Sprintf("/s%04d", n))
	return own.Replace(c.request), strings.Fields(own.Replace(c.sees))
}

// canary asks something harmless, by whatever connection there is, and must get the answer to that.
func canary(t *testing.T, address, name string) {
	t.Helper()
	back := attack(t, address, "GET /livez?"+name+" HTTP/1.1\r\nHost: x\r\nX-Correlation-ID: "+name+"\r\nConnection: close\r\n\r\n")
	require.True(t, strings.HasPrefix(back, "HTTP/1.1 200 "), "%s: %q", name, back)
	require.Contains(t, strings.ToLower(back), "x-correlation-id: "+name, "somebody else's answer")
}

func TestSmuggling_Directly(t *testing.T) {
	t.Parallel()
	require.GreaterOrEqual(t, len(smugglingCases()), 40)
	for i, c := range smugglingCases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setupTCP(t, nil)
			w := watch(b.server)
			request, sees := c.of(i)
			back := attack(t, b.addr(t), request)
			carriedOut, refused := w.take()
			var paths []string
			for _, done := range carriedOut {
				paths = append(paths, strings.TrimPrefix(strings.TrimPrefix(done, "GET "), "POST "))
			}
			require.Equal(t, strings.Join(sees, " "), strings.Join(paths, " "), back)
			require.LessOrEqual(t, len(refused), 1, "a connection ends with what is refused")
			canary(t, b.addr(t), "canary")
		})
	}
}

// TestSmuggling_BehindProxies: a server carries out nothing but what a proxy has written down as passed on to
// it. Whatever was left on a connection between the two would be taken for the begin of somebody else's request.
func TestSmuggling_BehindProxies(t *testing.T) {
	t.Parallel()
	for _, kind := range []frontproxy.Kind{frontproxy.Nginx, frontproxy.HAProxy} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			b := setupTCP(t, func(c *Config) { c.NoAuth = true })
			w := watch(b.server)
			proxy := frontproxy.Start(t, kind, b.addr(t))
			canary(t, proxy.Address, "first")
			seen, passed := 0, 0
			for i, c := range smugglingCases() {
				request, _ := c.of(i)
				back := attack(t, proxy.Address, request)
				name := fmt.Sprintf("canary-%04d", i)
				canary(t, proxy.Address, name)
				forwarded := awaitForwarded(t, proxy, passed, "GET /livez?"+name)
				passed += len(forwarded)
				carriedOut, refused := w.take()
				seen += len(carriedOut)
				requireInSync(t, c.name+": "+back, forwarded, carriedOut, refused)
			}
			t.Logf("%s passed on %d requests of %d cases, %d were carried out", kind, passed, len(smugglingCases()), seen)
		})
	}
}

// awaitForwarded waits until a proxy has written down a request, and returns those since a number of them.
func awaitForwarded(t *testing.T, proxy *frontproxy.Proxy, since int, last string) []string {
	t.Helper()
	var forwarded []string
	require.Eventually(t, func() bool {
		forwarded = proxy.Forwarded()[since:]
		for _, request := range forwarded {
			if request == last {
				return true
			}
		}
		return false
	}, 10*time.Second, time.Millisecond, last)
	return forwarded
}

// requireInSync compares what a proxy has passed on with what the server took it for. Whatever it refused was
// passed on, too; of what could not be read the path is not known.
func requireInSync(t *testing.T, name string, forwarded, carriedOut, refused []string) {
	t.Helper()
	left := make(map[string]int)
	for _, request := range forwarded {
		left[request]++
	}
	for _, request := range carriedOut {
		left[request]--
		require.GreaterOrEqual(t, left[request], 0, "%s: %s was carried out, and nobody asked for it; passed on: %v", name, request, forwarded)
	}
	missing := len(forwarded) - len(carriedOut)
	require.LessOrEqual(t, missing, len(refused), "%s: passed on %v, carried out %v, refused %v", name, forwarded, carriedOut, refused)
}
