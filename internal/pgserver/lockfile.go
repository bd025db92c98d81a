package pgserver

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Lines of postmaster.pid, which a postmaster keeps in its cluster until it ends in order.
const (
	lineSegment = 6 // key and id of the shared memory segment
	lineStatus  = 7 // starting, ready, …
)

// lockLine returns the words of one line of postmaster.pid; none when there is no such line.
func (s *Server) lockLine(number int) ([]string, error) {
	lock, err := os.ReadFile(filepath.Join(s.Data(), "postmaster.pid"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	lines := strings.Split(string(lock), "\n")
	if len(lines) <= number {
		return nil, nil
	}
	return strings.Fields(lines[number]), nil
}

// saysReady reports whether the postmaster says that it accepts connections. It may say so still
// when it has been killed; but one that says no need not be asked, and to ask fills its log.
func (s *Server) saysReady() bool {
	status, err := s.lockLine(lineStatus)
	return err == nil && len(status) == 1 && status[0] == "ready"
}

// removeSharedMemory removes the segment of a postmaster that was killed and not started again. It
// is a few bytes, but it would outlive its user, and their number on a machine is limited. The next
// postmaster would remove it, and one that ended in order has.
func (s *Server) removeSharedMemory() error {
	segment, err := s.lockLine(lineSegment)
	if err != nil || len(segment) != 2 {
		return err // there is no segment
	}
	if output, err := exec.Command("ipcrm", "-m", segment[1]).CombinedOutput(); err != nil {
		return fmt.Errorf("remove shared memory: %w: %s", err, output)
	}
	return nil
}
