//go:build !linux

package bench

import (
	"os"
	"os/exec"
	"time"
)

func dieWithParent(*exec.Cmd) {}

func datasync(f *os.File) error { return f.Sync() }

func pause(d time.Duration) { <-time.After(d) }
