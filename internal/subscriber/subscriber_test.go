package subscriber_test

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/internal/subscriber"
)

const patience = 10 * time.Second

// server is the other end of a connection: it says what a test wants, and tells what it was sent.
func server(t *testing.T, says string) (conn net.Conn, heard <-chan string) {
	t.Helper()
	client, end := net.Pipe()
	t.Cleanup(func() { _ = client.Close() })
	said := make(chan string, 1)
	go func() {
		defer func() { _ = end.Close() }()
		r := bufio.NewReader(end)
		for line := ""; line != "\r\n"; {
			var err error
			if line, err = r.ReadString('\n'); err != nil {
				return
			}
		}
		go func() { _, _ = io.WriteString(end, says) }()
		rest := make([]byte, 64)
		n, _ := r.Read(rest)
		said <- string(rest[:n])
	}()
	return client, said
}

const accepted = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"

// text returns a frame of a server.
func text(op byte, payload string) string {
	if len(payload) < 126 {
		return string([]byte{0x80 | op, byte(len(payload))}) + payload
	}
	return string([]byte{0x80 | op, 126, byte(len(payload) >> 8), byte(len(payload))}) + payload
}

func TestASubscriberReadsMessagesAndAnswersPings(t *testing.T) {
	t.Parallel()
	message := `{"type":"order.paid","order_id":"a","seq":2,"data":{"status":"paid"},"more":"` + strings.Repeat("x", 200) + `"}`
	conn, heard := server(t, accepted+text(subscriber.FramePing, "here?")+text(1, message))
	s, err := subscriber.Open(conn, subscriber.UpdatesOf("a"))
	require.NoError(t, err)
	m, err := s.Next(patience)
	require.NoError(t, err)
	require.Equal(t, "order.paid", m.Type)
	require.Equal(t, "paid", m.Data.Status)
	require.EqualValues(t, 2, m.Seq)
	require.Equal(t, string(subscriber.ClientFrame(0xa, []byte("here?"))), <-heard)
}

func TestASubscriberTellsWhyItHasNothingMore(t *testing.T) {
	t.Parallel()
	for name, is := range map[string]struct {
		says string
		want error
	}{
		"a close frame":     {text(8, "\x03\xe9bye"), subscriber.ErrGone},
		"no code":           {text(8, ""), subscriber.ErrGone},
		"another opcode":    {text(2, "binary"), subscriber.ErrAnswer},
		"no JSON":           {text(1, "hello"), subscriber.ErrAnswer},
		"a reserved bit":    {"\xc1\x01a", subscriber.ErrAnswer},
		"a masked frame":    {"\x81\x81aaaaa", subscriber.ErrAnswer},
		"a frame too large": {"\x81\x7f\x00\x00\x00\x01\x00\x00\x00\x00", subscriber.ErrAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, _ := server(t, accepted+is.says)
			s, err := subscriber.Open(conn, "/")
			require.NoError(t, err)
			_, err = s.Next(patience)
			require.ErrorIs(t, err, is.want)
		})
	}
}

func TestNothingForLongIsNoEnd(t *testing.T) {
	t.Parallel()
	conn, _ := server(t, accepted)
	s, err := subscriber.Open(conn, "/")
	require.NoError(t, err)
	_, err = s.Next(time.Millisecond)
	require.Error(t, err)
	require.NotErrorIs(t, err, subscriber.ErrGone)
	s.Close()
	_, err = s.Next(patience)
	require.ErrorIs(t, err, subscriber.ErrGone)
}

func TestARefusalIsTold(t *testing.T) {
	t.Parallel()
	conn, _ := server(t, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
	_, err := subscriber.Open(conn, "/nowhere")
	require.ErrorIs(t, err, subscriber.ErrAnswer)
	require.ErrorContains(t, err, "404")
}

func TestAnEventFollowsTheLastOne(t *testing.T) {
	t.Parallel()
	m := subscriber.Message{OrderID: "a", Seq: 3}
	require.NoError(t, m.Follows("a", 2))
	require.ErrorIs(t, m.Follows("a", 1), subscriber.ErrGap)
	require.ErrorIs(t, m.Follows("a", 3), subscriber.ErrRepeat)
	require.ErrorIs(t, m.Follows("a", 4), subscriber.ErrRepeat)
	require.ErrorIs(t, m.Follows("b", 2), subscriber.ErrAnswer)
}

func TestRoomIsBoundedByOpenFiles(t *testing.T) {
	t.Parallel()
	room, err := subscriber.Max()
	require.NoError(t, err)
	require.NoError(t, subscriber.CheckRoom(room))
	require.ErrorContains(t, subscriber.CheckRoom(room+1), "ulimit -n")
}
