package board

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/bench"
)

// FuzzDocument: a document that is brought in is kept or refused, and what is kept can be compared with itself.
func FuzzDocument(f *testing.F) {
	f.Add([]byte(`{"results":[{"engine":"e","scenario":"s","operations_per_second":1,"rounds":[{"operations_per_second":1}]}]}`))
	f.Add([]byte(`{"environment":{"at":"2026-07-14T09:00:00Z"},"results":[]}`))
	f.Add([]byte(`{"results":[{"latency_ms":{"p50":1e400}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var document bench.Document
		if err := json.Unmarshal(text, &document); err != nil {
			require.Less(t, len(unreadable(err)), 500)
			return
		}
		require.LessOrEqual(t, len(checkDocument(&document)), faultsMax)
	})
}
