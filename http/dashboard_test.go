package http

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/web"
)

func TestDashboard_IsServedUnderAStrictPolicy(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	a := b.do(t, call{"GET", pathDashboard, "", nil})
	require.Equal(t, 200, a.status)
	require.Equal(t, contentTypeHTML, a.field("Content-Type"))
	policy := a.field("Content-Security-Policy")
	require.Equal(t, pagePolicy, policy)
	require.True(t, strings.HasPrefix(policy, "default-src 'none';"))
	require.NotContains(t, policy, "unsafe")
	require.Equal(t, "nosniff", a.field("X-Content-Type-Options"))
	require.Equal(t, "private, no-cache", a.field("Cache-Control"))
	require.Contains(t, a.body, "<html lang=\"en\">")

	again := b.do(t, call{"GET", pathDashboard, "", []string{headerIfNoneMatch, a.field("ETag")}})
	require.Equal(t, 304, again.status)
	require.Empty(t, again.body)
	for _, name := range []string{"ETag", "Vary", "Cache-Control", "Content-Security-Policy"} {
		require.NotEmpty(t, a.field(name))
		require.Equal(t, a.field(name), again.field(name), "a 304 says what the 200 would")
	}
}

func TestDashboard_IsCompressedForWhoReadsThat(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	plain := b.do(t, call{"GET", pathDashboard, "", nil})
	require.Empty(t, plain.field("Content-Encoding"))
	a := b.do(t, call{"GET", pathDashboard, "", []string{"Accept-Encoding", "br, gzip"}})
	require.Equal(t, "gzip", a.field("Content-Encoding"))
	require.Equal(t, "Accept-Encoding", a.field("Vary"))
	r, err := gzip.NewReader(strings.NewReader(a.body))
	require.NoError(t, err)
	text, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, plain.body, string(text))
}

func TestDashboard_FilesNeverChangeUnderTheirNames(t *testing.T) {
	t.Parallel()
	b := setup(t, func(*Config) {})
	made, err := newSite(&web.Site{Page: []byte("<p>page</p>"), Files: map[string][]byte{
		"index-1a2b3c4d.js": bytes.Repeat([]byte("code;"), 100), "index-1a2b3c4d.css": []byte("p{}"), "icon-1a2b3c4d.svg": []byte("<svg/>"),
	}})
	require.NoError(t, err)
	b.server.dashboard = func() (*site, error) { return made, nil }
	for name, kind := range map[string]string{
		"index-1a2b3c4d.js": "text/javascript; charset=utf-8", "index-1a2b3c4d.css": "text/css; charset=utf-8", "icon-1a2b3c4d.svg": "image/svg+xml",
	} {
		a := b.do(t, call{"GET", pathDashboard + "/files/" + name, "", nil})
		require.Equal(t, 200, a.status, name)
		require.Equal(t, kind, a.field("Content-Type"))
		require.Equal(t, "public, max-age=31536000, immutable", a.field("Cache-Control"))
		require.Equal(t, "nosniff", a.field("X-Content-Type-Options"))
	}
	for _, name := range []string{"index-00000000.js", "..%2fweb.go", "%2e%2e"} {
		a := b.do(t, call{"GET", pathDashboard + "/files/" + name, "", nil})
		require.Equal(t, 404, a.status, name)
		require.Contains(t, a.body, `"code":"not_found"`)
	}
}
