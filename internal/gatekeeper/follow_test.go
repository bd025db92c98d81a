package gatekeeper_test

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"io"
	nethttp "net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// follower is a WebSocket or a stream of events, as a client sees it.
type follower struct {
	t      testing.TB
	body   io.ReadCloser
	in     *bufio.Reader
	events bool
}

// follow opens a WebSocket or a stream of events, which must succeed.
func (s *shop) follow(t testing.TB, r request) *follower {
	t.Helper()
	status, f := s.tryFollow(t, r)
	require.NotNil(t, f, "%s: %d", r.path, status)
	return f
}

// tryFollow is follow for what may be refused: then it returns only the status.
func (s *shop) tryFollow(t testing.TB, r request) (status int, _ *follower) {
	t.Helper()
	sent, err := nethttp.NewRequestWithContext(t.Context(), "GET", "http://"+s.address+r.path, nil)
	require.NoError(t, err)
	for i := 0; i < len(r.fields); i += 2 {
		sent.Header.Set(r.fields[i], r.fields[i+1])
	}
	client := &nethttp.Client{Transport: &nethttp.Transport{DisableKeepAlives: true}}
	got, err := client.Do(sent)
	require.NoError(t, err)
	t.Cleanup(func() { _ = got.Body.Close() })
	events := got.Header.Get("Content-Type") == "text/event-stream"
	if got.StatusCode != nethttp.StatusSwitchingProtocols && !events {
		return got.StatusCode, nil
	}
	return got.StatusCode, &follower{t: t, body: got.Body, in: bufio.NewReader(got.Body), events: events}
}

// live is the request of a WebSocket.
func live(path string) request { return request{method: "GET", path: path, fields: upgrade()} }

// message is what these tests read of a message.
type message struct {
	Type    string
	OrderID string `json:"order_id"`
	Cursor  string
	text    string
}

// next returns the next message.
func (f *follower) next() (m message) {
	f.t.Helper()
	for {
		op, payload, err := f.read()
		require.NoError(f.t, err)
		if op != 1 {
			require.Equal(f.t, byte(9), op, "only pings come in between: %q", payload)
			continue
		}
		m.text = string(payload)
		require.NoError(f.t, json.Unmarshal(payload, &m), m.text)
		return m
	}
}

// ended waits until the server ends the conversation, and returns the code that it ends with: 0 of a stream of
// events, which has none.
func (f *follower) ended() (code uint16) {
	f.t.Helper()
	for {
		op, payload, err := f.read()
		switch {
		case err != nil:
			return 0
		case op == 8:
			require.GreaterOrEqual(f.t, len(payload), 2)
			return binary.BigEndian.Uint16(payload)
		}
	}
}

// read returns the next frame: its opcode and what it holds. The data of an event is like a text.
func (f *follower) read() (op byte, payload []byte, err error) {
	if f.events {
		for {
			line, err := f.in.ReadString('\n')
			if err != nil {
				return 0, nil, err
			}
			if data, ok := strings.CutPrefix(line, "data: "); ok {
				return 1, []byte(strings.TrimSpace(data)), nil
			}
		}
	}
	var head [2]byte
	if _, err = io.ReadFull(f.in, head[:]); err != nil {
		return 0, nil, err
	}
	length := uint64(head[1])
	if length == 126 {
		var long [2]byte
		if _, err = io.ReadFull(f.in, long[:]); err != nil {
			return 0, nil, err
		}
		length = uint64(binary.BigEndian.Uint16(long[:]))
	}
	payload = make([]byte, length)
	_, err = io.ReadFull(f.in, payload)
	return head[0] & 0xf, payload, err
}

// endsWithin waits for the end in the background, and returns a function that requires it, and says how long
// after since it came. A conversation that does not end fails the test.
func (f *follower) endsWithin(limit time.Duration) func(since time.Time) (code uint16, after time.Duration) {
	type end struct {
		code uint16
		at   time.Time
	}
	ended := make(chan end, 1)
	go func() {
		code := f.ended()
		ended <- end{code, time.Now()}
	}()
	return func(since time.Time) (uint16, time.Duration) {
		f.t.Helper()
		select {
		case e := <-ended:
			return e.code, e.at.Sub(since)
		case <-time.After(limit):
			require.FailNow(f.t, "the conversation goes on", "for more than %s", limit)
			return 0, 0
		}
	}
}
