package web

import (
	"bytes"
	"compress/gzip"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// sizeMax bounds what a browser loads for a page, compressed, in bytes.
const sizeMax = 150 << 10

func TestDashboard_IsSmallAndKeepsToItsOwnFiles(t *testing.T) {
	t.Parallel()
	site, err := Dashboard()
	require.NoError(t, err)
	page := string(site.Page)
	if !site.Built {
		t.Log("THE DASHBOARD IS NOT BUILT: its size is not known; make web builds it, with Node 20 or newer")
		require.Contains(t, page, "make web")
		require.Empty(t, site.Files)
		return
	}
	size := zipped(t, site.Page)
	for name, content := range site.Files {
		require.Regexp(t, `-[A-Za-z0-9_-]{8}\.(js|css|svg)$`, name, "a file that is kept for ever needs its digest in its name")
		require.NotContains(t, name, "/")
		size += zipped(t, content)
	}
	require.LessOrEqual(t, size, sizeMax)

	loaded := regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(page, -1)
	require.NotEmpty(t, loaded)
	for _, match := range loaded {
		require.Regexp(t, `^/api/v2/benchmarks/dashboard/files/`, match[1])
		require.Contains(t, site.Files, match[1][len("/api/v2/benchmarks/dashboard/files/"):])
	}
	require.NotRegexp(t, `(?i)<style|\sstyle=|\son[a-z]+=|<script>|<script type="module">`, page, "inline code breaches the page's policy")
}

func TestDashboard_WithoutItsBuildSaysHowToGetIt(t *testing.T) {
	t.Parallel()
	page, err := static.ReadFile(placeholder)
	require.NoError(t, err)
	require.Contains(t, string(page), "make web")
	require.NotRegexp(t, `(?i)<style|<script|\sstyle=`, string(page))
}

func zipped(t *testing.T, content []byte) int {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Len()
}
