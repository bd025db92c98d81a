package gatekeeper_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net"
	nethttp "net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http"
	"github.com/penstock-dev/penstock/persistence/pebblestore"
)

// shop is a whole server whose callers must prove who they are.
type shop struct {
	address    string // of callers
	operations string // of operators
	access     *access.Authenticator
	store      *pebblestore.Store
	engine     *actors.Engine
	issuer     *issuer
	client     *nethttp.Client
	// ahead is how far the clock that credentials end by is ahead of time.
	ahead atomic.Int64
}

// wait bounds every wait of these tests.
const wait = 20 * time.Second

// newShop serves until the test ends. change may be nil.
func newShop(t testing.TB, change func(*http.Config)) *shop {
	t.Helper()
	s := &shop{issuer: newIssuer(t)}
	log := slog.New(slog.DiscardHandler)
	var err error
	s.store, err = pebblestore.Open(t.Context(), pebblestore.Options{
		Dir: t.TempDir(), Logger: log, FreeSpaceMin: -1, CacheSize: 8 << 20, MemTableSize: 4 << 20,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.store.Close()) })
	s.engine, err = actors.Open(t.Context(), s.store, actors.Config{Logger: log})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), wait)
		defer cancel()
		require.NoError(t, s.engine.Close(ctx))
	})
	s.access, err = access.Open(t.Context(), access.Config{
		Store: s.store, Logger: log, Transport: s.issuer, Issuer: issuerName, Audience: audience, Leeway: -1,
		Now: func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) },
	})
	require.NoError(t, err)
	t.Cleanup(s.access.Close)

	registry := prometheus.NewRegistry()
	cfg := http.Config{
		Engine: s.engine, Logger: log, Gatherer: registry, Registerer: registry, AccessLog: http.AccessLogOff,
		Access: s.access, Keys: s.access.Keys(), Proof: true, Benchmarks: new(board),
	}
	if change != nil {
		change(&cfg)
	}
	s.serve(t, cfg)
	return s
}

func (s *shop) serve(t testing.TB, cfg http.Config) {
	t.Helper()
	server, err := http.New(cfg)
	require.NoError(t, err)
	served := make(chan error, 2)
	listen := func(serve func(net.Listener) error) (address string) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		go func() { served <- serve(ln) }()
		return ln.Addr().String()
	}
	s.address, s.operations = listen(server.Serve), listen(server.ServeOperations)
	s.client = &nethttp.Client{
		Transport:     &nethttp.Transport{MaxIdleConnsPerHost: 4, DisableCompression: true},
		CheckRedirect: func(*nethttp.Request, []*nethttp.Request) error { return nethttp.ErrUseLastResponse },
		Timeout:       wait,
	}
	t.Cleanup(func() {
		s.client.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), wait)
		defer cancel()
		require.NoError(t, server.Shutdown(ctx))
		require.NoError(t, <-served)
		require.NoError(t, <-served)
	})
}

// key makes an API key.
func (s *shop) key(t testing.TB, subject string, scopes commerce.Scopes, expires time.Time) (id commerce.ID, text string) {
	t.Helper()
	key, secret, err := s.access.Keys().Create(t.Context(), &access.KeySpec{
		Name: "a test", Subject: subject, Scopes: scopes, ExpiresAt: expires,
	}, access.Cause{Actor: "root"})
	require.NoError(t, err)
	return key.ID, secret.Reveal()
}

func (s *shop) revoke(t testing.TB, id commerce.ID) {
	t.Helper()
	_, err := s.access.Keys().Revoke(t.Context(), id, access.Cause{Actor: "root"})
	require.NoError(t, err)
}

// request is what is sent. Fields come in pairs of a name and a value.
type request struct {
	method, path, body string
	fields             []string
	operations         bool // asked at the operators' door
}

func (r request) with(fields ...string) request {
	r.fields = append(append([]string(nil), r.fields...), fields...)
	return r
}

// reply is what came back. Of an answer without an end there is no body.
type reply struct {
	status int
	header nethttp.Header
	body   string
}

// text is everything in the reply that a caller gets to see.
func (r reply) text() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(r.header)) {
		b.WriteString(name + ": " + strings.Join(r.header[name], ", ") + "\n")
	}
	return b.String() + r.body
}

// problem is what these tests read of a refusal.
type problem struct {
	Code   string
	Detail string
	Errors []struct{ Pointer, Parameter, Header, Detail string }
}

func (r reply) problem(t testing.TB) (p problem) {
	t.Helper()
	r.decode(t, &p)
	return p
}

func (r reply) decode(t testing.TB, into any) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(r.body), into), "%s", r.body)
}

// ask sends a request. The correlation id is always the same, so that replies can be compared.
func (s *shop) ask(t testing.TB, r request) reply {
	t.Helper()
	address := s.address
	if r.operations {
		address = s.operations
	}
	var body io.Reader
	if r.body != "" {
		body = strings.NewReader(r.body)
	}
	sent, err := nethttp.NewRequestWithContext(t.Context(), r.method, "http://"+address+r.path, body)
	require.NoError(t, err)
	if r.body != "" {
		sent.Header.Set("Content-Type", "application/json")
	}
	sent.Header.Set("X-Correlation-ID", "test")
	for i := 0; i < len(r.fields); i += 2 {
		sent.Header.Set(r.fields[i], r.fields[i+1])
	}
	got, err := s.client.Do(sent)
	require.NoError(t, err, "%s %s", r.method, r.path)
	defer func() { _ = got.Body.Close() }()
	answer := reply{status: got.StatusCode, header: got.Header}
	answer.header.Del("Date")
	if got.StatusCode == nethttp.StatusSwitchingProtocols || got.Header.Get("Content-Type") == "text/event-stream" {
		return answer
	}
	text, err := io.ReadAll(got.Body)
	require.NoError(t, err, "%s %s", r.method, r.path)
	answer.body = string(text)
	return answer
}

// must is ask for what has to succeed.
func (s *shop) must(t testing.TB, r request) reply {
	t.Helper()
	answer := s.ask(t, r)
	require.Less(t, answer.status, 300, "%s %s: %s", r.method, r.path, answer.body)
	return answer
}

// board is a benchmark's board that measures nothing.
type board struct{ http.Benchmarks }

func (*board) Start(http.BenchmarkRun) (commerce.ID, error) { return commerce.ID{1}, nil }
func (*board) Cancel() error                                { return nil }
func (*board) Progress() ([]byte, error)                    { return []byte(`{"run":null}`), nil }

func (*board) Results(int) ([]byte, error)                      { return []byte(`{"results":[]}`), nil }
func (*board) Result(commerce.ID) ([]byte, bool, error)         { return []byte(`{}`), false, nil }
func (*board) Import([]byte, string) (commerce.ID, error)       { return commerce.ID{1}, nil }
func (*board) Compare(commerce.ID, commerce.ID) ([]byte, error) { return []byte(`{}`), nil }
