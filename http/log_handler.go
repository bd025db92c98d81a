package http

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/penstock-dev/penstock/http/wire"
)

// lineHandler is a slog.Handler that writes one JSON object a line. It differs from slog's own in
// its keys, in writing times in UTC with milliseconds, and in its cost: the access log stands on
// the way of every order, and slog's own, with its keys replaced, takes about twice as long and
// allocates (BenchmarkAccessLog).
type lineHandler struct {
	level  slog.Leveler
	writer io.Writer
	shared *lineShared
	// prefix holds the attributes of WithAttrs, formatted: members with a comma before each.
	prefix []byte
	// opened counts the groups that prefix has opened; pending are those of WithGroup that hold
	// nothing yet, and are left out as long as they do.
	opened  int
	pending []string
}

// lineShared is what a handler shares with those derived from it.
type lineShared struct {
	sync.Mutex
	buffer []byte
}

// lineMax bounds the buffer that is kept between lines.
const lineMax = 64 << 10

func newLineHandler(w io.Writer, level slog.Leveler) *lineHandler {
	if level == nil {
		level = slog.LevelInfo
	}
	return &lineHandler{level: level, writer: w, shared: new(lineShared)}
}

// Enabled implements slog.Handler.
func (h *lineHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.level.Level()
}

// Handle implements slog.Handler.
func (h *lineHandler) Handle(_ context.Context, r slog.Record) error {
	h.shared.Lock()
	defer h.shared.Unlock()
	line := append(h.shared.buffer[:0], '{')
	if !r.Time.IsZero() {
		line = append(line, `"timestamp":`...)
		line = append(wire.AppendTime(line, r.Time), ',')
	}
	line = append(line, `"level":"`...)
	line = append(line, r.Level.String()...)
	line = append(line, `","message":`...)
	line = appendLogText(line, r.Message)
	line = append(line, h.prefix...)

	members := line
	groups := h.opened
	if r.NumAttrs() > 0 {
		members, groups = h.openPending(line)
		filled := len(members)
		r.Attrs(func(a slog.Attr) bool {
			members = appendLogAttr(members, a)
			return true
		})
		if len(members) == filled { // only empty groups
			members, groups = line, h.opened
		}
	}
	for range groups {
		members = append(members, '}')
	}
	members = append(members, '}', '\n')
	if cap(members) <= lineMax {
		h.shared.buffer = members
	}
	_, err := h.writer.Write(members)
	return err
}

// openPending appends the opening of groups that are about to hold something.
func (h *lineHandler) openPending(line []byte) (members []byte, groups int) {
	for _, name := range h.pending {
		line = append(appendLogKey(line, name), '{')
	}
	return line, h.opened + len(h.pending)
}

// WithAttrs implements slog.Handler.
func (h *lineHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := *h
	members, groups := h.openPending(slices.Clone(h.prefix))
	filled := len(members)
	for _, a := range attrs {
		members = appendLogAttr(members, a)
	}
	if len(members) > filled {
		next.prefix, next.opened, next.pending = members, groups, nil
	}
	return &next
}

// WithGroup implements slog.Handler.
func (h *lineHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	next := *h
	next.pending = append(slices.Clone(h.pending), name)
	return &next
}

// appendLogKey appends a member's name, with a comma unless it is the first of its group.
func appendLogKey(line []byte, key string) []byte {
	return append(appendLogText(appendLogComma(line), key), ':')
}

func appendLogComma(line []byte) []byte {
	if len(line) == 0 || line[len(line)-1] != '{' { // an empty prefix stands after the message
		return append(line, ',')
	}
	return line
}

func appendLogAttr(line []byte, a slog.Attr) []byte {
	value := a.Value.Resolve()
	if a.Key == "" && value.Kind() != slog.KindGroup {
		return line // an empty attribute says nothing
	}
	if value.Kind() != slog.KindGroup {
		return appendLogValue(appendLogKey(line, a.Key), value)
	}
	start, members := len(line), line
	if a.Key != "" {
		members = append(appendLogKey(line, a.Key), '{')
	}
	filled := len(members)
	for _, inner := range value.Group() {
		members = appendLogAttr(members, inner)
	}
	if len(members) == filled {
		return members[:start]
	}
	if a.Key != "" {
		members = append(members, '}')
	}
	return members
}

func appendLogValue(line []byte, v slog.Value) []byte {
	switch v.Kind() {
	case slog.KindString:
		return appendLogText(line, v.String())
	case slog.KindInt64:
		return strconv.AppendInt(line, v.Int64(), 10)
	case slog.KindUint64:
		return strconv.AppendUint(line, v.Uint64(), 10)
	case slog.KindBool:
		return strconv.AppendBool(line, v.Bool())
	case slog.KindFloat64:
		return appendLogFloat(line, v.Float64())
	case slog.KindDuration:
		return appendLogText(line, v.Duration().String())
	case slog.KindTime:
		return appendLogText(line, v.Time().UTC().Format(time.RFC3339Nano))
	}
	switch any := v.Any().(type) {
	case error:
		return appendLogText(line, any.Error())
	case json.Marshaler:
		if text, err := json.Marshal(any); err == nil {
			return append(line, text...)
		}
	}
	return appendLogText(line, fmt.Sprintf("%+v", v.Any()))
}

// appendLogFloat writes what JSON has no number for as a text.
func appendLogFloat(line []byte, f float64) []byte {
	if f-f != 0 {
		return appendLogText(line, strconv.FormatFloat(f, 'g', -1, 64))
	}
	return strconv.AppendFloat(line, f, 'f', -1, 64)
}

func appendLogText(line []byte, s string) []byte {
	line, _ = jsontext.AppendQuote(line, s) // bytes that are not UTF-8 become U+FFFD
	return line
}
