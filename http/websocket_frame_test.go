package http

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// read takes frames until the end, and tells what it was given.
func readAll(r io.Reader) (controls []string, end error) {
	frames := &frameReader{from: r}
	for {
		frame, err := frames.next()
		if err != nil {
			return controls, err
		}
		controls = append(controls, string(append([]byte{frame.op}, frame.payload...)))
	}
}

// Whatever comes, and in whatever pieces, it is read alike, and without a panic.
func FuzzFrameReader(f *testing.F) {
	for _, c := range rfcCases() {
		if all := bytes.Join(c.send, nil); len(all) < 1<<10 {
			f.Add(all)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		controls, end := readAll(bytes.NewReader(b))
		require.Error(t, end)
		again, sameEnd := readAll(iotest.OneByteReader(bytes.NewReader(b)))
		require.Equal(t, controls, again)
		require.Equal(t, end, sameEnd)
		var refused *closeError
		if errors.As(end, &refused) {
			require.LessOrEqual(t, len(refused.reason), controlMax-2, "a close frame must hold it")
		}
		for _, c := range controls {
			require.LessOrEqual(t, len(c), 1+controlMax)
		}
	})
}

func TestFrames_AreWrittenInTheFewestBytes(t *testing.T) {
	t.Parallel()
	for n, head := range map[int]int{0: 2, 1: 2, 125: 2, 126: 4, 65535: 4, 65536: 10} {
		payload := bytes.Repeat([]byte("x"), n)
		b := appendFrame([]byte("before"), opText, payload)
		require.Len(t, b, len("before")+head+n)
		require.True(t, bytes.HasSuffix(b, payload))
		dst, from := openFrame([]byte("before"))
		require.True(t, bytes.Equal(b, closeFrame(append(dst, payload...), from, opText)))
	}
}
