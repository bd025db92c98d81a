package pgserver

import (
	"os/exec"
	"syscall"
)

// dieWithParent lets a postmaster shut down at once, with its children and its shared memory, when
// the thread that started it ends: a process that is itself killed leaves no server behind.
func dieWithParent(cmd *exec.Cmd) { cmd.SysProcAttr.Pdeathsig = syscall.SIGQUIT }
