package apifuzz_test

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/bench"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/apifuzz"
	"github.com/penstock-dev/penstock/internal/torture"
)

const (
	workers      = 6
	stopPatience = 20 * time.Second
	// unreachedAtLeast is from how many requests on each operation must have done what it is for.
	unreachedAtLeast = 10_000
)

// journeys are what a shop does all day: they bring orders into all states, and give single requests
// something to ask for.
func journeys() [][]apifuzz.Step {
	do := func(operation string, values ...string) apifuzz.Step {
		step := apifuzz.Step{Operation: operation, Values: make(map[string]string)}
		for i := 0; i < len(values); i += 2 {
			step.Values[values[i]] = values[i+1]
		}
		return step
	}
	offer := do("createProduct", "stock_quantity", "100", "price", "1200", "currency", "KRW")
	place := do("placeOrder", "items", `[{"product_id":"@products","quantity":2}]`)
	move := func(to string) apifuzz.Step { return do("transitionOrder", "id", "@orders", "to", to) }
	return [][]apifuzz.Step{
		{
			offer, do("getProduct", "id", "@products"), do("updateProduct", "id", "@products", "If-Match", "*"),
			do("adjustStock", "id", "@products", "quantity_change", "5"), do("listMovements", "id", "@products", "limit", "1"),
			place, do("getOrder", "id", "@orders"), move("paid"), move("processing"), move("shipped"), move("delivered"), move("completed"),
			do("trackOrder", "id", "@orders"), do("productSales", "id", "@products", "start_date", "2026-01-01", "interval", "month"),
			do("archiveProduct", "id", "@products", "If-Match", "*"),
		},
		{
			offer, place, place, do("followOrder", "id", "@orders"), do("orderEvents", "id", "@orders"),
			do("cancelOrder", "id", "@orders"), do("listOrders", "limit", "1"), do("exportOrders", "format", "ndjson"),
		},
		{
			offer, place, do("transitionOrders", "transitions", `[{"order_id":"@orders","to":"paid"}]`), do("cancelOrder", "id", "@orders"),
			do("summarizeSales", "start_date", "2026-01-01", "interval", "month"), do("topProducts", "start_date", "2026-01-01"),
		},
		{do("createKey"), do("rotateKey", "id", "@keys"), do("revokeKey", "id", "@keys"), do("revokeKey", "id", "@keys"), do("listAudit")},
		{do("openSession"), do("issueTicket"), do("issueTicket"), do("showSession"), do("closeSession")},
		{
			do("runBenchmark"), do("getBenchmarkProgress"), do("cancelBenchmark"), do("listBenchmarkResults"),
			do("getBenchmarkResult", "id", "@results"), do("compareBenchmarks", "baseline", "@results", "current", "@results"),
		},
	}
}

// staff are those who ask a server; whether they must prove who they are, and the ids of their keys.
type staff struct {
	callers []apifuzz.Caller
	proof   bool
	keys    []string
}

// fuzz asks a server, and requires that every answer is as the document says.
func fuzz(t *testing.T, process *bench.Process, staff *staff, requests int) {
	t.Helper()
	document, err := apifuzz.Parse(get(t, process, "/openapi.json"))
	require.NoError(t, err)
	file := dashboardFile(get(t, process, "/api/v2/benchmarks/dashboard"))
	f := &apifuzz.Fuzzer{
		Document: document, Address: process.Address,
		Callers: staff.callers, Proof: staff.proof, Spared: staff.keys,
		Seed: seed(t), Workers: workers,
		Requests: requests, FaultsMax: 200, Journeys: journeys(), Lenient: []string{"X-Correlation-ID", "importBenchmarkResult"}, Stored: []string{"since_seq", "Last-Event-ID", "expires_at", "q", "current", "quantity_change", "items", "results"},
		Set: map[string]map[string]string{
			"runBenchmark":     {"benchmark_type": "product-read", "iterations": "10", "connections": "1", "seconds": "1"},
			"getDashboardFile": {"file": cmp.Or(file, "none")},
		},
	}
	started := time.Now()
	report, err := f.Run(t.Context())
	require.NoError(t, err, "%s", report)
	t.Logf("%s; in %s", report, time.Since(started).Round(time.Millisecond))
	require.Empty(t, report.Found, "%s\nthe server's last words:\n%s", report, process.Output())
	require.Equal(t, requests, report.Requests)
	if staff.proof && requests > unreachedAtLeast {
		unreached := slices.DeleteFunc(report.Unreached(), func(operation string) bool { return operation == "getDashboardFile" && file == "" })
		require.Empty(t, unreached, report)
	}
	require.Contains(t, string(get(t, process, "/readyz")), `"status":"ok"`)
	require.NotContains(t, process.Output(), `"level":"ERROR"`)
}

// dashboardFile returns the name of a file that the dashboard loads; "" where it was not built, for want of Node.
func dashboardFile(page []byte) string {
	_, rest, _ := strings.Cut(string(page), "/api/v2/benchmarks/dashboard/files/")
	name, _, _ := strings.Cut(rest, `"`)
	return name
}

func TestServerKeepsToItsDocument(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, server *torture.Server, requests int) {
		server.Flags = []string{
			"--rate-read=-1", "--rate-write=-1", "--rate-export=-1", "--rate-analytics=-1", "--rate-refused=-1",
		}
		process := start(t, server)
		fuzz(t, process, &staff{callers: []apifuzz.Caller{{Name: "a believed caller"}}}, requests/3)
		hired := hire(t, process)
		process.Stop(stopPatience)

		server.Flags = append(server.Flags, "--auth", "on")
		process = start(t, server)
		hired.callers = append(hired.callers, visitor(t, process, hired.callers[0].Header))
		fuzz(t, process, hired, requests-requests/3)
		process.Stop(stopPatience)
		var faults torture.Faults
		require.NoError(t, server.Verify(t.Context(), &faults))
		require.Zero(t, faults.Total(), &faults)
	})
}

func start(t *testing.T, server *torture.Server) *bench.Process {
	t.Helper()
	process, err := server.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(process.Kill)
	return process
}

// hire makes a key for each of those who ask, and those that prove nothing.
func hire(t *testing.T, process *bench.Process) *staff {
	t.Helper()
	customer := commerce.ScopeOrdersRead | commerce.ScopeOrdersWrite | commerce.ScopeOrdersCancel
	hired := &staff{proof: true}
	for _, who := range []struct {
		name   string
		scopes commerce.Scopes
	}{
		{"root", commerce.ScopesAll},
		{"ann", customer},
		{"bob", customer},
		{"clerk", customer | commerce.ScopeOrdersAny | commerce.ScopeProductsWrite | commerce.ScopeStockWrite},
		{"analyst", commerce.ScopeAnalyticsRead | commerce.ScopeExportsRead},
		{"reader", commerce.ScopeOrdersRead},
		{"gone", commerce.ScopesAll},
	} {
		id, key := makeKey(t, process, who.name, who.scopes)
		c := apifuzz.Caller{Name: who.name, Header: "Bearer " + key, Scopes: who.scopes.Names()}
		if !who.scopes.Has(commerce.ScopeOrdersAny) {
			c.Subject = who.name
		}
		if who.name == "gone" {
			c.Refused = true
			status, body, _ := ask(t, process, call{"DELETE", "/api/v2/admin/keys/" + id, "", ""})
			require.Equal(t, 200, status, body)
		}
		hired.callers, hired.keys = append(hired.callers, c), append(hired.keys, id)
	}
	right := hired.callers[0].Header
	hired.callers = append(hired.callers,
		apifuzz.Caller{Name: "nobody", Nobody: true},
		apifuzz.Caller{Name: "a wrong secret", Header: right[:len(right)-3] + "AAA", Refused: true},
		apifuzz.Caller{Name: "a token of nobody", Header: "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJyb290In0.", Refused: true},
		apifuzz.Caller{Name: "another scheme", Header: "Basic cm9vdDpyb290", Refused: true},
		apifuzz.Caller{Name: "an odd credential", Header: "Bearer \xff' OR 1=1--", Refused: true},
	)
	return hired
}

func makeKey(t *testing.T, process *bench.Process, name string, scopes commerce.Scopes) (id, key string) {
	t.Helper()
	wish, err := json.Marshal(map[string]any{"name": name, "subject": name, "scopes": scopes.Names()})
	require.NoError(t, err)
	status, body, _ := ask(t, process, call{"POST", "/api/v2/admin/keys", "", string(wish)})
	require.Equal(t, 201, status, body)
	var made struct{ ID, Key string }
	require.NoError(t, json.Unmarshal([]byte(body), &made))
	return made.ID, made.Key
}

// visitor is a page: its session stands for a key.
func visitor(t *testing.T, process *bench.Process, credential string) apifuzz.Caller {
	t.Helper()
	status, body, header := ask(t, process, call{"POST", "/api/v2/session", credential, ""})
	require.Equal(t, 201, status, body)
	cookie, _, _ := strings.Cut(header.Get("Set-Cookie"), ";")
	return apifuzz.Caller{Name: "a page", Cookie: cookie, Scopes: commerce.ScopesAll.Names()}
}

func get(t *testing.T, process *bench.Process, path string) []byte {
	t.Helper()
	status, body, _ := ask(t, process, call{"GET", path, "", ""})
	require.Equal(t, 200, status, body)
	return []byte(body)
}

// call is a request that prepares a test.
type call struct{ method, path, credential, body string }

func ask(t *testing.T, process *bench.Process, c call) (status int, text string, header http.Header) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), c.method, "http://"+process.Address+c.path, strings.NewReader(c.body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	if c.credential != "" {
		request.Header.Set("Authorization", c.credential)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(answer), response.Header
}
