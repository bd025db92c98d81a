package pgserver

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// process is a postmaster and all that it has forked.
//
// The children of a postmaster that is killed end on their own, a moment later; until then they may
// still write, and a new postmaster refuses the directory. They are sessions of their own, so that
// no process group holds them. But all of them inherit one end of a pipe: when the other end reads
// its end of file, the last one has gone.
type process struct {
	cmd     *exec.Cmd
	started chan error
	ended   chan struct{} // closed when the postmaster has been waited for
	gone    chan struct{} // closed when its children have ended too
	family  *os.File      // the pipe's end that is read
}

// startProcess starts a postmaster. It ends when it is told to, or when this process dies.
func startProcess(cmd *exec.Cmd) (*process, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.ExtraFiles = append(cmd.ExtraFiles, write)
	p := &process{
		cmd: cmd, started: make(chan error, 1), ended: make(chan struct{}), gone: make(chan struct{}), family: read,
	}
	go p.run(write)
	if err := <-p.started; err != nil {
		return nil, err
	}
	return p, nil
}

// run owns the process from start to end. It keeps its thread, because a child that dies with its
// parent in fact dies with the thread that started it.
func (p *process) run(write *os.File) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.gone)
	defer func() { _ = p.family.Close() }()
	dieWithParent(p.cmd)
	err := p.cmd.Start()
	_ = write.Close() // the child has its own copy, or there is none
	p.started <- err
	if err != nil {
		close(p.ended)
		return
	}
	_ = p.cmd.Wait() // how it ended stands in the server's log
	close(p.ended)
	_, _ = io.Copy(io.Discard, p.family)
}

// end sends a signal to the postmaster and waits until it and all its children have ended.
func (p *process) end(ctx context.Context, signal syscall.Signal) error {
	_ = p.cmd.Process.Signal(signal) // fails only when it has ended
	select {
	case <-p.gone:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for PostgreSQL (process %d) to end after %v: %w", p.pid(), signal, context.Cause(ctx))
	}
}

// abandon ends the watch over children that do not end.
func (p *process) abandon() {
	_ = p.family.Close()
	<-p.gone
}

func (p *process) pid() int { return p.cmd.Process.Pid }
