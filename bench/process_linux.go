package bench

import (
	"os"
	"os/exec"
	"syscall"
)

// dieWithParent lets the child be killed when the thread that starts it ends, so that a test that
// is itself killed leaves no server behind.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

func datasync(f *os.File) error { return syscall.Fdatasync(int(f.Fd())) }
