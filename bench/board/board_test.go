package board

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
)

// fakeServer is a server as a run sees it: products that are made and archived, and orders.
type fakeServer struct {
	address string
	order   func(n int) int // the status of the nth order, 201 when nil
	archive func()          // called before a product is archived, unless nil
	closing bool            // whether each order's answer is the last one of its connection
	mu      struct {
		sync.Mutex
		listed   map[string]string // ids of products that are not archived, with their SKUs
		made     int
		orders   int
		archived int
	}
}

func newFakeServer(t *testing.T) *fakeServer {
	t.Helper()
	s := new(fakeServer)
	s.mu.listed = make(map[string]string)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v2/products", s.makeProduct)
	mux.HandleFunc("GET /api/v2/products", s.listProducts)
	mux.HandleFunc("DELETE /api/v2/products/{id}", s.archiveProduct)
	mux.HandleFunc("POST /api/v2/orders", s.placeOrder)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	s.address = strings.TrimPrefix(server.URL, "http://")
	return s
}

func (s *fakeServer) makeProduct(w http.ResponseWriter, r *http.Request) {
	var product struct{ Category, SKU string }
	if json.NewDecoder(r.Body).Decode(&product) != nil || product.Category != category {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.made++
	id := fmt.Sprintf("p%d", s.mu.made)
	s.mu.listed[id] = product.SKU
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, `{"id":%q}`, id)
}

func (s *fakeServer) listProducts(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []string
	for id, sku := range s.mu.listed {
		list = append(list, fmt.Sprintf(`{"id":%q,"sku":%q}`, id, sku))
	}
	text := `{"products":[` + strings.Join(list, ",") + `]}`
	w.Header().Set("Content-Length", fmt.Sprint(len(text)))
	fmt.Fprint(w, text)
}

func (s *fakeServer) archiveProduct(_ http.ResponseWriter, r *http.Request) {
	if s.archive != nil {
		s.archive()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.mu.listed, r.PathValue("id"))
	s.mu.archived++
}

func (s *fakeServer) placeOrder(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	s.mu.Lock()
	n := s.mu.orders
	s.mu.orders++
	s.mu.Unlock()
	status := http.StatusCreated
	if s.order != nil {
		status = s.order(n)
	}
	if s.closing {
		w.Header().Set("Connection", "close")
	}
	w.WriteHeader(status)
}

func (s *fakeServer) counts() (orders, made, listed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.orders, s.mu.made, len(s.mu.listed)
}

func openTestBoard(t *testing.T, address string) *Board {
	t.Helper()
	b, err := Open(Config{
		Address: address, Engine: "penstock-pebble", Store: "pebble", File: filepath.Join(t.TempDir(), "benchmarks.json"),
		Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	t.Cleanup(func() { b.Close(t.Context()) })
	return b
}

// ended waits until the board's run has ended, and returns how.
func ended(t *testing.T, b *Board) *Progress {
	t.Helper()
	b.runs.Wait()
	p := b.Progress()
	require.NotNil(t, p)
	return p
}

func orders(iterations int) Request {
	return Request{Scenario: "order", Iterations: iterations, Connections: 4, Duration: DurationMax}
}

func TestRun_SendsItsRequestsAndTidiesUp(t *testing.T) {
	t.Parallel()
	s := newFakeServer(t)
	b := openTestBoard(t, s.address)
	require.Nil(t, b.Progress())
	id, err := b.Start(orders(500))
	require.NoError(t, err)
	p := ended(t, b)
	require.Equal(t, PhaseDone, p.Phase, p.Fault)
	require.Equal(t, int64(500), p.Operations)
	require.NotEmpty(t, p.Points)
	sent, made, listed := s.counts()
	require.Equal(t, 550, sent, "one in ten more, before it")
	require.Equal(t, products+1, made)
	require.Zero(t, listed, "its products are archived")

	entry, err := b.Result(id)
	require.NoError(t, err)
	require.Equal(t, SourceRun, entry.Source)
	result := entry.Document.Results[0]
	require.Equal(t, "penstock-pebble", result.Engine)
	require.Equal(t, "order", result.Scenario)
	require.Positive(t, result.OperationsPerSecond)
	require.Positive(t, result.Latency.P50)
	require.Zero(t, result.Errors)
	require.NotEmpty(t, entry.Points)
}

func TestRun_CountsWhatGoesWrong(t *testing.T) {
	t.Parallel()
	s := newFakeServer(t)
	s.order = func(n int) int { return []int{201, 503}[n%2] }
	b := openTestBoard(t, s.address)
	id, err := b.Start(orders(100))
	require.NoError(t, err)
	require.Equal(t, PhaseDone, ended(t, b).Phase)
	entry, err := b.Result(id)
	require.NoError(t, err)
	require.InDelta(t, 50, entry.Document.Results[0].Errors, 5)
	require.Contains(t, entry.Document.Results[0].FirstError, "503")
}

func TestRun_OpensAConnectionAnewThatTheServerCloses(t *testing.T) {
	t.Parallel()
	s := newFakeServer(t)
	s.closing = true
	b := openTestBoard(t, s.address)
	_, err := b.Start(orders(50))
	require.NoError(t, err)
	p := ended(t, b)
	require.Equal(t, PhaseDone, p.Phase, p.Fault)
	require.Equal(t, int64(50), p.Operations)
	require.Zero(t, p.Errors, p.FirstError)
}

func TestRun_WithoutAGoodAnswerHasNoResult(t *testing.T) {
	t.Parallel()
	s := newFakeServer(t)
	s.order = func(int) int { return 500 }
	b := openTestBoard(t, s.address)
	id, err := b.Start(orders(20))
	require.NoError(t, err)
	p := ended(t, b)
	require.Equal(t, PhaseFailed, p.Phase)
	require.Contains(t, p.Fault, "was answered 500")
	_, err = b.Result(id)
	require.ErrorIs(t, err, &commerce.Error{Code: commerce.CodeNotFound})
	_, _, listed := s.counts()
	require.Zero(t, listed)
}

func TestRun_OfAServerThatIsNotThereFails(t *testing.T) {
	t.Parallel()
	b := openTestBoard(t, "127.0.0.1:1")
	_, err := b.Start(orders(20))
	require.NoError(t, err)
	p := ended(t, b)
	require.Equal(t, PhaseFailed, p.Phase)
	require.Contains(t, p.Fault, "connect to 127.0.0.1:1")
}

// holdOrders makes orders wait until release is closed. reached is closed when the first one has come.
func (s *fakeServer) holdOrders() (reached <-chan struct{}, release chan<- struct{}) {
	come, let := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s.order = func(int) int {
		once.Do(func() { close(come) })
		<-let
		return 201
	}
	return come, let
}

func TestRun_IsOneAtATimeAndCanBeCancelled(t *testing.T) {
	t.Parallel()
	s := newFakeServer(t)
	reached, release := s.holdOrders()
	b := openTestBoard(t, s.address)
	require.ErrorIs(t, b.Cancel(), ErrIdle)
	id, err := b.Start(orders(1000))
	require.NoError(t, err)
	<-reached
	require.True(t, b.Running(id))
	_, err = b.Start(orders(1))
	require.ErrorIs(t, err, ErrRunning)

	require.NoError(t, b.Cancel())
	close(release)
	require.Equal(t, PhaseCancelled, ended(t, b).Phase)
	require.False(t, b.Running(id))
	_, _, listed := s.counts()
	require.Zero(t, listed, "what is cancelled tidies up too")
	_, err = b.Result(id)
	require.ErrorIs(t, err, &commerce.Error{Code: commerce.CodeNotFound})

	_, err = b.Start(orders(1))
	require.NoError(t, err)
	require.Equal(t, PhaseDone, ended(t, b).Phase)
}

func TestRun_CanBeCancelledWhileItTidiesUp(t *testing.T) {
	t.Parallel()
	s := newFakeServer(t)
	reached, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s.archive = func() {
		once.Do(func() { close(reached) })
		<-release
	}
	b := openTestBoard(t, s.address)
	id, err := b.Start(orders(10))
	require.NoError(t, err)
	<-reached
	require.NoError(t, b.Cancel())
	close(release)
	require.Equal(t, PhaseCancelled, ended(t, b).Phase)
	_, err = b.Result(id)
	require.ErrorIs(t, err, &commerce.Error{Code: commerce.CodeNotFound})
	_, _, listed := s.counts()
	require.Zero(t, listed)
}

func TestRun_CanBeCancelledBeforeItIsConnected(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errCancelled)
	r := newRun(commerce.ID{1}, orders(1), &Config{Address: newFakeServer(t).address})
	_, err := r.carryOut(ctx, t.Context())
	require.ErrorIs(t, err, errCancelled)
}

func TestRun_EndsByItsTime(t *testing.T) {
	t.Parallel()
	s := newFakeServer(t)
	b := openTestBoard(t, s.address)
	_, err := b.Start(Request{Scenario: "order", Iterations: IterationsMax, Connections: 2, Duration: 100 * time.Millisecond})
	require.NoError(t, err)
	p := ended(t, b)
	require.Equal(t, PhaseDone, p.Phase, p.Fault)
	require.Positive(t, p.Operations)
	require.Less(t, p.Operations, int64(IterationsMax))
}

func TestRun_ArchivesWhatAKilledOneHasLeft(t *testing.T) {
	t.Parallel()
	s := newFakeServer(t)
	s.mu.listed["left"] = skuPrefix + "1"
	s.mu.listed["somebody's"] = "B-1"
	b := openTestBoard(t, s.address)
	_, err := b.Start(orders(1))
	require.NoError(t, err)
	require.Equal(t, PhaseDone, ended(t, b).Phase)
	require.Equal(t, map[string]string{"somebody's": "B-1"}, s.mu.listed, "a category of that name may be a shop's own")
}

func TestBoard_ClosesInTheMiddleOfARun(t *testing.T) {
	t.Parallel()
	s := newFakeServer(t)
	reached, release := s.holdOrders()
	defer close(release)
	b := openTestBoard(t, s.address)
	_, err := b.Start(orders(1000))
	require.NoError(t, err)
	<-reached
	b.Close(t.Context())
	require.Equal(t, PhaseCancelled, b.Progress().Phase)
	_, _, listed := s.counts()
	require.Zero(t, listed)
	_, err = b.Start(orders(1))
	require.ErrorIs(t, err, &commerce.Error{Code: commerce.CodeOverloaded})
}

func TestBoard_WithoutPatienceLeavesProductsBehind(t *testing.T) {
	t.Parallel()
	s := newFakeServer(t)
	reached, release := s.holdOrders()
	defer close(release)
	b := openTestBoard(t, s.address)
	_, err := b.Start(orders(1000))
	require.NoError(t, err)
	<-reached
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b.giveUp() // the context has ended already; AfterFunc says so on a goroutine of its own
	b.Close(ctx)
	require.NotEqual(t, PhaseDone, b.Progress().Phase)
}

func TestStart_RefusesWhatIsOutOfBounds(t *testing.T) {
	t.Parallel()
	b := openTestBoard(t, "127.0.0.1:1")
	for claim, change := range map[string]func(*Request){
		"a scenario that is none": func(r *Request) { r.Scenario = "everything" },
		"one with subscribers":    func(r *Request) { r.Scenario = "fan-out" },
		"no iterations":           func(r *Request) { r.Iterations = 0 },
		"too many iterations":     func(r *Request) { r.Iterations = IterationsMax + 1 },
		"no connections":          func(r *Request) { r.Connections = 0 },
		"too many connections":    func(r *Request) { r.Connections = ConnectionsMax + 1 },
		"no time":                 func(r *Request) { r.Duration = 0 },
		"too much time":           func(r *Request) { r.Duration = DurationMax + 1 },
	} {
		request := orders(1)
		change(&request)
		_, err := b.Start(request)
		require.ErrorIs(t, err, &commerce.Error{Code: commerce.CodeValidation}, claim)
	}
	require.Nil(t, b.Progress())
}
