package browser

import "github.com/penstock-dev/penstock/internal/aptget"

// Program is a Chromium's, or a Chrome's, in PATH or in the usual places.
func Program() *aptget.Program {
	return &aptget.Program{
		Name: "a Chromium", Variable: "PENSTOCK_TEST_CHROMIUM", Package: "chromium",
		Binaries: []string{
			"chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome", "headless-shell",
			"/Applications/Chromium.app/Contents/MacOS/Chromium",
			"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
		},
	}
}
