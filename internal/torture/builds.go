package torture

import (
	"context"
	"os"
	"path/filepath"
	"sync"
)

// Builds are the server's binaries, one for each build tag, made when they are first asked for. The zero value has
// none yet. A TestMain owns it, and removes it at its end.
type Builds struct {
	mu   sync.Mutex
	dir  string
	made map[string]build // by tag
}

type build struct {
	path string
	err  error
}

// Get returns the path of the binary with a build tag, or "" for none. What could not be built is not tried again.
func (b *Builds) Get(tag string) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	made, known := b.made[tag]
	if !known {
		made.path, made.err = b.build(tag)
		if b.made == nil {
			b.made = make(map[string]build)
		}
		b.made[tag] = made
	}
	return made.path, made.err
}

// build is not bounded by the test that happens to be first.
func (b *Builds) build(tag string) (string, error) {
	if b.dir == "" {
		dir, err := os.MkdirTemp("", "penstock-build-")
		if err != nil {
			return "", err
		}
		b.dir = dir
	}
	return Build(context.Background(), filepath.Join(b.dir, "with-"+tag), tag)
}

// Remove removes the binaries.
func (b *Builds) Remove() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return os.RemoveAll(b.dir)
}
