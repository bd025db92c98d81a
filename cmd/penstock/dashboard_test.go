package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/internal/browser"
	"github.com/penstock-dev/penstock/web"
)

const (
	dashboardPath = "/api/v2/benchmarks/dashboard"
	axePath       = "../../web/node_modules/axe-core/axe.min.js"
	peersFile     = "testdata/peers.json" // what penstock bench --json prints, of Penstock and peers
)

// TestDashboard drives the page as a person would: starts a run, watches it, compares two results and
// takes a report away, in both colour schemes and on a phone. Where the page has not been built it
// must say how to get it.
func TestDashboard(t *testing.T) {
	t.Parallel()
	site, err := web.Dashboard()
	require.NoError(t, err)
	s := startServer(t, t.TempDir(), "--http-access-log", "errors")
	if !site.Built {
		status, body := get(t, s.target+dashboardPath)
		require.Equal(t, http.StatusOK, status)
		require.Contains(t, body, "make web")
		t.Log("THE DASHBOARD WAS NOT TESTED IN A BROWSER: it has not been built; make web does that, with Node 20 or newer")
		return
	}
	chromium := browser.Start(t)
	p := chromium.Open(t, s.target+dashboardPath, browser.Desktop("light"))
	v := &visitor{p}

	p.Wait(`document.body.innerText.includes("Nothing has been measured")`)
	v.audit("empty")
	v.run("order", 2)
	v.audit("run")
	v.run("order-hot", 1)
	v.run("order", 2)

	v.visit("#/results")
	p.Wait(`document.querySelectorAll(".rows tbody tr").length === 3`)
	p.Do(chromedp.SetUploadFiles(chromedp.CSS(`input[type=file]`), []string{absolute(t, peersFile)}))
	p.Wait(`document.querySelectorAll(".rows tbody tr").length === 4`)
	v.audit("results")

	v.compare()
	v.audit("compare")
	v.reports(t, chromium)

	v.visit("#/sides")
	p.Wait(`document.querySelectorAll(".svgchart .ratio").length === 4`)
	v.audit("sides")

	v.keyboard()
	p.RequireQuiet()
	require.Equal(t, exitOK, s.stop(t), s.logs.String())

	off := startServer(t, t.TempDir(), "--benchmarks", "off")
	p = chromium.Open(t, off.target+dashboardPath, browser.Desktop("light"))
	p.Wait(`document.querySelector("[role=alert]").innerText.includes("--benchmarks=on")`)
	(&visitor{p}).audit("off")
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	whole, err := filepath.Abs(path)
	require.NoError(t, err)
	return whole
}

// visitor is somebody at the page.
type visitor struct {
	*browser.Page
}

// visit follows an address within the page.
func (v *visitor) visit(hash string) {
	browser.Evaluate[string](v.Page, `location.hash = "`+hash+`"`)
}

// audit looks at a view in every form: nothing may be out of reach, and nothing may stand beyond the
// edge of a phone.
func (v *visitor) audit(view string) {
	for _, scheme := range []string{"light", "dark"} {
		v.Look(browser.Phone(scheme))
		v.Wait(`document.documentElement.scrollWidth <= innerWidth`)
		v.Shoot("dashboard-" + view + "-phone-" + scheme)
		v.Look(browser.Desktop(scheme))
		v.Shoot("dashboard-" + view + "-desktop-" + scheme)
		v.Audit(axePath)
	}
	v.Look(browser.Desktop("light"))
}

// run starts a run that ends by its time, and watches it until it is done.
func (v *visitor) run(scenario string, seconds int) {
	v.visit("#/run")
	v.Wait(`!document.querySelector("input[name=iterations]").disabled`)
	v.set("select[name=scenario]", scenario)
	v.set("input[name=iterations]", "100000")
	v.set("input[name=seconds]", strconv.Itoa(seconds))
	v.Click("button[type=submit]")
	v.Wait(`document.querySelector("[data-phase]").dataset.phase === "measuring" && +document.querySelector("[role=progressbar]").ariaValueNow > 0`)
	v.Wait(`document.querySelector("[data-phase]").dataset.phase === "done"`)
	v.Wait(`document.querySelectorAll(".plot canvas").length === 2`)
}

// set changes a field of a form.
func (v *visitor) set(field, value string) {
	browser.Evaluate[bool](v.Page, fmt.Sprintf(`(() => {
		const field = document.querySelector(%q);
		field.value = %q;
		for (const event of ["input", "change"]) field.dispatchEvent(new Event(event, {bubbles: true}));
		return field.value === %q;
	})()`, field, value, value))
}

// compare chooses the two runs of the same scenario in the list.
func (v *visitor) compare() {
	v.Click(".rows tbody tr:nth-child(1) input")
	v.Click(".rows tbody tr:nth-child(3) input")
	v.Click("a.primary")
	v.Wait(`document.querySelector("[data-verdict]").dataset.verdict !== ""`)
	v.Wait(`document.querySelectorAll(".svgchart .dot").length === 1`)
}

// reports takes away what can be taken away, and opens it from the disk.
func (v *visitor) reports(t *testing.T, chromium *browser.Browser) {
	export := func(label string) chromedp.Action[chromedp.Void] {
		return chromedp.Click(chromedp.Search(`//button[normalize-space()="` + label + `"]`))
	}
	name, content := v.Download(export("Export JSON"))
	require.Regexp(t, `^penstock-compare-.*\.json$`, name)
	require.True(t, json.Valid(content))

	name, content = v.Download(export("Export report"))
	require.Regexp(t, `^penstock-compare-.*\.html$`, name)
	openReport(t, chromium, content, 1)

	v.visit("#/results")
	v.Click(".rows tbody tr:nth-child(1) a")
	v.Wait(`document.querySelectorAll(".plot canvas").length === 2`)
	v.audit("result")
	_, content = v.Download(export("Export report"))
	openReport(t, chromium, content, 2)
}

// openReport opens a report as its reader would: from a disk, where it must look as it did on the page,
// ask nobody for anything and run nothing.
func openReport(t *testing.T, chromium *browser.Browser, content []byte, charts int) {
	t.Helper()
	require.NotContains(t, string(content), "<script")
	file := filepath.Join(t.TempDir(), "report.html")
	require.NoError(t, os.WriteFile(file, content, 0o644))
	p := chromium.Open(t, "file://"+file, browser.Desktop("dark"))
	p.Wait(fmt.Sprintf(`document.querySelectorAll("svg.svgchart").length === %d`, charts))
	p.Wait(`getComputedStyle(document.querySelector(".svgchart .tick")).fill !== "rgb(0, 0, 0)"`)
	p.Shoot(fmt.Sprintf("report-%d", charts))
	p.Audit(axePath)
	p.RequireQuiet()
}

// keyboard does without a mouse: walks along a curve, and changes the view and the colours.
func (v *visitor) keyboard() {
	v.visit("#/results")
	v.Wait(`document.querySelectorAll(".plot canvas").length === 2`)
	v.Do(
		chromedp.Focus(chromedp.CSS(".plot")),
		chromedp.KeyEvent(kb.End),
		chromedp.WaitVisible(chromedp.CSS(".tip")),
		chromedp.KeyEvent(kb.Enter), // opens the result that the curve's last point is
	)
	v.Wait(`location.hash.startsWith("#/result/") && document.activeElement.id === "main"`)
	v.Do(
		chromedp.Focus(chromedp.CSS(`header [role=group] button:last-child`)),
		chromedp.KeyEvent(kb.Enter),
	)
	v.Wait(`document.documentElement.dataset.theme === "dark" && getComputedStyle(document.body).backgroundColor === "rgb(12, 19, 24)"`)
}
