package wire

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestPlainLength_EndsAtWhatIsSpecial(t *testing.T) {
	t.Parallel()
	for length := range 40 {
		text := strings.Repeat("~", length)
		require.Equal(t, length, plainLength(text))
		for i := range 256 {
			c := byte(i)
			want := length
			if c >= ' ' && c < 0x80 && c != '"' && c != '\\' {
				want++
			}
			special := text + string([]byte{c})
			require.Equal(t, want, plainLength([]byte(special)), "%q after %d", c, length)
			// The first one counts, whatever follows.
			require.Equal(t, want, plainLength(special+`"\~~~~~~~~`), "%q after %d", c, length)
		}
	}
}

func TestAppendText_QuotesAsTheLexerDoes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ -~]{0,30}`),
			rapid.Custom(func(t *rapid.T) string { return string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) })).Draw(t, "text")
		want, _ := jsontext.AppendQuote([]byte("x"), text)
		require.Equal(t, string(want), string(appendText([]byte("x"), text)))
	})
}
