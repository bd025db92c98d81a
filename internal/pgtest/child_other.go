//go:build !linux

package pgtest

import (
	"os/exec"
	"strconv"
	"strings"
)

// isChild reports whether a process is a child of another.
func isChild(pid, parent int) bool {
	said, err := exec.Command("ps", "-o", "ppid=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.TrimSpace(string(said)) == strconv.Itoa(parent)
}
