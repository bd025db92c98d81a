package wire

import "time"

// Health says how the engine is.
type Health struct {
	Status      string // "ok", "draining" or "unavailable"
	Ready       bool
	Store       string
	Writer      string
	Draining    bool
	Quarantined int
	Version     string
	Uptime      time.Duration
}

// AppendHealth appends the details of a health check.
func AppendHealth(dst []byte, h *Health) []byte {
	dst = append(dst, `{"status":`...)
	dst = appendText(dst, h.Status)
	dst = fieldBool(dst, "ready", h.Ready)
	dst = fieldText(dst, "store", h.Store)
	dst = fieldText(dst, "writer", h.Writer)
	dst = fieldBool(dst, "draining", h.Draining)
	dst = fieldInt(dst, "quarantined", int64(h.Quarantined))
	dst = fieldText(dst, "version", h.Version)
	dst = fieldInt(dst, "uptime_seconds", int64(h.Uptime/time.Second))
	return append(dst, '}')
}

// AppendStatus appends the short answer of a probe.
func AppendStatus(dst []byte, status string) []byte {
	dst = append(dst, `{"status":`...)
	dst = appendText(dst, status)
	return append(dst, '}')
}
