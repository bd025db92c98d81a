package browser

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// Page is a tab. Its methods fail the test that opened it when something does not work within two
// minutes. It is not safe for concurrent use.
type Page struct {
	t      testing.TB
	ctx    context.Context //nolint:containedctx // chromedp keeps the tab in it
	origin string
	notes  struct {
		sync.Mutex
		lines []string
	}
}

// Look is how a page is looked at.
type Look struct {
	Width, Height int64  // of the window, in CSS pixels
	Scheme        string // "light" or "dark", as the reader's system prefers
}

// Desktop and Phone are the two windows that every page has to fit.
func Desktop(scheme string) Look { return Look{Width: 1280, Height: 800, Scheme: scheme} }

// Phone is a narrow window.
func Phone(scheme string) Look { return Look{Width: 390, Height: 844, Scheme: scheme} }

// Open opens an address in a new tab, which is closed with the test.
func (b *Browser) Open(t testing.TB, address string, look Look) *Page {
	t.Helper()
	target, err := url.Parse(address)
	require.NoError(t, err)
	p := &Page{t: t, origin: target.Scheme + "://" + target.Host}
	ctx, closeTab := chromedp.NewContext(b.ctx, chromedp.WithListener(p.listen))
	t.Cleanup(closeTab)
	p.ctx = ctx
	require.NoError(t, chromedp.Do(ctx)) // makes the tab: a deadline here would close it later
	p.Do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
			return err
		}
		_, err := chromedp.Call(ctx, cdppage.AddScriptToEvaluateOnNewDocument,
			cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: reportBreaches})
		return err
	}))
	p.Look(look)
	p.Do(chromedp.Navigate(address))
	return p
}

// Do carries out steps one after another.
func (p *Page) Do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, stepPatience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.fail(err.Error())
	}
}

// Wait waits until a JavaScript expression is true.
func (p *Page) Wait(expression string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, stepPatience)
	defer cancel()
	for {
		// An expression that throws is not true yet: what it looks at is not there.
		holds, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("(() => { try { return !!("+expression+") } catch { return false } })()"))
		if err == nil && holds {
			return
		}
		select {
		case <-ctx.Done():
			p.fail("waited in vain for " + expression)
		case <-time.After(pollInterval):
		}
	}
}

const pollInterval = 50 * time.Millisecond

// Click clicks on what a CSS selector finds first, once it stands still: a page that has just been
// resized still moves, and a click meant for one thing would hit another.
func (p *Page) Click(selector string) {
	p.t.Helper()
	p.Wait(fmt.Sprintf(`document.querySelector(%q)`, selector))
	Evaluate[bool](p, fmt.Sprintf(`new Promise(done => {
		let before = "";
		const look = () => {
			const {x, y, width, height} = document.querySelector(%q)?.getBoundingClientRect() ?? {};
			const now = [x, y, width, height].join();
			if (now === before) return done(true);
			before = now;
			setTimeout(() => requestAnimationFrame(look), 50);
		};
		document.querySelector(%q)?.scrollIntoView({block: "center"});
		look();
	})`, selector, selector))
	p.Do(chromedp.Click(chromedp.CSS(selector)))
}

// Evaluate returns the value of a JavaScript expression; of a promise, what it comes to.
func Evaluate[T any](p *Page, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, stepPatience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.fail("evaluate: " + err.Error())
	}
	return v
}

// Look changes the window and the reader's preference, as it were.
func (p *Page) Look(look Look) {
	p.t.Helper()
	p.Do(
		chromedp.EmulateViewport(look.Width, look.Height),
		chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
			_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{
					{Name: "prefers-color-scheme", Value: look.Scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
				},
			})
			return err
		}),
	)
}

// PicturesVariable names a folder into which Shoot puts its pictures, for people to look at.
const PicturesVariable = "PENSTOCK_TEST_PICTURES"

// Shoot takes a picture of the whole page, as PNG, when PicturesVariable says where to put it.
func (p *Page) Shoot(name string) {
	p.t.Helper()
	folder := os.Getenv(PicturesVariable)
	if folder == "" {
		return
	}
	ctx, cancel := context.WithTimeout(p.ctx, stepPatience)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	require.NoError(p.t, err)
	require.NoError(p.t, os.MkdirAll(folder, 0o755))
	require.NoError(p.t, os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o644))
}

// fail ends the test and says what the page had to say.
func (p *Page) fail(what string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, stepPatience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body ? document.body.innerText : ''"))
	if err != nil {
		text = err.Error()
	}
	p.t.Fatalf("%s\nnoted: %q\nthe page shows:\n%s", what, p.noted(), text)
}
