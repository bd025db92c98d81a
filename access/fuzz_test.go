package access

import (
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
)

// Claims that can be read name scopes that exist, and times that do.
func FuzzClaims(f *testing.F) {
	f.Add([]byte(`{"iss":"https://i","sub":"ann","aud":["a","b"],"exp":1.7e9,"nbf":0,"scope":"orders:read admin"}`))
	f.Add([]byte(`{"aud":"a","scp":["orders:any"],"exp":1e300,"SCOPE":"admin"}`))
	f.Add([]byte(`{"exp":-1,"exp":2}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var c claims
		if json.Unmarshal(text, &c) != nil {
			return
		}
		require.Zero(t, (c.Scope.scopes()|c.Scp.scopes())&^commerce.ScopesAll)
		if end, err := c.GetExpirationTime(); err == nil && end != nil {
			require.GreaterOrEqual(t, end.Unix(), int64(0))
		}
		_, err := c.GetNotBefore()
		_ = err // refused or read, without a panic
	})
}
