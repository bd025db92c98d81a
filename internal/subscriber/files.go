package subscriber

import (
	"fmt"
	"syscall"
)

// filesReserved is how many files a process has open beside its subscribers.
const filesReserved = 1200

// Max returns how many subscribers this process may have, and a server that it has started: as many as files
// may be open, but for some. The soft limit is at the hard one already: the Go runtime has raised it.
func Max() (int, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("read the limit of open files: %w", err)
	}
	const enough = 1 << 30 // the limit may be none
	return int(min(limit.Cur, enough)) - filesReserved, nil
}

// CheckRoom says when there is no room for so many subscribers.
func CheckRoom(subscribers int) error {
	room, err := Max()
	if err == nil && subscribers > room {
		err = fmt.Errorf("%d subscribers need %d open files, and a process may open %d here: raise the limit (ulimit -n) or ask for fewer",
			subscribers, subscribers+filesReserved, room+filesReserved)
	}
	return err
}
