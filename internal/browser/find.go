package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"github.com/penstock-dev/penstock/internal/aptget"
)

// BinaryVariable names a Chromium or Chrome, which is then the only one considered.
const BinaryVariable = "PENSTOCK_TEST_CHROMIUM"

// ErrNoBrowser says that this machine has no Chromium and that none could be installed.
var ErrNoBrowser = errors.New("no Chromium on this machine")

// Find returns the path of a Chromium: the one that BinaryVariable names, else one in PATH or in the
// usual places. When there is none and this is root on a system with apt-get, it is installed, which
// takes its time, whatever the context says.
func Find(ctx context.Context) (string, error) {
	if path := os.Getenv(BinaryVariable); path != "" {
		if _, err := exec.LookPath(path); err != nil {
			return "", fmt.Errorf("%w: %s: %w", ErrNoBrowser, BinaryVariable, err)
		}
		return path, nil
	}
	if err := aptget.Wait(ctx); err != nil {
		return "", err
	}
	if path, ok := lookAround(); ok {
		return path, nil
	}
	if err := install(ctx); err != nil {
		return "", fmt.Errorf("%w (%w): install it (Debian: apt-get install chromium; macOS: brew install --cask chromium), "+
			"or set %s to the path of a Chromium or Chrome", ErrNoBrowser, err, BinaryVariable)
	}
	if path, ok := lookAround(); ok {
		return path, nil
	}
	return "", fmt.Errorf("%w: it was installed, but is in no usual place; set %s", ErrNoBrowser, BinaryVariable)
}

func lookAround() (path string, ok bool) {
	for _, name := range []string{
		"chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome", "headless-shell",
		"/Applications/Chromium.app/Contents/MacOS/Chromium",
		"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
	} {
		if path, err := exec.LookPath(name); err == nil {
			return path, true
		}
	}
	return "", false
}

func install(ctx context.Context) error {
	return aptget.Exclusively(ctx, "a Chromium", func(ctx context.Context) error {
		if _, ok := lookAround(); ok {
			return nil // another test process was faster
		}
		updated := aptget.Update(ctx) // without new lists the old ones may do
		if err := aptget.Install(ctx, "chromium"); err != nil {
			return errors.Join(err, updated)
		}
		return nil
	})
}
