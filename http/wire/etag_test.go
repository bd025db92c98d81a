package wire_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/http/wire"
)

func TestParseIfMatch_ComparesTheProductsVersionAlone(t *testing.T) {
	t.Parallel()
	for field, want := range map[string]wire.IfMatch{
		"*":                        {Any: true},
		" * ":                      {Any: true},
		`"12-3407"`:                {Versions: []uint64{12}},
		`"12"`:                     {Versions: []uint64{12}},
		`W/"12-1"`:                 {Versions: []uint64{12}},
		`"1-1", W/"2-9" ,"3"`:      {Versions: []uint64{1, 2, 3}},
		`"18446744073709551615-0"`: {Versions: []uint64{1<<64 - 1}},
	} {
		got, err := wire.ParseIfMatch(field)
		require.NoError(t, err, field)
		require.Equal(t, want, got, field)
	}
	for _, field := range []string{
		"", " ", "12", `"`, `""`, `"-"`, `"a"`, `"1-"`, `"-1"`, `"+1"`, `"01"`, `"1-01"`, `"1-2-3"`, `"1",`, `*, "1"`,
		`w/"1"`, `"18446744073709551616"`, `"1" "2"`, strings.Repeat(`"1",`, 20) + `"1"`,
	} {
		_, err := wire.ParseIfMatch(field)
		require.Error(t, err, field)
	}
}

func TestIfMatch_Allows(t *testing.T) {
	t.Parallel()
	require.True(t, wire.IfMatch{Any: true}.Allows(7))
	require.True(t, wire.IfMatch{Versions: []uint64{6, 7}}.Allows(7))
	require.False(t, wire.IfMatch{Versions: []uint64{6}}.Allows(7))
	require.False(t, wire.IfMatch{}.Allows(0))
}

func TestMatchesETag_ComparesTheWholeTag(t *testing.T) {
	t.Parallel()
	etag := wire.AppendProductETag(nil, 12, 3407)
	require.Equal(t, `"12-3407"`, string(etag))
	require.Equal(t, `"3"`, string(wire.AppendOrderETag(nil, 3)))
	for _, field := range []string{`"12-3407"`, `W/"12-3407"`, "*", `"1-1", "12-3407"`} {
		require.True(t, wire.MatchesETag(field, etag), field)
	}
	for _, field := range []string{"", `"12-3408"`, `"12"`, "12-3407", strings.Repeat(`"1",`, 20) + `"12-3407"`} {
		require.False(t, wire.MatchesETag(field, etag), field)
	}
}

func FuzzParseIfMatch(f *testing.F) {
	for _, seed := range []string{"*", `"12-3407"`, `W/"1-1", "2"`, `"`, `"-"`, ",,"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		m, err := wire.ParseIfMatch(field)
		if err != nil || m.Any {
			return
		}
		require.NotEmpty(t, m.Versions)
		for _, v := range m.Versions {
			require.True(t, m.Allows(v))
			again, err := wire.ParseIfMatch(string(wire.AppendProductETag(nil, v, 1)))
			require.NoError(t, err)
			require.Equal(t, []uint64{v}, again.Versions)
		}
	})
}
