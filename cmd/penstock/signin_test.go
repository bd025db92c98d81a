package main

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/internal/browser"
	"github.com/penstock-dev/penstock/web"
)

// TestSignIn opens a page of a server whose callers must prove who they are: it leads to the sign-in, takes a
// wrong key for what it is, and goes back with the right one; a benchmark runs in the session; after signing
// out the page is closed again.
func TestSignIn(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	code, key, stderr := runCommand(t, nil, "keys", "create", "--name", "Kim", "--subject", "kim", "--scope", "bench:run", "--data", data)
	require.Equal(t, exitOK, code, stderr)
	key = strings.TrimSpace(key)
	s := startServer(t, data, "--auth", "on", "--benchmarks", "on", "--http-access-log", "errors")
	chromium := browser.Start(t)
	site, err := web.Dashboard()
	require.NoError(t, err)
	start := "/login"
	if site.Built {
		start = dashboardPath // it leads there
	}
	p := chromium.Open(t, s.target+start, browser.Desktop("light"))
	v := &visitor{p}
	p.Wait(`location.pathname === "/login" && !document.querySelector("#form").hidden`)
	for _, scheme := range []string{"light", "dark"} {
		v.Look(browser.Phone(scheme))
		v.Shoot("signin-phone-" + scheme)
		v.Look(browser.Desktop(scheme))
		v.Shoot("signin-desktop-" + scheme)
		v.Audit(axePath)
	}
	wrong := key[:len(key)-1] + "a"
	if wrong == key {
		wrong = key[:len(key)-1] + "b"
	}
	v.enter(wrong)
	p.Wait(`document.querySelector("#fault").innerText.includes("not valid")`)
	v.enter(key)
	p.Wait(`location.pathname === "` + dashboardPath + `"`)
	require.Empty(t, browser.Evaluate[string](p, `document.cookie`), "no script sees the session")
	if site.Built {
		p.Wait(`document.body.innerText.includes("Nothing has been measured")`)
		v.run("order", 1)
	}
	p.Do(chromedp.Navigate(s.target + "/login?next=//elsewhere.example/"))
	p.Wait(`document.querySelector("#subject").innerText === "kim"`)
	require.Equal(t, s.target+dashboardPath, browser.Evaluate[string](p, `document.querySelector("#onward").href`))
	v.Shoot("signin-signed-in")
	v.Audit(axePath)
	v.Click("#leave")
	p.Wait(`document.querySelector("#form") && !document.querySelector("#form").hidden`)
	require.Equal(t, exitOK, s.stop(t), s.logs.String())
	require.NotContains(t, s.logs.String(), key)
}

// enter puts a credential into the form and sends it.
func (v *visitor) enter(credential string) {
	v.set("#credential", credential)
	v.Click("#form button")
}
