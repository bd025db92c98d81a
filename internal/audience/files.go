package audience

import (
	"fmt"
	"syscall"
)

// filesReserved is how many files a process of the run has open beside its subscribers.
const filesReserved = 1200

// checkFiles says when this process, and the server that it has started, may not open as many files as
// there are to be subscribers. The soft limit is at the hard one already: the Go runtime has raised it.
func checkFiles(subscribers int) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("read the limit of open files: %w", err)
	}
	if need := uint64(subscribers + filesReserved); limit.Cur < need {
		return fmt.Errorf("%d subscribers need %d open files, and a process may open %d here: raise the limit (ulimit -n) or ask for fewer",
			subscribers, need, limit.Cur)
	}
	return nil
}
