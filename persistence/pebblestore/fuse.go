package pebblestore

import (
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// errBlown is what a blown fuse answers.
var errBlown = errors.New("an earlier write to this disk failed; nothing more is written before the store has been reopened")

// fuse is the file system of one opened database. It blows at the first write that fails, and from
// then on nothing that the database does reaches the disk. So after a failure the disk stands
// still, whatever Pebble's goroutines go on trying, and can be read afresh by a second database
// that is opened in the first one's place.
//
// It also keeps Pebble alive. Pebble panics, with locks held that make the panic fatal to the
// process, when its write-ahead log cannot be written, synced, closed or replaced. The fuse
// therefore hides such failures from Pebble, and the store looks at the fuse after every write
// instead: a write counts only if the fuse is whole after it. Failures of other files are reported
// as they are; Pebble takes them, but not while it is being opened: then it tries a failed flush
// again for ever. So while opening is set, all failures are hidden.
type fuse struct {
	vfs.FS
	opening atomic.Bool
	// reclaiming makes a new log replace an old one, rather than overwrite it, and take only what is
	// written to it: the old one's blocks become free.
	reclaiming atomic.Bool
	// running is read-locked by each write, so that blowing can wait for those under way.
	running sync.RWMutex
	cause   atomic.Pointer[error]
	blew    chan struct{} // closed when the fuse blows
	zeros   []byte        // for logs
}

func newFuse(fs vfs.FS) *fuse {
	return &fuse{FS: fs, blew: make(chan struct{}), zeros: make([]byte, logFillAhead)}
}

// err returns the failure that blew the fuse, or nil.
func (f *fuse) err() error {
	if cause := f.cause.Load(); cause != nil {
		return *cause
	}
	return nil
}

func (f *fuse) blow(cause error) {
	if f.cause.CompareAndSwap(nil, &cause) {
		close(f.blew)
	}
}

// settle waits until no write is under way any more. REQUIRES: the fuse has blown.
func (f *fuse) settle() {
	f.running.Lock()
	defer f.running.Unlock()
}

// retryPause slows down the writes that a blown fuse refuses: Pebble tries a failed flush again at
// once, for ever.
const retryPause = 20 * time.Millisecond

// write does a write, unless the fuse has blown, and blows it if the write fails.
func (f *fuse) write(op func() error) error {
	f.running.RLock()
	defer f.running.RUnlock()
	if f.cause.Load() != nil {
		return errBlown
	}
	err := op()
	if err != nil {
		f.blow(err)
	}
	return err
}

// open opens a file for writing. The write-ahead log must exist for Pebble, if need be without a
// disk below it.
func (f *fuse) open(name string, op func() (vfs.File, error)) (vfs.File, error) {
	var file vfs.File
	err := f.write(func() (err error) {
		file, err = op()
		return err
	})
	isLog := strings.HasSuffix(name, ".log")
	switch {
	case err == nil && isLog && !f.reclaiming.Load():
		return &fuseFile{File: newFilledLog(file, f.zeros), fuse: f, isLog: true}, nil
	case err == nil:
		return &fuseFile{File: file, fuse: f, isLog: isLog}, nil
	case isLog || f.opening.Load():
		return &fuseFile{File: vfs.NewMemFile(nil), fuse: f, isLog: isLog}, nil
	default:
		f.pause()
		return nil, err
	}
}

func (f *fuse) pause() {
	if f.err() != nil {
		time.Sleep(retryPause)
	}
}

// Create implements vfs.FS.
func (f *fuse) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return f.open(name, func() (vfs.File, error) { return f.FS.Create(name, category) })
}

// ReuseForWrite implements vfs.FS.
func (f *fuse) ReuseForWrite(oldName, newName string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return f.open(newName, func() (vfs.File, error) {
		if !f.reclaiming.Load() {
			return f.FS.ReuseForWrite(oldName, newName, category)
		}
		if err := f.FS.Remove(oldName); err != nil {
			return nil, err
		}
		return f.FS.Create(newName, category)
	})
}

// OpenReadWrite implements vfs.FS.
func (f *fuse) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return f.open(name, func() (vfs.File, error) { return f.FS.OpenReadWrite(name, category, opts...) })
}

// OpenDir implements vfs.FS. A directory is opened to be synced, which is a write.
func (f *fuse) OpenDir(name string) (vfs.File, error) {
	dir, err := f.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &fuseFile{File: dir, fuse: f, isLog: true}, nil
}

// Link implements vfs.FS.
func (f *fuse) Link(oldName, newName string) error {
	return f.hide(f.write(func() error { return f.FS.Link(oldName, newName) }))
}

// Rename implements vfs.FS.
func (f *fuse) Rename(oldName, newName string) error {
	return f.hide(f.write(func() error { return f.FS.Rename(oldName, newName) }))
}

// MkdirAll implements vfs.FS.
func (f *fuse) MkdirAll(dir string, perm os.FileMode) error {
	return f.hide(f.write(func() error { return f.FS.MkdirAll(dir, perm) }))
}

func (f *fuse) hide(err error) error {
	if f.opening.Load() {
		return nil
	}
	return err
}

// Remove implements vfs.FS. A file that cannot be removed is rubbish, not a danger: it does not
// blow the fuse.
func (f *fuse) Remove(name string) error {
	return f.remove(func() error { return f.FS.Remove(name) })
}

// RemoveAll implements vfs.FS.
func (f *fuse) RemoveAll(name string) error {
	return f.remove(func() error { return f.FS.RemoveAll(name) })
}

func (f *fuse) remove(op func() error) (err error) {
	refused := f.write(func() error {
		err = op()
		return nil
	})
	if refused != nil {
		return refused
	}
	return err
}

// Lock implements vfs.FS. It locks nothing: the store holds the directory's lock itself, across all
// the databases that it opens there.
func (f *fuse) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

// Unwrap implements vfs.FS.
func (f *fuse) Unwrap() vfs.FS { return f.FS }

// fuseFile is a file opened for writing, or a directory opened for syncing.
type fuseFile struct {
	vfs.File
	fuse  *fuse
	isLog bool // or a directory: Pebble must not see it fail
}

func (f *fuseFile) write(op func() error) error {
	err := f.fuse.write(op)
	if f.isLog {
		return nil
	}
	return f.fuse.hide(err)
}

// Write implements vfs.File.
func (f *fuseFile) Write(p []byte) (int, error) {
	n := len(p)
	err := f.write(func() (err error) {
		n, err = f.File.Write(p)
		return err
	})
	if err == nil {
		n = len(p)
	}
	return n, err
}

// WriteAt implements vfs.File.
func (f *fuseFile) WriteAt(p []byte, off int64) (int, error) {
	n := len(p)
	err := f.write(func() (err error) {
		n, err = f.File.WriteAt(p, off)
		return err
	})
	if err == nil {
		n = len(p)
	}
	return n, err
}

// Sync implements vfs.File.
func (f *fuseFile) Sync() error { return f.write(f.File.Sync) }

// SyncData implements vfs.File.
func (f *fuseFile) SyncData() error { return f.write(f.File.SyncData) }

// SyncTo implements vfs.File.
func (f *fuseFile) SyncTo(length int64) (fullSync bool, err error) {
	err = f.write(func() (err error) {
		fullSync, err = f.File.SyncTo(length)
		return err
	})
	return fullSync, err
}

// Preallocate implements vfs.File. It does nothing: Pebble would reserve 1.1 memtables for every
// log, however little is written to it, and a handful of logs would fill a small disk with nothing.
func (f *fuseFile) Preallocate(int64, int64) error { return nil }

// Close implements vfs.File. The file is closed even behind a blown fuse, for its descriptor; that
// writes nothing.
func (f *fuseFile) Close() error {
	err := f.File.Close()
	if err != nil {
		f.fuse.blow(err)
	}
	if f.isLog {
		return nil
	}
	return f.fuse.hide(err)
}
