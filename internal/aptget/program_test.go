package aptget_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/internal/aptget"
)

func TestProgram_FindKeepsToWhatItIsGiven(t *testing.T) {
	program := aptget.Program{
		Name: "a program", Variable: "PENSTOCK_TEST_PROGRAM", Binaries: []string{"no-such-program-7", "sh"}, Package: "dash",
	}
	found, err := program.Find(t.Context())
	require.NoError(t, err)
	require.Equal(t, "sh", filepath.Base(found))

	t.Setenv(program.Variable, filepath.Join(t.TempDir(), "none"))
	_, err = program.Find(t.Context())
	require.ErrorIs(t, err, aptget.ErrMissing)
	require.ErrorContains(t, err, program.Variable)

	t.Setenv(program.Variable, found)
	given, err := program.Find(t.Context())
	require.NoError(t, err)
	require.Equal(t, found, given)
}
