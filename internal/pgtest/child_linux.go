package pgtest

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// isChild reports whether a process is a child of another.
func isChild(pid, parent int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	// pid (command) state parent …; a command may hold spaces and parentheses.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return false
	}
	said, err := strconv.Atoi(string(fields[1]))
	return err == nil && said == parent
}
