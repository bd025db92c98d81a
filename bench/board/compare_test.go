package board

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/bench"
	"github.com/penstock-dev/penstock/commerce"
)

func TestCompare(t *testing.T) {
	t.Parallel()
	b := openTestBoard(t, "")
	slow, err := b.Import([]byte(peersDocument), "")
	require.NoError(t, err)
	fast, err := b.Import([]byte(strings.NewReplacer("9900", "19900", "10000", "20000", "10100", "20100").Replace(peersDocument)), "")
	require.NoError(t, err)
	other, err := b.Import([]byte(`{"results":[{"engine":"e","scenario":"s"}]}`), "")
	require.NoError(t, err)

	found, err := b.Compare(slow, fast)
	require.NoError(t, err)
	rate := found.Lines[0]
	require.Equal(t, bench.VerdictBetter, rate.Verdict)
	require.InDelta(t, 2, rate.Ratio.Value, 0.01)
	require.Less(t, rate.Ratio.Low, rate.Ratio.Value)
	require.Equal(t, slow.String(), found.Baseline.ID)

	found, err = b.Compare(fast, slow)
	require.NoError(t, err)
	require.Equal(t, bench.VerdictWorse, found.Lines[0].Verdict)

	_, err = b.Compare(slow, other)
	require.ErrorIs(t, err, &commerce.Error{Code: commerce.CodeValidation})
	_, err = b.Compare(slow, commerce.ID{1})
	require.ErrorIs(t, err, &commerce.Error{Code: commerce.CodeNotFound})
}

// Figures of documents are anybody's: a comparison of them is JSON all the same.
func TestCompare_OfFiguresWorldsApart(t *testing.T) {
	t.Parallel()
	b := openTestBoard(t, "")
	document := func(rounds string) commerce.ID {
		id, err := b.Import([]byte(`{"results":[{"engine":"e","scenario":"s","operations_per_second":1,"rounds":[`+rounds+`]}]}`), "")
		require.NoError(t, err)
		return id
	}
	little := document(`{"operations_per_second":1e-320},{"operations_per_second":1e-300}`)
	much := document(`{"operations_per_second":1e12},{"operations_per_second":1e10}`)
	for _, pair := range [][2]commerce.ID{{little, much}, {much, little}} {
		found, err := b.Compare(pair[0], pair[1])
		require.NoError(t, err)
		_, err = json.Marshal(found)
		require.NoError(t, err)
		require.Nil(t, found.Lines[0].Ratio)
		require.Equal(t, bench.VerdictSame, found.Lines[0].Verdict)
		require.Zero(t, found.Differ)
	}
}

func TestCompare_CountsOnlyWhatItShows(t *testing.T) {
	t.Parallel()
	b := openTestBoard(t, "")
	document := func(cost, ofRounds int) commerce.ID {
		id, err := b.Import(fmt.Appendf(nil, `{"results":[{"engine":"e","scenario":"s","cpu_us_per_operation":%d,"rounds":[`+
			`{"cpu_us_per_operation":%d},{"cpu_us_per_operation":%[2]d}]}]}`, cost, ofRounds), "")
		require.NoError(t, err)
		return id
	}
	found, err := b.Compare(document(0, 1), document(9, 9))
	require.NoError(t, err)
	require.Empty(t, found.Lines, "0 was not measured")
	require.Zero(t, found.Differ)
}
