package http

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

const (
	logBufferMax     = 64 << 10
	logFlushInterval = time.Second
)

// LogWriter gathers the lines of a log and writes them together: when its buffer is full, each
// second, and at once after a warning (see NewLogger). A full buffer makes its writer wait for the
// destination. It owns a goroutine, which Close ends.
type LogWriter struct {
	mu struct {
		sync.Mutex
		buffer *bufio.Writer
		closed bool
	}
	quit chan struct{}
	done chan struct{}
}

// NewLogWriter returns a LogWriter to w, which stays the caller's to close.
func NewLogWriter(w io.Writer) *LogWriter {
	l := &LogWriter{quit: make(chan struct{}), done: make(chan struct{})}
	l.mu.buffer = bufio.NewWriterSize(w, logBufferMax)
	go l.run()
	return l
}

func (l *LogWriter) run() {
	defer close(l.done)
	ticker := time.NewTicker(logFlushInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			_ = l.Flush() // a log that cannot be written has nobody to tell; the next write tries again
		case <-l.quit:
			return
		}
	}
}

// Write implements io.Writer. Once closed it passes every line straight on.
func (l *LogWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, err := l.mu.buffer.Write(p)
	if err == nil && l.mu.closed {
		err = l.mu.buffer.Flush()
	}
	return n, err
}

// Flush writes what has been gathered.
func (l *LogWriter) Flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.buffer.Flush()
}

// Close flushes and ends the goroutine. Closing twice is harmless.
func (l *LogWriter) Close() error {
	l.mu.Lock()
	if !l.mu.closed {
		l.mu.closed = true
		close(l.quit)
	}
	err := l.mu.buffer.Flush()
	l.mu.Unlock()
	<-l.done
	return err
}

// NewLogger returns a logger that writes one JSON object a line, with the keys timestamp, level
// and message. A nil level is Info. When w is a LogWriter, a warning or an error is flushed at
// once, with all that stood before it.
func NewLogger(w io.Writer, level slog.Leveler) *slog.Logger {
	var handler slog.Handler = newLineHandler(w, level)
	if f, ok := w.(*LogWriter); ok {
		handler = flushHandler{Handler: handler, writer: f}
	}
	return slog.New(handler)
}

// flushHandler flushes after lines that matter.
type flushHandler struct {
	slog.Handler
	writer *LogWriter
}

// Handle implements slog.Handler.
func (h flushHandler) Handle(ctx context.Context, r slog.Record) error {
	if err := h.Handler.Handle(ctx, r); err != nil {
		return err
	}
	if r.Level >= slog.LevelWarn {
		return h.writer.Flush()
	}
	return nil
}

// WithAttrs implements slog.Handler.
func (h flushHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return flushHandler{Handler: h.Handler.WithAttrs(attrs), writer: h.writer}
}

// WithGroup implements slog.Handler.
func (h flushHandler) WithGroup(name string) slog.Handler {
	return flushHandler{Handler: h.Handler.WithGroup(name), writer: h.writer}
}
