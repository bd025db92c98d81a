//go:build !linux

package pgtest

import (
	"os/exec"
	"strconv"
	"strings"
)

// dieWithParent does nothing where the kernel offers nothing: the janitor removes the directory of a
// test that was killed, and the postmaster, which looks for it each minute, then ends.
func dieWithParent(*exec.Cmd) {}

// isChild reports whether a process is a child of another.
func isChild(pid, parent int) bool {
	said, err := exec.Command("ps", "-o", "ppid=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.TrimSpace(string(said)) == strconv.Itoa(parent)
}
