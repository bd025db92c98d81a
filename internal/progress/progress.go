// Package progress shows how far long work has come: a bar that redraws itself on a terminal, log
// lines now and then elsewhere. It starts no goroutine: whoever does the work reports, and Progress
// decides whether that is worth showing.
//
// It writes to the stream that errors go to; results belong on the other one.
package progress

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

const (
	drawEvery = 100 * time.Millisecond // on a terminal
	logEvery  = 5 * time.Second        // elsewhere
	barWidth  = 30
)

// Config says where and about what to report.
type Config struct {
	Out  io.Writer // where the bar is drawn when it is a terminal
	Log  *slog.Logger
	What string           // what the work is, like "importing products"
	Unit string           // what is counted, like "rows"
	Now  func() time.Time // time.Now when nil
}

// Progress is the report of one piece of work. It is safe for concurrent use.
type Progress struct {
	cfg      Config
	terminal bool

	mu struct {
		sync.Mutex
		begun time.Time
		shown time.Time
		count int64
		part  float64
	}
}

// Start begins a report.
func Start(cfg Config) *Progress { return start(cfg, isTerminal(cfg.Out)) }

func start(cfg Config, terminal bool) *Progress {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	p := &Progress{cfg: cfg, terminal: terminal}
	p.mu.begun = cfg.Now()
	p.mu.shown = p.mu.begun
	return p
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Set says that so many units are done, and which part of the work that is, from 0 to 1; a
// negative part says that nobody knows.
func (p *Progress) Set(count int64, part float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.count, p.mu.part = max(p.mu.count, count), part
	now := p.cfg.Now()
	every := logEvery
	if p.terminal {
		every = drawEvery
	}
	if now.Sub(p.mu.shown) >= every {
		p.mu.shown = now
		p.showLocked(now)
	}
}

// Done ends the report. A bar is wiped off the terminal, to make room for the result.
func (p *Progress) Done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.terminal {
		fmt.Fprint(p.cfg.Out, "\r\x1b[K")
	}
}

func (p *Progress) showLocked(now time.Time) {
	if p.terminal {
		fmt.Fprint(p.cfg.Out, "\r\x1b[K"+p.barLocked(now))
		return
	}
	attrs := []any{
		slog.String("work", p.cfg.What), slog.Int64(p.cfg.Unit, p.mu.count),
		slog.Duration("elapsed", now.Sub(p.mu.begun).Round(time.Millisecond)),
	}
	if p.mu.part >= 0 {
		attrs = append(attrs, slog.Int("percent", int(100*p.mu.part)))
	}
	p.cfg.Log.Info("progress", attrs...)
}

func (p *Progress) barLocked(now time.Time) string {
	rate := float64(p.mu.count) / max(now.Sub(p.mu.begun).Seconds(), 0.001)
	figures := fmt.Sprintf("%s %s, %s/s", Count(p.mu.count), p.cfg.Unit, Count(int64(rate)))
	if p.mu.part < 0 {
		return p.cfg.What + "  " + figures
	}
	full := int(min(p.mu.part, 1) * barWidth)
	bar := strings.Repeat("█", full) + strings.Repeat("░", barWidth-full)
	return fmt.Sprintf("%s %s %3d%%  %s", p.cfg.What, bar, int(100*p.mu.part), figures)
}

// Count writes a number with its thousands apart: 6,157.
func Count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}
