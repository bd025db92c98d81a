package browser

import (
	"context"
	"os"
	"path/filepath"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// Download carries out steps that make the page hand out a file, and returns the file's name and
// content. One page of a browser may do so at a time.
func (p *Page) Download(steps ...chromedp.Action[chromedp.Void]) (name string, content []byte) {
	p.t.Helper()
	folder := p.t.TempDir()
	ctx, cancel := context.WithTimeout(p.ctx, stepPatience)
	defer cancel()
	events := true
	_, err := chromedp.CallBrowser(ctx, cdpbrowser.SetDownloadBehavior, cdpbrowser.SetDownloadBehaviorParams{
		Behavior: "allowAndName", DownloadPath: folder, EventsEnabled: &events,
	})
	require.NoError(p.t, err)
	begins := chromedp.BrowserEvents(ctx, cdpbrowser.DownloadWillBegin)
	moves := chromedp.BrowserEvents(ctx, cdpbrowser.DownloadProgress)
	p.Do(steps...)
	var id string
	for event, err := range begins {
		require.NoError(p.t, err, "the page handed out no file")
		name, id = event.SuggestedFilename, event.GUID
		break
	}
	for event, err := range moves {
		require.NoError(p.t, err, "the file did not arrive")
		if event.GUID == id && event.State == "completed" {
			break
		}
		require.NotEqual(p.t, "canceled", string(event.State))
	}
	content, err = os.ReadFile(filepath.Join(folder, id))
	require.NoError(p.t, err)
	return name, content
}
