package http

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// logBatch is how much is gathered before it is written without waiting for the next second.
	logBatch = 64 << 10
	// logGatheredMax bounds what is gathered while the destination is slow.
	logGatheredMax   = 4 << 20
	logFlushInterval = time.Second
	// logCloseMax is how long Close waits for a destination that takes nothing.
	logCloseMax = 2 * time.Second
)

// LogWriter gathers the lines of a log and has its own goroutine write them together: when there
// are many, each second, and at once after a warning (see NewLogger). Nobody waits for the
// destination: lines that do not fit while it is slow, or that it refuses, are dropped and
// counted, and a warning says how many once it takes lines again. Close ends the goroutine.
type LogWriter struct {
	destination io.Writer
	dropped     atomic.Uint64 // lines
	mu          struct {
		sync.Mutex
		gathered []byte
		closed   bool
	}
	wake chan struct{} // holds one: something is to be written now
	quit chan struct{}
	done chan struct{} // closed when the goroutine has ended
	err  error         // of the last write; readable when done is closed
}

// NewLogWriter returns a LogWriter to w, which stays the caller's to close. Only one goroutine at
// a time writes to w.
func NewLogWriter(w io.Writer) *LogWriter {
	l := &LogWriter{
		destination: w, wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
	}
	go l.run()
	return l
}

// Write implements io.Writer for one line or more, whole. It keeps a copy and never fails. Once
// closed it passes every line straight on.
func (l *LogWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.closed {
		l.writeClosedLocked(p)
		return len(p), nil
	}
	before := len(l.mu.gathered)
	if before+len(p) > logGatheredMax {
		l.drop(p)
		return len(p), nil
	}
	l.mu.gathered = append(l.mu.gathered, p...)
	if before < logBatch && len(l.mu.gathered) >= logBatch {
		l.hurry()
	}
	return len(p), nil
}

// writeClosedLocked writes on the caller's time, unless the goroutine still hangs in a write.
func (l *LogWriter) writeClosedLocked(p []byte) {
	select {
	case <-l.done:
		if _, err := l.destination.Write(p); err == nil {
			return
		}
	default:
	}
	l.drop(p)
}

// Dropped returns how many lines have been lost.
func (l *LogWriter) Dropped() uint64 { return l.dropped.Load() }

func (l *LogWriter) drop(lines []byte) {
	l.dropped.Add(uint64(bytes.Count(lines, []byte{'\n'})))
}

// hurry has what is gathered written now; it does not wait for that.
func (l *LogWriter) hurry() {
	select {
	case l.wake <- struct{}{}:
	default: // it is awake already
	}
}

// Close writes what has been gathered and ends the goroutine. It returns an error when that could
// not be written; a destination that hangs is given up after two seconds. Closing twice is
// harmless.
func (l *LogWriter) Close() error {
	l.mu.Lock()
	if !l.mu.closed {
		l.mu.closed = true
		close(l.quit)
	}
	l.mu.Unlock()
	patience := time.NewTimer(logCloseMax)
	defer patience.Stop()
	select {
	case <-l.done:
		return l.err
	case <-patience.C:
		return errors.New("close the log: its destination takes nothing")
	}
}

func (l *LogWriter) run() {
	defer close(l.done)
	ticker := time.NewTicker(logFlushInterval)
	defer ticker.Stop()
	var out logOutput
	for open := true; open; {
		select {
		case <-ticker.C:
		case <-l.wake:
		case <-l.quit:
			open = false
		}
		l.err = l.flush(&out)
	}
}

// logOutput is what the goroutine knows of its destination.
type logOutput struct {
	spare []byte // the other one of two buffers
	told  uint64 // dropped lines that a warning has been written of
	torn  bool   // the destination ends in the middle of a line
}

// flush writes what has been gathered, once: what the destination refuses is dropped, since by
// the next time there is more.
func (l *LogWriter) flush(out *logOutput) error {
	l.mu.Lock()
	batch := l.mu.gathered
	l.mu.gathered = out.spare[:0]
	l.mu.Unlock()
	out.spare = batch
	if err := l.warn(out); err != nil {
		l.drop(batch)
		return err
	}
	n, err := l.write(out, batch)
	l.drop(batch[n:])
	return err
}

// warn writes how many lines were dropped since it last did.
func (l *LogWriter) warn(out *logOutput) error {
	dropped := l.dropped.Load()
	if dropped == out.told {
		return nil
	}
	var line bytes.Buffer
	slog.New(newLineHandler(&line, nil)).Warn("log lines were dropped", "logger", "log", "lines", dropped-out.told)
	_, err := l.write(out, line.Bytes())
	if err == nil {
		out.told = dropped
	}
	return err
}

// write returns how many bytes were written. A line that was cut off keeps to itself: the next one
// begins on a line of its own.
func (l *LogWriter) write(out *logOutput, lines []byte) (int, error) {
	if len(lines) == 0 {
		return 0, nil
	}
	if out.torn {
		if _, err := l.destination.Write([]byte{'\n'}); err != nil {
			return 0, fmt.Errorf("write the log: %w", err)
		}
		out.torn = false
	}
	n, err := l.destination.Write(lines)
	if err == nil {
		return len(lines), nil
	}
	out.torn = n > 0 && lines[n-1] != '\n'
	return n, fmt.Errorf("write the log: %w", err)
}
