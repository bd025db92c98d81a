package bench

import (
	"log/slog"
	"time"

	"github.com/penstock-dev/penstock/internal/progress"
)

// meter draws how far a run has come, on a terminal. Elsewhere the log says what has been measured.
type meter struct {
	bar  *progress.Progress
	all  int // measurements of the run
	made int // of them, those that have begun
}

func startProgress(cfg *Config, measurements int) *meter {
	return &meter{all: measurements, bar: progress.Start(progress.Config{
		Out: cfg.Terminal, Log: slog.New(slog.DiscardHandler), What: "measuring", Unit: "measurements",
	})}
}

// begin begins the next measurement, or the same again, which takes as long as whole. What it returns is told how
// much of that has passed.
func (m *meter) begin(whole time.Duration, again bool) func(passed time.Duration) {
	if !again {
		m.made++
	}
	before := m.made - 1
	return func(passed time.Duration) {
		m.bar.Set(int64(before), (float64(before)+min(1, passed.Seconds()/whole.Seconds()))/float64(m.all))
	}
}

// pause wipes the bar, for a line of the log or for the results.
func (m *meter) pause() { m.bar.Done() }
