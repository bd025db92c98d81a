package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/shirou/gopsutil/v4/process"
)

// outputLinesMax bounds what is kept of a process's output, for the report when it fails.
const outputLinesMax = 40

// ErrNoAddress says that a process ended before it said where it listens.
var ErrNoAddress = errors.New("process did not say where it listens")

// Process is a server started as a child: it has a CPU account of its own, and it can be killed.
type Process struct {
	Address string // host:port that it listens on

	cmd     *exec.Cmd
	started chan error
	address chan string
	done    chan struct{} // closed when the process has ended and been waited for
	exit    error         // of Wait; set before done is closed

	output struct {
		sync.Mutex
		lines []string
	}
}

// StartProcess starts a command whose output names the loopback address that it listens on, and
// waits until it does. The process ends when the context does, when Kill or Stop is called, or
// when its parent dies. env is added to the parent's environment.
func StartProcess(ctx context.Context, env []string, command ...string) (*Process, error) {
	p, err := launch(ctx, env, command...)
	if err != nil {
		return nil, err
	}
	select {
	case p.Address = <-p.address:
		return p, nil
	case <-p.done:
		return nil, fmt.Errorf("%s: %w: %w; its output:\n%s", strings.Join(command, " "), ErrNoAddress, p.exit, p.Output())
	}
}

// launch starts a command and does not wait for anything that it says.
func launch(ctx context.Context, env []string, command ...string) (*Process, error) {
	p := &Process{
		cmd:     exec.CommandContext(ctx, command[0], command[1:]...),
		started: make(chan error, 1),
		address: make(chan string, 1),
		done:    make(chan struct{}),
	}
	p.cmd.Env = append(os.Environ(), env...)
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", command[0], err)
	}
	p.cmd.Stdout, p.cmd.Stderr = write, write
	go p.run(read, write)
	if err := <-p.started; err != nil {
		return nil, fmt.Errorf("start %s: %w", command[0], err)
	}
	return p, nil
}

// run owns the process from start to end. It keeps its thread, because a child that dies with its
// parent in fact dies with the thread that started it.
func (p *Process) run(read, write *os.File) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.done)
	dieWithParent(p.cmd)
	err := p.cmd.Start()
	_ = write.Close() // the child has its own copy, or there is none
	if err != nil {
		_ = read.Close()
		p.started <- err
		return
	}
	scanned := make(chan struct{})
	go func() {
		defer close(scanned)
		p.scan(read)
	}()
	p.started <- nil
	p.exit = p.cmd.Wait()
	if p.exit == nil {
		p.exit = io.EOF
	}
	<-scanned
}

func (p *Process) scan(read *os.File) {
	defer func() { _ = read.Close() }()
	listening := regexp.MustCompile(`127\.0\.0\.1:[1-9][0-9]*`)
	told := false
	lines := bufio.NewScanner(read)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if address := listening.FindString(line); address != "" && !told {
			told = true
			p.address <- address
		}
		p.output.Lock()
		if len(p.output.lines) == outputLinesMax {
			p.output.lines = append(p.output.lines[:0], p.output.lines[1:]...)
		}
		p.output.lines = append(p.output.lines, line)
		p.output.Unlock()
	}
}

// Output returns the last lines that the process wrote.
func (p *Process) Output() string {
	p.output.Lock()
	defer p.output.Unlock()
	return strings.Join(p.output.lines, "\n")
}

// PID returns the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// ExitCode returns the code that the process ended with, or -1 when a signal ended it. REQUIRES: Done is
// closed.
func (p *Process) ExitCode() int { return p.cmd.ProcessState.ExitCode() }

// Kill ends the process as a power switch would, and waits for the end. Killing one that has ended
// is harmless.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // fails only when it has ended
	<-p.done
}

// Stop asks the process to end and waits; after the time given it is killed.
func (p *Process) Stop(patience time.Duration) {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // fails only when it has ended
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		p.Kill()
	}
}

// CPU returns the time that the process has computed so far, user and system, of all its threads.
func (p *Process) CPU() (time.Duration, error) { return cpuOf(p.PID()) }

// Memory returns the process's resident set, in bytes.
func (p *Process) Memory() (int64, error) {
	proc, err := process.NewProcess(int32(p.PID()))
	if err != nil {
		return 0, fmt.Errorf("look up process %d: %w", p.PID(), err)
	}
	info, err := proc.MemoryInfo()
	if err != nil {
		return 0, fmt.Errorf("read memory of process %d: %w", p.PID(), err)
	}
	return int64(info.RSS), nil
}

func cpuOf(pid int) (time.Duration, error) {
	proc, err := process.NewProcess(int32(pid))
	if err != nil {
		return 0, fmt.Errorf("look up process %d: %w", pid, err)
	}
	times, err := proc.Times()
	if err != nil {
		return 0, fmt.Errorf("read CPU time of process %d: %w", pid, err)
	}
	return time.Duration((times.User + times.System) * float64(time.Second)), nil
}
