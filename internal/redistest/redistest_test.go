package redistest_test

import (
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/internal/redistest"
)

func TestAServerAnswers(t *testing.T) {
	t.Parallel()
	address, ok := strings.CutPrefix(redistest.Start(t), "redis://")
	require.True(t, ok)
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	_, err = conn.Write([]byte("CONFIG GET appendfsync\r\n"))
	require.NoError(t, err)
	answer := make([]byte, 256)
	n, err := conn.Read(answer)
	require.NoError(t, err)
	require.Contains(t, string(answer[:n]), "always")
}
