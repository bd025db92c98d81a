package commerce

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What can be read is written as it was, letters apart.
func FuzzParseID(f *testing.F) {
	f.Add("019f5fda-c2fb-7000-8000-000000000002")
	f.Add("019F5FDA-C2FB-7000-8000-000000000002")
	f.Add("{019f5fda-c2fb-7000-8000-000000000002}")
	f.Fuzz(func(t *testing.T, text string) {
		id, err := ParseID(text)
		if err != nil {
			return
		}
		require.Len(t, text, len(id.String()))
		again, err := ParseID([]byte(id.String()))
		require.NoError(t, err)
		require.Equal(t, id, again)
		require.Equal(t, string(id.AppendText(nil)), id.String())
	})
}

// Each word is one thing, and that thing's name is the word.
func FuzzWords(f *testing.F) {
	for _, word := range []string{"KRW", "usd", "pending", "cancelled", "orders:any", "", "XXX"} {
		f.Add(word)
	}
	f.Fuzz(func(t *testing.T, word string) {
		if currency, ok := ParseCurrency(word); ok {
			require.Equal(t, word, currency.String())
		}
		if status, ok := ParseStatus(word); ok {
			require.Equal(t, word, status.String())
		}
		if scope, err := ParseScope(word); err == nil {
			require.Equal(t, word, scope.String())
		}
	})
}

// Two texts never make the same key, wherever one ends and the next begins.
func FuzzKeyID(f *testing.F) {
	f.Add("ann", "a", "b")
	f.Add("", "", "")
	f.Fuzz(func(t *testing.T, subject, first, second string) {
		who := Trusted(subject)
		one := NewKeyID(who, OperationPlaceOrder, ID{1}, first)
		other := NewKeyID(who, OperationPlaceOrder, ID{1}, second)
		require.Equal(t, first == second, one == other)
		require.NotEqual(t, one, NewKeyID(Trusted(subject+first+"x"), OperationPlaceOrder, ID{1}, ""))
	})
}
