package architecture_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/penstock-dev/penstock"

// rule says which packages of this module a package may import, tests apart. A name that ends in
// /... stands for everything below it.
type rule struct {
	of      string
	imports []string
}

// rules is the picture in ARCHITECTURE.md as a list. Data goes down: http → actors → persistence;
// all speak commerce. A package that is not listed may not exist.
func rules() []rule {
	return []rule{
		{"commerce", nil},
		{"persistence", []string{"commerce"}},
		{"persistence/salesbook", []string{"commerce", "persistence"}},
		{"persistence/pebblestore", []string{"commerce", "persistence", "persistence/salesbook", "internal/planted"}},
		{"persistence/pgstore", []string{"commerce", "persistence", "persistence/salesbook", "internal/planted"}},
		{"persistence/faulty", []string{"commerce", "persistence"}},
		{"persistence/storetest", []string{"commerce", "persistence"}},
		{"access", []string{"commerce", "persistence"}},
		{"actors", []string{"commerce", "persistence", "actors/search", "internal/planted"}},
		{"actors/search", nil},
		{"http/wire", []string{"commerce", "persistence"}},
		{"http", []string{"commerce", "persistence", "actors", "access", "http/wire", "web", "internal/planted"}},
		{"web", nil},
		{"cmd/penstock", []string{"..."}},

		// What stands beside the engine, not in it.
		{"bench", []string{"commerce", "persistence", "http/wire", "bench/history", "bench/peer", "internal/progress", "internal/pgserver", "internal/subscriber"}},
		{"bench/board", []string{"bench", "commerce"}},
		{"bench/history", []string{"commerce", "persistence"}},
		{"bench/peer", []string{"commerce", "persistence", "http/wire", "bench/history"}},
		{"internal/planted", nil},
		{"internal/architecture", nil},
		{"internal/gatekeeper", nil},
		{"internal/aptget", nil},
		{"internal/browser", []string{"internal/aptget"}},
		{"internal/pgserver", nil},
		{"internal/redistest", []string{"internal/aptget"}},
		{"internal/frontproxy", []string{"internal/aptget"}},
		{"internal/slowclients", []string{"internal/aptget"}},
		{"internal/pgtest", []string{"internal/aptget", "internal/pgserver"}},
		{"internal/withpg", []string{"internal/pgtest"}},
		{"internal/testreport", nil},
		{"internal/fanout", nil},
		{"internal/progress", nil},
		{"internal/csvfile", nil},
		{"internal/client", []string{"commerce", "http/wire"}},
		{"internal/productimport", []string{"commerce", "internal/client", "internal/csvfile", "internal/fanout"}},
		{"internal/orderreplay", []string{"commerce", "internal/client", "internal/csvfile", "internal/fanout"}},
		{"internal/storecopy", []string{"commerce", "persistence", "persistence/pgstore"}},
		{"internal/democatalog", []string{"commerce", "actors", "internal/fanout"}},
		{"internal/checker", []string{"commerce", "persistence"}},
		{"internal/torture", []string{"..."}},
		{"internal/audience", []string{"..."}},
		{"internal/shopyear", []string{"..."}},
		{"internal/subscriber", nil},
		{"internal/apifuzz", nil},
		{"internal/scan", []string{"..."}},
	}
}

// fences says who alone may import what comes from outside, tests apart: libraries whose types
// would otherwise spread.
func fences() map[string][]string {
	return map[string][]string{
		"github.com/asynkron/protoactor-go": {"actors"},
		"github.com/cockroachdb/pebble/v2":  {"persistence/pebblestore"},
		"github.com/jackc/pgx/v5":           {"persistence/pgstore", "internal/pgserver", "internal/pgtest", "bench/..."},
		"github.com/pressly/goose/v3":       {"persistence/pgstore"},
		"github.com/valyala/fasthttp":       {"http/...", "internal/client", "internal/apifuzz", "bench/..."},
		"github.com/redis/go-redis/v9":      {"bench/..."},
		"github.com/fasthttp/router":        {"http"},
		"github.com/fasthttp/websocket":     {"http"},
		"github.com/blevesearch":            {"actors/search"},
		"github.com/RoaringBitmap":          {"actors/search"},
		"github.com/allegro/bigcache/v3":    {"actors"},
		"net/http":                          {"access", "internal/slowclients", "internal/scan"}, // for asking an issuer; for asking as others do
		"github.com/golang-jwt/jwt/v5":      {"access"},
		"github.com/hashicorp/golang-lru":   {"access"},
		"golang.org/x/time":                 {"access"},
		"github.com/alecthomas/kong":        {"cmd/..."},
		"github.com/stretchr/testify":       {"persistence/storetest", "internal/browser"},
		"github.com/chromedp":               {"internal/browser"},
		"pgregory.net/rapid":                {"persistence/storetest"},
	}
}

func TestImportsFollowTheData(t *testing.T) {
	t.Parallel()
	byPackage := make(map[string][]string)
	for _, r := range rules() {
		byPackage[r.of] = r.imports
	}
	for _, p := range packages(t) {
		allowed, listed := byPackage[p.path]
		if !listed {
			t.Errorf("package %s is not in the rules: say there what it may import", p.path)
			continue
		}
		for _, imported := range p.imports {
			within, ours := strings.CutPrefix(imported.path, module+"/")
			if ours && !matchesAny(within, allowed) {
				t.Errorf("%s: %s must not import %s; it may import %v", imported.place, p.path, within, allowed)
			}
		}
	}
}

func TestCommerceImportsOnlyTheStandardLibrary(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if p.path != "commerce" {
			continue
		}
		for _, imported := range p.imports {
			first, _, _ := strings.Cut(imported.path, "/")
			if strings.Contains(first, ".") {
				t.Errorf("%s: commerce must import nothing but the standard library, not %s", imported.place, imported.path)
			}
		}
	}
}

func TestLibrariesStayBehindTheirFences(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, imported := range p.imports {
			for library, allowed := range fences() {
				if within(imported.path, library) && !matchesAny(p.path, allowed) {
					t.Errorf("%s: %s must not import %s; only %v may", imported.place, p.path, imported.path, allowed)
				}
			}
		}
	}
}

func TestRulesNameNoPackageThatIsNotThere(t *testing.T) {
	t.Parallel()
	var there []string
	for _, p := range packages(t) {
		there = append(there, p.path)
	}
	for _, r := range rules() {
		require.Contains(t, there, r.of)
	}
}

func within(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }

func matchesAny(path string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		folder, below := strings.CutSuffix(pattern, "...")
		if !below {
			return path == pattern
		}
		return folder == "" || within(path, strings.TrimSuffix(folder, "/"))
	})
}
