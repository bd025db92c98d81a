package pebblestore

import "github.com/cockroachdb/pebble/v2/vfs"

const (
	// logFillAhead is how many bytes of zeros a log is filled with behind what has been written to it: as much as some
	// twenty batches.
	logFillAhead = 512 << 10
	logFillAlign = 4 << 10
)

// filledLog is a write-ahead log that grows by leaps. A sync of a file that has grown also writes where the file ends
// and which blocks it has; a sync of one that is overwritten writes the data alone. So whenever a write makes the file
// longer, zeros follow it, and the writes after it find room. Pebble takes zeros for the end of its log, as it does
// with one it has preallocated, and a log that it recycles is used as it is, as far as it reaches.
//
// It is used by one writer at a time, as Pebble uses its log.
type filledLog struct {
	vfs.File
	zeros   []byte
	written int64
	size    int64
}

// newFilledLog fills a file that has just been opened, and will be written from its beginning. One that is on no disk is
// left as it is.
func newFilledLog(file vfs.File, zeros []byte) vfs.File {
	info, err := file.Stat()
	if err != nil || file.Fd() == vfs.InvalidFd {
		return file
	}
	return &filledLog{File: file, zeros: zeros, size: info.Size()}
}

// Write implements vfs.File.
func (l *filledLog) Write(p []byte) (int, error) {
	n, err := l.File.Write(p)
	l.written += int64(n)
	if err == nil && l.written > l.size {
		l.fill()
	}
	return n, err
}

// fill writes zeros behind what has been written. It may fail, on a full disk for example: what matters was written
// before, and if it cannot reach the disk either, its sync says so.
func (l *filledLog) fill() {
	end := (l.written + int64(len(l.zeros))) / logFillAlign * logFillAlign
	n, _ := l.WriteAt(l.zeros[:end-l.written], l.written)
	l.size = l.written + int64(n)
}
