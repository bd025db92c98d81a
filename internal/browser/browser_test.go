package browser_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/internal/browser"
)

// servePages serves pages under a strict policy.
func servePages(t *testing.T, pages map[string]string) (base string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'; img-src data:")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<!doctype html><html lang=en><link rel=icon href=data:,><title>test</title>"+pages[r.URL.Path])
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// recorder is a test that notes its failure.
type recorder struct {
	testing.TB
	failed string
}

func (r *recorder) Helper()             {}
func (r *recorder) FailNow()            { panic(r) }
func (r *recorder) Logf(string, ...any) {}

func (r *recorder) Errorf(format string, args ...any) { r.failed += fmt.Sprintf(format, args...) }

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	r.FailNow()
}

// failure returns what a check says when it fails, and "" when it passes.
func failure(t *testing.T, b *browser.Browser, address string, check func(*browser.Page)) (text string) {
	t.Helper()
	r := &recorder{TB: t}
	defer func() {
		if p := recover(); p != nil && p != any(r) {
			panic(p)
		}
		text = r.failed
	}()
	check(b.Open(r, address, browser.Desktop("light")))
	return ""
}

func TestPage(t *testing.T) {
	t.Parallel()
	base := servePages(t, map[string]string{
		"/fine":   `<main id=here>hello</main>`,
		"/inline": `<script>document.title = "breached"</script>`,
		"/style":  `<p style="color: red">red</p>`,
		"/image":  `<img alt="" src="http://127.0.0.1:1/x.png">`,
	})
	b := browser.Start(t)
	quiet := (*browser.Page).RequireQuiet

	t.Run("a page that keeps the rules is quiet", func(t *testing.T) {
		t.Parallel()
		p := b.Open(t, base+"/fine", browser.Phone("dark"))
		p.Do(chromedp.WaitVisible(chromedp.CSS("#here")))
		p.Wait("document.body.innerText.includes('hello')")
		require.Equal(t, 390, browser.Evaluate[int](p, "Promise.resolve(innerWidth)"))
		require.True(t, browser.Evaluate[bool](p, "matchMedia('(prefers-color-scheme: dark)').matches"))
		p.RequireQuiet()
	})
	t.Run("an inline script is noted", func(t *testing.T) {
		t.Parallel()
		require.Contains(t, failure(t, b, base+"/inline", quiet), "content security policy breached: script-src")
	})
	t.Run("an inline style is noted", func(t *testing.T) {
		t.Parallel()
		require.Contains(t, failure(t, b, base+"/style", quiet), "content security policy breached: style-src")
	})
	t.Run("a request to elsewhere is noted", func(t *testing.T) {
		t.Parallel()
		require.Contains(t, failure(t, b, base+"/image", quiet), "content security policy breached: img-src")
	})
	t.Run("an exception is noted", func(t *testing.T) {
		t.Parallel()
		require.Contains(t, failure(t, b, base+"/fine", func(p *browser.Page) {
			browser.Evaluate[bool](p, "setTimeout(() => { throw new Error('thrown late') }), true")
			p.RequireQuiet()
		}), "thrown late")
	})
}
