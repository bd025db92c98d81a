package http

import (
	"bytes"
	"io"
	"net"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// badInput is a request that must be refused, whatever it holds.
type badInput struct {
	name   string
	call   call
	status int
}

// badInputs are the ways in which requests go wrong; the bodies alone stand in wire's own tests.
// The file testdata/bad_inputs.txt shows the answers as a user gets them.
func badInputs() []badInput {
	order := func(body string, headers ...string) call { return call{"POST", pathOrders, body, headers} }
	item := `{"product_id":"019f5fda-c2fb-7000-8000-000000000002","quantity":1}`
	items := func(list string) string {
		return `{"items":` + list + `,"shipping_address":{"street":"s","city":"c","postal_code":"p"}}`
	}
	return []badInput{
		{"missing body", order(""), 400},
		{"truncated", order(orderBody[:100]), 400},
		{"deeply nested", order(strings.Repeat("[", 100_000)), 400},
		{"deeply nested in a field", order(`{"x":` + strings.Repeat(`{"x":`, 20_000)), 400},
		{"huge number", order(items(`[{"product_id":"x","quantity":` + strings.Repeat("9", 100_000) + `}]`)), 400},
		{"fractional number", order(items(strings.Replace("["+item+"]", `:1}`, `:1.5}`, 1))), 400},
		{"duplicate keys", order(items(strings.Replace("["+item+"]", `:1}`, `:1,"quantity":2}`, 1))), 400},
		{"invalid UTF-8", order(`{"note":"` + "\xff\xfe" + `"}`), 400},
		{"NUL", order(strings.Replace(orderBody, "leave", `\u0000`, 1)), 400},
		{"lone surrogate", order(strings.Replace(orderBody, "leave", `\ud800`, 1)), 400},
		{"5,000 items", order(items("[" + strings.Repeat(`{"quantity":1},`, 4_999) + item + "]")), 400},
		{"1,900 good items", order(items("[" + strings.Repeat(item[:len(item)-1]+"},", 1_899) + item + "]")), 400},
		{"unknown fields", order(strings.Replace(orderBody, `"note"`, `"total":1,"coupon":{"code":"X"},"note"`, 1)), 400},
		{"empty items", order(items("[]")), 400},
		{"bad UUIDs", order(items(`[{"product_id":"1","quantity":1},{"product_id":null,"quantity":1}]`)), 400},
		{"several faults", order(`{"items":[{"product_id":1,"quantity":0}],"shipping_address":{"city":""},"note":[]}`), 400},
		{"body of 300 KB", order(`{"note":"` + strings.Repeat("x", 300_000) + `"}`), 413},

		{"wrong content type", order(orderBody, headerContentType, "text/plain"), 415},
		{"no content type", order(orderBody, headerContentType, ""), 415},
		{"a form", order("items=1", headerContentType, "application/x-www-form-urlencoded"), 415},
		{"several parts", order("--x\r\n\r\nx\r\n--x--\r\n", headerContentType, "multipart/form-data; boundary=x"), 415},
		{"another charset", order(orderBody, headerContentType, "application/json; charset=euc-kr"), 415},
		{"compressed", order("\x1f\x8b", "Content-Encoding", "gzip"), 415},
		{"a merge patch as an order", order(orderBody, headerContentType, contentTypeMergePatch), 415},

		{"caller with a space", order(orderBody, headerCaller, "kim lee"), 400},
		{"caller too long", order(orderBody, headerCaller, strings.Repeat("k", 129)), 400},
		{"key too long", order(orderBody, headerIdempotencyKey, strings.Repeat("k", 256)), 400},
		{"key with a space", order(orderBody, headerIdempotencyKey, "a b"), 400},

		{"unknown parameter", call{"POST", pathOrders + "?dry_run=true", orderBody, nil}, 400},
		{"bad id in the path", call{"GET", pathOrders + "/1", "", nil}, 400},
		{"id of nothing", call{"GET", orderPath(9, ""), "", nil}, 404},
		{"bad parameters of a list", call{"GET", pathOrders + "?status=lost&product_id=1&start_date=yesterday&end_date=2026-13-01" +
			"&cursor=x&limit=101&customer_id=&x=1&x=2", "", nil}, 400},
		{"a parameter twice", call{"GET", pathOrders + "?limit=1&limit=2", "", nil}, 400},
		{"an end before the start", call{"GET", pathOrders + "?start_date=2026-07-14T09:00:00Z&end_date=2026-07-14T09:00:00Z", "", nil}, 400},
		{"a plus sign that is a space", call{"GET", pathOrders + "?start_date=2026-07-14T09:00:00+09:00", "", nil}, 400},
		{"bad parameters of the catalogue", call{"GET", pathProducts + "?page=0&per_page=1000&min_price=-1&max_price=1.5&in_stock=yes" +
			"&sort=cheap&category=%ff&sku=%00", "", nil}, 400},
		{"prices the wrong way round", call{"GET", pathProducts + "?min_price=2&max_price=1", "", nil}, 400},
		{"cursor of another list", call{"GET", productPath(2, "/stock/movements?cursor=bwGfX9rC-3AAgAAAAAAAAAE"), "", nil}, 400},

		{"stock without a change", call{"POST", productPath(2, "/stock/update"), "", nil}, 400},
		{"stock change of zero", call{"POST", productPath(2, "/stock/update?quantity_change=0"), "", nil}, 400},
		{"stock change too large", call{"POST", productPath(2, "/stock/update?quantity_change=1000001"), "", nil}, 400},
		{"stock change said twice", call{"POST", productPath(2, "/stock/update?quantity_change=1"), `{"quantity_change":1}`, nil}, 400},
		{"reason said twice", call{"POST", orderPath(1, "/cancel?reason=x"), `{"reason":"x"}`, nil}, 400},
		{"reason too long", call{"POST", orderPath(1, "/cancel?reason="+strings.Repeat("x", 201)), "", nil}, 400},
		{"transition to nowhere", call{"POST", orderPath(1, "/transitions"), `{"to":"lost"}`, nil}, 400},

		{"patch without If-Match", call{"PATCH", productPath(2, ""), `{"price":1}`, nil}, 428},
		{"patch with a bad If-Match", call{"PATCH", productPath(2, ""), `{"price":1}`, []string{headerIfMatch, "12"}}, 400},
		{"patch of an old version", call{"PATCH", productPath(2, ""), `{"price":1}`, []string{headerIfMatch, `"11-3407"`}}, 412},
		{"patch of stock", call{"PATCH", productPath(2, ""), `{"stock_quantity":1}`, []string{headerIfMatch, "*"}}, 400},
		{"patch of nothing", call{"PATCH", productPath(9, ""), `{"price":1}`, []string{headerIfMatch, "*"}}, 404},
		{"delete of an old version", call{"DELETE", productPath(2, ""), "", []string{headerIfMatch, `"1-1"`}}, 412},
	}
}

func TestServer_RefusesBadInputAndChangesNothing(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, nil)
	var out strings.Builder
	for _, bad := range badInputs() {
		a := b.do(t, bad.call)
		out.WriteString("# " + bad.name + "\n")
		show(t, &out, bad.call, a)
		out.WriteString("\n")
		require.Equal(t, bad.status, a.status, "%s: %s", bad.name, a.body)
		require.Equal(t, contentTypeProblem, a.field("Content-Type"), bad.name)
		require.Less(t, len(a.body), 4096, bad.name)
		require.NotEmpty(t, a.field(headerCorrelation), bad.name)
		require.Empty(t, b.engine.seen(), "%s reached the engine", bad.name)
	}
	// Correlation ids of requests that were not read to their end are fresh ones.
	golden(t, "bad_inputs.txt", out.String())
}

// exchange sends the pieces of a request on a TCP connection of its own, then reads the answer.
func exchange(t *testing.T, name string, b *testBundle, send func(net.Conn)) string {
	t.Helper()
	conn, err := b.dial()
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	send(conn)
	back, err := io.ReadAll(conn)
	require.NoError(t, err, "%s: the answer must arrive whole, not be cut off by a reset", name)
	return string(back)
}

const bigBody = 10 << 20

// sendMany writes n bytes; the server may stop reading at any time.
func sendMany(conn net.Conn, piece []byte, n int) {
	for sent := 0; sent < n; sent += len(piece) {
		if _, err := conn.Write(piece); err != nil {
			return
		}
	}
}

// The memory that a refusal costs is measured, hence not while other tests run.
func TestServer_RefusesBigBodiesWithoutHoldingThem(t *testing.T) { //nolint:paralleltest // measures memory
	b := setupTCP(t, nil)
	const head = "POST /api/v2/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	piece := bytes.Repeat([]byte("x"), 16<<10)
	chunk := slices.Concat([]byte(strconv.FormatInt(int64(len(piece)), 16)+"\r\n"), piece, []byte("\r\n"))
	for name, send := range map[string]func(net.Conn){
		"its length said": func(conn net.Conn) {
			_, _ = io.WriteString(conn, head+"Content-Length: "+strconv.Itoa(bigBody)+"\r\n\r\n")
			sendMany(conn, piece, bigBody)
		},
		"in chunks": func(conn net.Conn) {
			_, _ = io.WriteString(conn, head+"Transfer-Encoding: chunked\r\n\r\n")
			sendMany(conn, chunk, bigBody)
		},
		"in one chunk": func(conn net.Conn) {
			_, _ = io.WriteString(conn, head+"Transfer-Encoding: chunked\r\n\r\n"+strconv.FormatInt(bigBody, 16)+"\r\n")
			sendMany(conn, piece, bigBody)
		},
		"asked for first": func(conn net.Conn) {
			_, _ = io.WriteString(conn, head+"Expect: 100-continue\r\nContent-Length: "+strconv.Itoa(bigBody)+"\r\n\r\n")
		},
	} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		begun := time.Now()
		back := exchange(t, name, b, send)
		took := time.Since(begun)
		runtime.ReadMemStats(&after)
		require.True(t, strings.HasPrefix(back, "HTTP/1.1 413 "), "%s: %.80q", name, back)
		require.Contains(t, back, `"code":"payload_too_large"`, name)
		require.Contains(t, back, "must be at most 131072 bytes", name)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(2<<20), "%s: memory", name)
		require.Less(t, took, 5*time.Second, name)
	}
	require.Empty(t, b.engine.seen())
}

// Bodies that fit but are hostile must not cost much more than their own size.
func TestServer_RefusesHostileBodiesInBoundedMemory(t *testing.T) { //nolint:paralleltest // measures memory
	b := setupTCP(t, nil)
	for _, bad := range badInputs() {
		var before, after runtime.MemStats
		b.do(t, bad.call)
		runtime.ReadMemStats(&before)
		begun := time.Now()
		b.do(t, bad.call)
		took := time.Since(begun)
		runtime.ReadMemStats(&after)
		// The client's own copies of the request are part of this.
		limit := uint64(512<<10 + 4*len(bad.call.body))
		require.Less(t, after.TotalAlloc-before.TotalAlloc, limit, "%s: memory", bad.name)
		require.Less(t, took, time.Second, bad.name)
	}
}

func TestServer_RefusesWhatIsNotHTTP(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, func(c *Config) { c.ReadTimeout = 300 * time.Millisecond })
	reasons := map[string]string{
		"not HTTP":             "cannot find http request method",
		"a bad content length": "cannot parse content-length",
		"two content lengths":  "duplicate content-length header",
		"a bad chunk":          "empty hex number",
		"length and chunks":    "says its length twice",
	}
	for name, c := range map[string]struct{ request, status, code string }{
		"a header block too large": {
			"GET /livez HTTP/1.1\r\nHost: x\r\nX-Long: " + strings.Repeat("x", 20<<10) + "\r\n\r\n", "431", "header_fields_too_large",
		},
		"a path too long": {
			"GET /" + strings.Repeat("x", 20<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n", "431", "header_fields_too_large",
		},
		"not HTTP":             {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "400", "bad_request"},
		"a bad content length": {"POST /api/v2/orders HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", "400", "bad_request"},
		"two content lengths": {
			"POST /api/v2/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", "400", "bad_request",
		},
		"length and chunks": {
			"POST /api/v2/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400", "bad_request",
		},
		"a bad chunk": {
			"POST /api/v2/orders HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nxx\r\n0\r\n\r\n", "400", "bad_request",
		},
		"a body that does not come": {
			"POST /api/v2/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{", "408", "request_timeout",
		},
		"a header that does not end": {"GET /livez HTTP/1.1\r\nHost: x\r\nX-A", "408", "request_timeout"},
	} {
		back := exchange(t, name, b, func(conn net.Conn) { _, _ = io.WriteString(conn, c.request) })
		require.True(t, strings.HasPrefix(back, "HTTP/1.1 "+c.status+" "), "%s: %.200q", name, back)
		require.Contains(t, back, contentTypeProblem, name)
		require.Contains(t, back, `"code":"`+c.code+`"`, name)
		require.Contains(t, back, reasons[name], name)
		require.Contains(t, back, "Connection: close", name)
		require.NotContains(t, back, "Server:", name)
	}
	require.Empty(t, b.engine.seen())
}
