package aptget

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
)

// ErrMissing says that this machine lacks a program and that it could not be installed.
var ErrMissing = errors.New("this machine lacks a program that the tests need")

// Program is one that tests need.
type Program struct {
	Name     string   // for people, like "a Redis server"
	Variable string   // names its binary in the environment, which is then the only one tried
	Binaries []string // what it may be called: names, or paths for what ordinary users have no path to
	Package  string   // Debian's, that holds it
}

// Find returns the path of the program's binary. When there is none and this is root on a system with apt-get,
// it is installed, which takes its time, whatever the context says, and is said on standard error.
func (p *Program) Find(ctx context.Context) (string, error) {
	if given := os.Getenv(p.Variable); given != "" {
		if _, err := exec.LookPath(given); err != nil {
			return "", fmt.Errorf("%w: %s: %w", ErrMissing, p.Variable, err)
		}
		return given, nil
	}
	if err := Wait(ctx); err != nil {
		return "", err
	}
	if found, ok := p.look(); ok {
		return found, nil
	}
	if err := p.install(ctx); err != nil {
		return "", fmt.Errorf("%w, %s (%w): install it (Debian: apt-get install %s), or set %s to its path", ErrMissing, p.Name, err, p.Package, p.Variable)
	}
	if found, ok := p.look(); ok {
		return found, nil
	}
	return "", fmt.Errorf("%w: %s was installed, but is in no usual place; set %s to its path", ErrMissing, p.Name, p.Variable)
}

func (p *Program) look() (path string, ok bool) {
	for _, name := range p.Binaries {
		if path, err := exec.LookPath(name); err == nil {
			return path, true
		}
	}
	return "", false
}

func (p *Program) install(ctx context.Context) error {
	return Exclusively(ctx, p.Name, func(ctx context.Context) error {
		if _, ok := p.look(); ok {
			return nil // another test process was faster
		}
		updated := Update(ctx) // without new lists the old ones may do
		if err := Install(ctx, p.Package); err != nil {
			return errors.Join(err, updated)
		}
		return nil
	})
}
