package pebblestore

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// ErrNoStore says that a directory which must hold a store holds none.
var ErrNoStore = errors.New("no store")

// IsDamaged reports whether an error of Open means that a file of the store is damaged: it has to be
// restored from a backup.
func IsDamaged(err error) bool { return pebble.IsCorruptionError(err) }

// prepareDir sees to it that there is a directory in which a store can be opened. It writes nothing
// into one that is not, and cannot become, a store's.
func prepareDir(opts *Options) error {
	exists, stranger, err := lookInto(opts.FS, opts.Dir)
	switch {
	case err != nil:
		return fmt.Errorf("look for a store in %s: %w", opts.Dir, err)
	case exists:
		return nil
	case opts.MustExist:
		return fmt.Errorf("open store: %s holds %w; choose the directory of one", opts.Dir, ErrNoStore)
	case stranger != "":
		return fmt.Errorf("open store: %s holds no store, and is not empty: %q is in it; "+
			"choose the directory of a store, or an empty or new one to make a store there", opts.Dir, stranger)
	}
	if err := makeDir(opts.FS, opts.Dir); err != nil {
		return fmt.Errorf("make the store's directory: %w", err)
	}
	return nil
}

// lookInto tells whether a directory holds a store, and else the name of something in it that does
// not belong into a new one, if there is such.
func lookInto(fsys vfs.FS, dir string) (exists bool, stranger string, err error) {
	names, err := fsys.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, "", nil
	}
	if err != nil {
		return false, "", err
	}
	for _, name := range names {
		if !isBeginning(name) {
			stranger = name
			break
		}
	}
	found, err := pebble.Peek(dir, fsys)
	if err != nil {
		return false, "", err
	}
	return found.Exists, stranger, nil
}

// isBeginning reports whether a file may stand in a directory in which a store is to be made: a
// crash may leave it there while a store is being made, or the file system keeps it for itself.
// Pebble's logs and tables are not among them: without a manifest they are a damaged store.
func isBeginning(name string) bool {
	switch name {
	case "LOCK", "lost+found", probeName:
		return true
	}
	return strings.HasPrefix(name, "MANIFEST-") || strings.HasPrefix(name, "marker.")
}

// makeDir makes a directory and those above it, so that they outlast a power cut: a directory is
// durable when the one that holds it is synced.
func makeDir(fs vfs.FS, dir string) error {
	var holders []string
	for path := dir; ; {
		if _, err := fs.Stat(path); err == nil || fs.PathDir(path) == path {
			break
		}
		path = fs.PathDir(path)
		holders = append(holders, path)
	}
	if err := fs.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, path := range holders {
		holder, err := fs.OpenDir(path)
		if err != nil {
			return err
		}
		if err := errors.Join(holder.Sync(), holder.Close()); err != nil {
			return err
		}
	}
	return nil
}
