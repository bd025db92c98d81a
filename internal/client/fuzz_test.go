package client

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzParseTarget: a base URL is taken only when requests can be made from it.
func FuzzParseTarget(f *testing.F) {
	f.Add("http://127.0.0.1:8000/")
	f.Add("https://user@h/?q#f")
	f.Add("http://[::1]:x")
	f.Fuzz(func(t *testing.T, text string) {
		u, err := parseTarget(text)
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		require.NotEmpty(t, u.Hostname())
		require.NotEmpty(t, address(u))
	})
}
