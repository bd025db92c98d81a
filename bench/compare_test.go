package bench

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// documentOf makes a document of one engine whose rounds found so many operations a second.
func documentOf(rates ...float64) *Document {
	r := Result{Engine: "penstock-pebble", Scenario: "order"}
	for _, rate := range rates {
		r.Rounds = append(r.Rounds, Round{OperationsPerSecond: rate, CPUMicrosPerOperation: 1e6 / rate})
	}
	r.settle()
	return &Document{Environment: Environment{CPU: "x", Cores: 2}, Results: []Result{r}}
}

func TestCompareTellsWhatIsBetterAndWhatCannotBeTold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		a, b *Document
		want []Verdict // of operations a second, and of CPU for each
	}{
		{"faster", documentOf(100, 101, 99), documentOf(120, 121, 119), []Verdict{VerdictBetter, VerdictBetter}},
		{"slower", documentOf(120, 121, 119), documentOf(100, 101, 99), []Verdict{VerdictWorse, VerdictWorse}},
		{"the same", documentOf(100, 105, 95), documentOf(101, 96, 104), []Verdict{VerdictSame, VerdictSame}},
		{"faster, but by chance perhaps", documentOf(100, 130, 80), documentOf(120, 150, 100), []Verdict{VerdictSame, VerdictSame}},
		{"one round", documentOf(100), documentOf(200), []Verdict{VerdictTooFew, VerdictTooFew}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			comparison, err := Compare(c.a, c.b)
			require.NoError(t, err)
			var got []Verdict
			differ := 0
			for _, line := range comparison.Lines {
				got = append(got, line.Verdict)
				if line.Verdict == VerdictBetter || line.Verdict == VerdictWorse {
					differ++
				}
			}
			require.Equal(t, c.want, got)
			require.Equal(t, differ, comparison.Differ)
		})
	}
}

func TestCompareTakesOnlyWhatBothHave(t *testing.T) {
	t.Parallel()
	a, b := documentOf(1, 2), documentOf(1, 2)
	b.Results[0].Scenario = "search"
	_, err := Compare(a, b)
	require.ErrorIs(t, err, ErrNoResults)
}

func TestCompareSaysThatMachinesDiffer(t *testing.T) {
	t.Parallel()
	a, b := documentOf(100, 101), documentOf(100, 101)
	b.Environment.CPU = "y"
	comparison, err := Compare(a, b)
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, comparison.Write(&out, false))
	require.Contains(t, out.String(), "Not the same machine: A was measured on 2 × x, B on 2 × y")
	require.Contains(t, out.String(), "cannot be told apart")
	require.Contains(t, out.String(), "0 of 2 figures differ")

	out.Reset()
	require.NoError(t, comparison.Write(&out, true))
	var read Comparison
	require.NoError(t, json.Unmarshal(out.Bytes(), &read))
	require.Equal(t, *comparison, read)
}

func TestReadDocumentRefusesWhatIsNone(t *testing.T) {
	t.Parallel()
	_, err := ReadDocument(strings.NewReader(`{"overload":[]}`))
	require.ErrorIs(t, err, ErrNoResults)
	_, err = ReadDocument(strings.NewReader(`nonsense`))
	require.Error(t, err)
}
