package http

import (
	"context"
	"io"
	"log/slog"
)

// NewLogger returns a logger that writes one JSON object a line, with the keys timestamp, level
// and message. A nil level is Info. When w is a LogWriter, a warning or an error is written at
// once, with all that stood before it; the one who logs does not wait for that.
func NewLogger(w io.Writer, level slog.Leveler) *slog.Logger {
	var handler slog.Handler = newLineHandler(w, level)
	if f, ok := w.(*LogWriter); ok {
		handler = flushHandler{Handler: handler, writer: f}
	}
	return slog.New(handler)
}

// flushHandler has lines that matter written at once.
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
		h.writer.hurry()
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
