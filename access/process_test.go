package access

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
)

func TestForProcess(t *testing.T) {
	t.Parallel()
	var a Authenticator
	_, err := a.openProcess([]byte("pp_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"))
	require.ErrorIs(t, err, ErrInvalid, "before there is one")

	first := a.ForProcess(commerce.Trusted("penstock-benchmark")).Reveal()
	who, err := a.Bearer([]byte(first))
	require.NoError(t, err)
	require.True(t, who.Process)
	require.Equal(t, "penstock-benchmark", who.Principal.Subject)

	second := a.ForProcess(commerce.Trusted("penstock-benchmark")).Reveal()
	for _, wrong := range []string{first, second + "a", second[:len(second)-1], "pp_", "pp_x"} {
		_, err := a.openProcess([]byte(wrong))
		require.ErrorIs(t, err, ErrInvalid, wrong)
	}
	_, err = a.Bearer([]byte(second))
	require.NoError(t, err)
}
