package browser

import (
	"context"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

const (
	// startPatience bounds the start of Chromium: on a machine that is busy with other tests it takes
	// long.
	startPatience = 2 * time.Minute
	// stepPatience bounds one Do, Wait or Evaluate.
	stepPatience = 2 * time.Minute
)

// Browser is a Chromium with a profile of its own. It ends with its test.
type Browser struct {
	ctx context.Context //nolint:containedctx // chromedp keeps the browser in it
}

// Start starts a Chromium, or fails the test when there is none.
func Start(t testing.TB) *Browser {
	t.Helper()
	path, err := Program().Find(t.Context())
	require.NoError(t, err)
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.NoSandbox, // tests run as root in containers, where Chromium refuses to start with one
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		// No tab may reach anything but this machine, whatever a page or Chromium itself wants.
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
	)
	allocator, release := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stop := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // closes it in order, so that its profile can be removed
		stop()
		release()
	})
	started := make(chan error, 1)
	go func() { started <- chromedp.Do(ctx) }() // the first call starts it, and must not have a deadline
	select {
	case err := <-started:
		require.NoError(t, err, "start %s", path)
	case <-time.After(startPatience):
		t.Fatalf("%s did not start within %s", path, startPatience)
	}
	return &Browser{ctx: ctx}
}
