package bench

import (
	"os"
	"os/exec"
	"syscall"
	"time"
)

// dieWithParent lets the child be killed when the thread that starts it ends, so that a test that
// is itself killed leaves no server behind.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

func datasync(f *os.File) error { return syscall.Fdatasync(int(f.Fd())) }

// pause sleeps as exactly as the system can: the timers of goroutines are only good to a millisecond.
func pause(d time.Duration) {
	left := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&left, nil) // cut short by a signal, at worst
}
