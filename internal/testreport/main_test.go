package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// summarize reads events and returns what the report prints.
func summarize(t *testing.T, events ...event) (text string, ok bool) {
	t.Helper()
	var lines bytes.Buffer
	encoder := json.NewEncoder(&lines)
	for _, e := range events {
		require.NoError(t, encoder.Encode(e))
	}
	var out strings.Builder
	r := newReport(&out)
	require.NoError(t, r.read(&lines))
	r.conclude()
	return out.String(), r.ok()
}

func TestReport(t *testing.T) {
	t.Parallel()

	t.Run("counts what passed and keeps its output to itself", func(t *testing.T) {
		t.Parallel()
		text, ok := summarize(t,
			event{Action: "output", Package: "p", Test: "TestA", Output: "chatter\n"},
			event{Action: "pass", Package: "p", Test: "TestA"},
			event{Action: "pass", Package: "p", Test: "TestA/sub"},
			event{Action: "pass", Package: "p", Elapsed: 0.25},
		)
		require.True(t, ok)
		require.Equal(t, "ok    p  0.2s\n2 passed, 0 failed, 0 skipped\n", text)
	})

	t.Run("shows what failed", func(t *testing.T) {
		t.Parallel()
		text, ok := summarize(t,
			event{Action: "output", Package: "p", Test: "TestA", Output: "a.go:1: wrong\n"},
			event{Action: "fail", Package: "p", Test: "TestA"},
			event{Action: "output", Package: "p", Output: "FAIL\n"},
			event{Action: "fail", Package: "p"},
		)
		require.False(t, ok)
		require.Equal(t, "a.go:1: wrong\nFAIL  p  0.0s\nfailed: p TestA\n0 passed, 1 failed, 0 skipped\n", text)
	})

	t.Run("names what was skipped, and is not content", func(t *testing.T) {
		t.Parallel()
		text, ok := summarize(t,
			event{Action: "output", Package: "p", Test: "TestA", Output: "a.go:1: no disk\n"},
			event{Action: "skip", Package: "p", Test: "TestA"},
			event{Action: "pass", Package: "p"},
		)
		require.False(t, ok)
		require.Equal(t, "a.go:1: no disk\nok    p  0.0s\nskipped: p TestA\n0 passed, 0 failed, 1 skipped\n", text)
	})

	t.Run("a package may fail without a test of its own failing", func(t *testing.T) {
		t.Parallel()
		text, ok := summarize(t,
			event{Action: "build-output", ImportPath: "p", Output: "p.go:1:1: syntax error\n"},
			event{Action: "output", Package: "p", Output: "FAIL p [build failed]\n"},
			event{Action: "fail", Package: "p", FailedBuild: "p"},
		)
		require.False(t, ok)
		require.Equal(t, "p.go:1:1: syntax error\nFAIL p [build failed]\nFAIL  p  0.0s\nbroken: p\n0 passed, 1 failed, 0 skipped\n", text)
	})

	t.Run("a package without tests skips nothing", func(t *testing.T) {
		t.Parallel()
		text, ok := summarize(t, event{Action: "skip", Package: "p"})
		require.True(t, ok)
		require.Equal(t, "-     p  has no tests\n0 passed, 0 failed, 0 skipped\n", text)
	})
}

func TestRunReportsARealRun(t *testing.T) {
	t.Parallel()
	var out, errs strings.Builder
	require.Zero(t, run([]string{"-run=TestReport", "."}, &out, &errs), errs.String())
	require.Contains(t, out.String(), "6 passed, 0 failed, 0 skipped\n")
	require.Equal(t, 1, run([]string{"./nowhere"}, &out, &errs))
}
