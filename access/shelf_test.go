package access

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAShelfLetsGoOfTheLongestUnused(t *testing.T) {
	t.Parallel()
	var left []string
	s := newShelf(4, 2, func(name string) { left = append(left, name) })
	put := func(owner string, n int) {
		name := fmt.Sprint(owner, n)
		s.put(sha256.Sum256([]byte(name)), owner, name)
	}
	get := func(name string) bool {
		_, ok := s.get(sha256.Sum256([]byte(name)))
		return ok
	}
	put("a", 1)
	put("a", 2)
	require.True(t, get("a1"))
	put("a", 3) // the third of two
	require.Equal(t, []string{"a2"}, left)
	put("b", 1)
	put("c", 1)
	require.Len(t, left, 1)
	put("d", 1) // the fifth of four
	require.Equal(t, []string{"a2", "a1"}, left)
	require.False(t, get("a1"))

	taken, ok := s.take(sha256.Sum256([]byte("b1")))
	require.True(t, ok)
	require.Equal(t, "b1", taken)
	_, ok = s.take(sha256.Sum256([]byte("b1")))
	require.False(t, ok)

	s.sweep(func(name string) bool { return name == "d1" })
	require.Equal(t, []string{"a2", "a1", "b1", "a3", "c1"}, left)
	require.Equal(t, map[string]int{"d": 1}, s.owned)
}

func TestPassesAreSecrets(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for range 1000 {
		text, digest := newPass()
		require.Len(t, text, passLength)
		require.Equal(t, sha256.Sum256([]byte(text)), digest)
		require.False(t, seen[text])
		seen[text] = true
	}
}
