//go:build planted

package planted

import "os"

// Is reports whether the bug is switched on.
func Is(b Bug) bool { return os.Getenv("PENSTOCK_PLANT") == string(b) }
