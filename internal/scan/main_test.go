package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/bench"
	"github.com/penstock-dev/penstock/internal/apifuzz"
)

// sqlmap leaves ids in paths and header fields alone, unless they are marked.
func TestRequestsAreMarkedWhereSqlmapWouldNotLook(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "of-one")
	s := apifuzz.Sample{
		Method: "POST", Path: "/orders/019f5fda-c2fb-7000-8000-000000000002/cancel?reason=x", Fields: [][2]string{{"Idempotency-Key", "k"}, {"If-Match", "*"}},
		Media: "application/json", Body: `{"a":1}`,
	}
	require.Empty(t, prepare(&target{key: "pk_1", process: &bench.Process{Address: "127.0.0.1:1"}}, s, dir))
	text, err := os.ReadFile(filepath.Join(dir, "request"))
	require.NoError(t, err)
	require.Equal(t, "POST /orders/019f5fda-c2fb-7000-8000-000000000002*/cancel?reason=x HTTP/1.1\r\nHost: 127.0.0.1:1\r\nAuthorization: Bearer pk_1\r\n"+
		"Idempotency-Key: k*\r\nIf-Match: *\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}", string(text))
}

func TestOnlyWhatIsMeantIsAccepted(t *testing.T) {
	t.Parallel()
	require.NotEmpty(t, accepted("X-XSS-Protection is not set"))
	require.Empty(t, accepted("X-Content-Type-Options is not set"))
	require.Empty(t, accepted("CSP is not set"))
}

func TestWrongFlagsAreRefused(t *testing.T) {
	t.Parallel()
	require.Equal(t, 2, run([]string{"-no-such-flag"}, io.Discard, io.Discard))
}
