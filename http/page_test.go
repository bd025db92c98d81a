package http

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPages_AreUnderOnePolicy(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, path := range []string{pathDashboard, "/login", "/orders/" + sampleID(1).String() + "/track"} {
		a := b.do(t, call{"GET", path, "", nil})
		require.Equal(t, contentTypeHTML, a.field("Content-Type"), path)
		require.Equal(t, pagePolicy, a.field("Content-Security-Policy"), path)
		require.Equal(t, "no-referrer", a.field("Referrer-Policy"), path)
		require.Equal(t, "same-origin", a.field("Cross-Origin-Opener-Policy"), path)
	}
}
