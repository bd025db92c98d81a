package board

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/bench"
	"github.com/penstock-dev/penstock/commerce"
)

func openTestHistory(t *testing.T, file string) *history {
	t.Helper()
	h, err := openHistory(file, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	return h
}

// entryOf makes an entry whose label has a size.
func entryOf(t *testing.T, size int) (*Entry, commerce.ID) {
	t.Helper()
	id, err := newID()
	require.NoError(t, err)
	return &Entry{
		ID: id.String(), At: time.Now().UTC(), Source: SourceRun, Label: strings.Repeat("x", size),
		Document: bench.Document{Results: []bench.Result{{Engine: "penstock-pebble", Scenario: "order", Rounds: []bench.Round{{OperationsPerSecond: 1}}}}},
		Points:   []Point{{Seconds: 1}},
	}, id
}

func TestHistory_OutlivesTheServer(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "data", "benchmarks.json")
	h := openTestHistory(t, file)
	require.NoFileExists(t, file, "it is made with the first result")
	first, firstID := entryOf(t, 1)
	second, secondID := entryOf(t, 2)
	require.NoError(t, h.add(first))
	require.NoError(t, h.add(second))

	h = openTestHistory(t, file)
	newest, kept := h.list(10)
	require.Equal(t, 2, kept)
	require.Equal(t, []string{second.ID, first.ID}, []string{newest[0].ID, newest[1].ID})
	require.Nil(t, newest[0].Document.Results[0].Rounds, "a list leaves out what is long")
	require.Equal(t, first, h.find(firstID))
	require.Equal(t, second, h.find(secondID))
	require.Nil(t, h.find(commerce.ID{1}))
	newest, kept = h.list(1)
	require.Len(t, newest, 1)
	require.Equal(t, 2, kept)
	left, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	require.Len(t, left, 1, "nothing is left beside it")
}

func TestHistory_OldResultsGiveWay(t *testing.T) {
	t.Parallel()
	var entries []*Entry
	for range entriesMax + 5 {
		entry, _ := entryOf(t, 1)
		entries = append(entries, entry)
	}
	_, kept, err := encodeHistory(entries)
	require.NoError(t, err)
	require.Equal(t, entriesMax, kept)

	large, _ := entryOf(t, historyMax/4)
	text, kept, err := encodeHistory([]*Entry{large, large, large, large, large})
	require.NoError(t, err)
	require.Equal(t, 3, kept)
	require.LessOrEqual(t, len(text), historyMax)
	require.True(t, json.Valid(text))
}

func TestHistory_OfAFileThatIsNoneBeginsAnew(t *testing.T) {
	t.Parallel()
	for claim, text := range map[string]string{
		"cut off": `{"format":1,"entries":[{"id"`, "another format": `{"format":2,"entries":[]}`, "an id that is none": `{"format":1,"entries":[{"id":"../x"}]}`,
		"not JSON": "\x00\x00",
	} {
		file := filepath.Join(t.TempDir(), "benchmarks.json")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
		h := openTestHistory(t, file)
		_, kept := h.list(1)
		require.Zero(t, kept, claim)
		aside, err := os.ReadFile(file + damagedSuffix)
		require.NoError(t, err, claim)
		require.Equal(t, text, string(aside))
		entry, _ := entryOf(t, 1)
		require.NoError(t, h.add(entry))
		openTestHistory(t, file)
	}
}

func TestHistory_ThatCannotBeWrittenKeepsNothing(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "benchmarks.json")
	h := openTestHistory(t, file)
	require.NoError(t, os.Mkdir(file, 0o755)) // even root cannot put a file in its place
	entry, id := entryOf(t, 1)
	require.Error(t, h.add(entry))
	require.Nil(t, h.find(id))
}
