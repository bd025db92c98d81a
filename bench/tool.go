package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// runTool runs a command of the program that is measured, to its end. Its error stream is the run's terminal,
// for progress; what it says there is repeated in the error when it fails.
func runTool(ctx context.Context, cfg *Config, env []string, arguments ...string) error {
	ended := make(chan error, 1)
	go func() {
		// A child that dies with its parent in fact dies with the thread that started it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		cmd := exec.CommandContext(ctx, cfg.Executable, arguments...)
		cmd.Env = append(os.Environ(), env...)
		dieWithParent(cmd)
		var said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &said, &said
		if terminal, ok := cfg.Terminal.(*os.File); ok {
			cmd.Stderr = terminal
		}
		err := cmd.Run()
		if err != nil {
			err = fmt.Errorf("%s %s: %w\n%s", cfg.Executable, strings.Join(arguments, " "), err, bytes.TrimSpace(said.Bytes()))
		}
		ended <- err
	}()
	return <-ended
}
