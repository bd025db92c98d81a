package browser

import (
	"strings"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/stretchr/testify/require"
)

// notesMax bounds what is kept of a page that goes wrong again and again.
const notesMax = 50

// breach begins what a page's console says of a breach of its content security policy. Chromium logs
// most of them by itself; the event comes for all.
const breach = "content security policy breached: "

const reportBreaches = `addEventListener("securitypolicyviolation", e =>
  console.error("` + breach + `" + e.violatedDirective + " by " + e.blockedURI + " at " + e.sourceFile + ":" + e.lineNumber))`

// RequireQuiet fails the test when the page threw, logged an error, breached its content security
// policy, or asked for anything beyond its own server.
func (p *Page) RequireQuiet() {
	p.t.Helper()
	Evaluate[bool](p, "new Promise(done => setTimeout(() => done(true)))") // what was on its way has come
	require.Empty(p.t, p.noted())
}

func (p *Page) noted() []string {
	p.notes.Lock()
	defer p.notes.Unlock()
	return append([]string(nil), p.notes.lines...)
}

func (p *Page) note(line string) {
	p.notes.Lock()
	defer p.notes.Unlock()
	if len(p.notes.lines) < notesMax {
		p.notes.lines = append(p.notes.lines, line)
	}
}

// listen is called with every event of the tab, in order.
func (p *Page) listen(event any) {
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if !p.own(e.Request.URL) {
			p.note("request to elsewhere: " + e.Request.URL)
		}
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
		p.note("exception: " + text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "assert" {
			p.note("console: " + argumentsOf(e))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == "error" {
			p.note("log: " + e.Entry.Text)
		}
	}
}

// own reports whether an address is on the page's own server, or nowhere.
func (p *Page) own(address string) bool {
	return address == p.origin || strings.HasPrefix(address, p.origin+"/") ||
		strings.HasPrefix(address, "data:") || strings.HasPrefix(address, "blob:") || strings.HasPrefix(address, "about:")
}

func argumentsOf(e *runtime.EventConsoleAPICalled) string {
	var texts []string
	for _, argument := range e.Args {
		if len(argument.Value) > 0 {
			texts = append(texts, string(argument.Value))
		} else {
			texts = append(texts, argument.Description)
		}
	}
	return strings.Join(texts, " ")
}
