package http

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// conversations are requests that succeed, one for each route and way of asking. The file
// testdata/conversations.txt shows the answers.
func conversations() []call {
	merge := []string{headerContentType, contentTypeMergePatch, headerIfMatch, `"12-3407"`}
	return []call{
		{"POST", pathProducts, productBody, []string{headerCaller, "kim", headerIdempotencyKey, "k-1"}},
		{"GET", productPath(2, ""), "", nil},
		{"HEAD", productPath(2, ""), "", nil},
		{"GET", productPath(2, ""), "", []string{headerIfNoneMatch, `"12-3407"`}},
		{"GET", pathProducts + "?page=1&per_page=1&category=kitchen&sku=K-1&min_price=1&max_price=2000&in_stock=true&sort=-price", "", nil},
		{"GET", pathProducts + "/search?q=ketle&per_page=1&category=kitchen", "", nil},
		{"GET", pathProducts + "/suggest?q=ket", "", nil},
		{"PATCH", productPath(2, ""), `{"price":1300,"attributes":{"size":"L"}}`, merge},
		{"PATCH", productPath(2, ""), `{"sku":null}`, []string{headerIfMatch, "*"}},
		{"DELETE", productPath(2, ""), "", nil},
		{"DELETE", productPath(2, ""), "", []string{headerIfMatch, `W/"12-1", "3"`}},
		{"POST", productPath(2, "/stock/update?quantity_change=-5&reason=sold"), "", nil},
		{"POST", productPath(2, "/stock/update"), `{"quantity_change":-5,"reason":"sold"}`, []string{headerIdempotencyKey, "k-2"}},
		{"GET", productPath(2, "/stock/movements?limit=5"), "", nil},
		{"POST", pathOrders, orderBody, []string{headerCaller, "kim", headerIdempotencyKey, "k-3"}},
		{"GET", orderPath(1, ""), "", nil},
		{"GET", orderPath(1, ""), "", []string{headerIfNoneMatch, `"1"`}},
		{"GET", pathOrders + "?status=pending&customer_id=kim&product_id=" + sampleID(2).String() +
			"&start_date=2026-07-01&end_date=2026-07-14&limit=100", "", nil},
		{"POST", orderPath(1, "/cancel?reason=too%20late"), "", nil},
		{"POST", orderPath(1, "/cancel"), `{"reason":"too late"}`, nil},
		{"POST", orderPath(1, "/cancel"), "", nil},
		{"POST", orderPath(1, "/transitions"), `{"to":"shipped","carrier":"CJ","tracking_number":"7","note":"n"}`, nil},
		{"POST", pathOrders + "/transitions", `{"transitions":[{"order_id":"` + sampleID(1).String() + `","to":"paid"}]}`, nil},
		{"GET", orderPath(1, "/tracking"), "", nil},
		{"HEAD", orderPath(1, "/events"), "", nil},
		{"POST", pathAPI + "/admin/verify", "", nil},
		{"GET", "/health?verbose", "", nil},
		{"GET", "/livez", "", nil},
		{"GET", "/readyz", "", nil},
		{"OPTIONS", productPath(2, ""), "", nil},
	}
}

func TestServer_AnswersEveryRoute(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	var out strings.Builder
	for _, c := range conversations() {
		a := b.do(t, c)
		require.Less(t, a.status, 400, "%s %s: %s", c.method, c.path, a.body)
		show(t, &out, c, a)
		for _, asked := range b.engine.seen() {
			fmt.Fprintf(&out, "engine: %s\n", spell(asked))
		}
		out.WriteString("\n")
	}
	golden(t, "conversations.txt", out.String())
}

// show writes a request and its answer as they would be typed.
func show(t testing.TB, out *strings.Builder, c call, a answer) {
	t.Helper()
	if c.method != "" {
		fmt.Fprintf(out, "> %s %s\n", c.method, clip(c.path))
	}
	for i := 0; i < len(c.headers); i += 2 {
		fmt.Fprintf(out, "> %s: %s\n", c.headers[i], clip(c.headers[i+1]))
	}
	if c.body != "" {
		fmt.Fprintf(out, "> %s\n", clip(c.body))
	}
	fmt.Fprintf(out, "%d\n", a.status)
	for name, text := range a.header.All() {
		switch string(name) {
		case "Date", "Content-Length", "Connection":
		case "Content-Type":
			if len(a.body) > 0 { // the client makes one up for an answer that has none
				fmt.Fprintf(out, "%s: %s\n", name, text)
			}
		default:
			fmt.Fprintf(out, "%s: %s\n", name, text)
		}
	}
	if a.body != "" {
		require.True(t, json.Valid([]byte(a.body)), a.body)
		var pretty bytes.Buffer
		require.NoError(t, json.Indent(&pretty, []byte(a.body), "", "  "))
		body := pretty.String()
		if i := strings.Index(body, `"uptime_seconds"`); i >= 0 {
			body = body[:i] + "…"
		}
		out.WriteString(body + "\n")
	}
}

// clip shortens what is too long to read.
func clip(text string) string {
	const shown = 200
	quoted := fmt.Sprintf("%q", text[:min(len(text), shown)])
	quoted = strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
	if len(text) > shown {
		quoted += fmt.Sprintf("… (%d bytes)", len(text))
	}
	return quoted
}

// spell writes what the engine was asked, pointers followed.
func spell(asked any) string {
	text, err := json.Marshal(asked)
	if err != nil || string(text) == "{}" {
		return fmt.Sprintf("%+v", asked)
	}
	return fmt.Sprintf("%T %s", asked, text)
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
