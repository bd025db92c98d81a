package pgtest

import (
	"bufio"
	"bytes"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/stretchr/testify/require"
)

func encoded(t testing.TB, messages ...pgproto3.FrontendMessage) []byte {
	t.Helper()
	var all []byte
	for _, m := range messages {
		var err error
		all, err = m.Encode(all)
		require.NoError(t, err)
	}
	return all
}

func TestABatchEndsWhereAnAnswerIsDue(t *testing.T) {
	t.Parallel()
	first := encoded(t, &pgproto3.Parse{Query: "COMMIT"}, &pgproto3.Bind{}, &pgproto3.Execute{}, &pgproto3.Bind{})
	second := encoded(t, &pgproto3.Execute{}, &pgproto3.Sync{})
	stream := bytes.Join([][]byte{
		first, second,
		encoded(t, &pgproto3.Bind{}, &pgproto3.Flush{}),
		encoded(t, &pgproto3.Query{String: " Commit; "}),
	}, nil)
	r := bufio.NewReader(bytes.NewReader(stream))
	var b batch
	b.passed(true)

	readUntilPass(t, r, &b)
	require.Equal(t, append(bytes.Clone(first), second...), b.bytes)
	require.Equal(t, 2, b.executes)
	require.Equal(t, first, b.bytes[:b.lastExecute])
	require.Equal(t, first[:len(first)-1], b.beginning(1))
	require.Empty(t, b.beginning(0))

	b.passed(true)
	require.Zero(t, b.executes)
	require.False(t, readUntilPass(t, r, &b), "Flush asks for no answer of its own")
	b.passed(false)
	require.True(t, readUntilPass(t, r, &b))
	require.True(t, b.commit)
}

func readUntilPass(t *testing.T, r *bufio.Reader, b *batch) (complete bool) {
	t.Helper()
	for {
		pass, complete, err := b.read(r)
		require.NoError(t, err)
		if pass {
			return complete
		}
	}
}

func TestWhatIsACommit(t *testing.T) {
	t.Parallel()
	for query, expected := range map[string]bool{
		"commit\x00": true, "  COMMIT;\x00": true, "end\x00": true, "commit work\x00": true,
		"begin\x00": false, "\x00": false, ";\x00": false, "committed\x00": false, "": false,
	} {
		require.Equal(t, expected, isCommit([]byte(query)), "%q", query)
	}
}

func TestApplicationName(t *testing.T) {
	t.Parallel()
	startup := encoded(t, &pgproto3.StartupMessage{
		ProtocolVersion: pgproto3.ProtocolVersionNumber, Parameters: map[string]string{"user": "u", "application_name": "writer"},
	})
	_, read, err := readStartup(bufio.NewReader(bytes.NewReader(startup)))
	require.NoError(t, err)
	require.Equal(t, startup, read)
	require.Equal(t, "writer", applicationName(read))
}

// Whatever a client sends, the proxy passes it on unchanged, in order, and up to the first thing
// that is no message.
func FuzzBatch(f *testing.F) {
	f.Add(encoded(f, &pgproto3.Bind{}, &pgproto3.Execute{}, &pgproto3.Sync{}, &pgproto3.Query{String: "commit"}))
	f.Add(encoded(f, &pgproto3.Flush{}, &pgproto3.Terminate{}))
	f.Add([]byte{kindSync, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{kindQuery, 0, 0, 0, 4})
	f.Add([]byte{kindExecute, 0, 0, 0, 3})
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := bufio.NewReader(bytes.NewReader(stream))
		var b batch
		b.passed(true)
		var passed []byte
		for {
			pass, complete, err := b.read(r)
			if err != nil {
				break
			}
			require.Less(t, len(b.beginning(1)), len(b.bytes))
			if pass {
				passed = append(passed, b.bytes...)
				b.passed(complete)
			}
		}
		require.True(t, bytes.HasPrefix(stream, passed))
	})
}

func FuzzStartup(f *testing.F) {
	f.Add(encoded(f, &pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersionNumber, Parameters: map[string]string{"user": "u"}}))
	f.Add([]byte{0, 0, 0, 8, 4, 210, 22, 47})
	f.Fuzz(func(t *testing.T, stream []byte) {
		_, startup, err := readStartup(bufio.NewReader(bytes.NewReader(stream)))
		if err != nil {
			return
		}
		require.True(t, bytes.HasPrefix(stream, startup))
		applicationName(startup)
	})
}
