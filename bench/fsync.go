package bench

import (
	"fmt"
	"os"
	"time"
)

// fsyncBlock is what each probe writes before it syncs: about a small batch of a store's log.
const fsyncBlock = 4 << 10

// FsyncRate appends to a file in dir and syncs it (fdatasync where there is one), again and again
// for the time given, and returns how often a second. It says what the disk allows just now, which
// no figure of a durable store can be read without.
func FsyncRate(dir string, duration time.Duration) (perSecond float64, err error) {
	f, err := os.CreateTemp(dir, "fsync-probe-*")
	if err != nil {
		return 0, fmt.Errorf("make probe file: %w", err)
	}
	defer func() {
		_ = f.Close()
		_ = os.Remove(f.Name())
	}()
	block := make([]byte, fsyncBlock)
	start := time.Now()
	n := 0
	for time.Since(start) < duration {
		if _, err := f.Write(block); err != nil {
			return 0, fmt.Errorf("write probe file: %w", err)
		}
		if err := datasync(f); err != nil {
			return 0, fmt.Errorf("sync probe file: %w", err)
		}
		n++
	}
	return float64(n) / time.Since(start).Seconds(), nil
}
