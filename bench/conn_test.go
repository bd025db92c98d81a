package bench_test

import (
	"bufio"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/bench"
)

// serveAnswers listens and gives each request that comes on a connection the next of the answers,
// then closes it. The requests are sent to the channel.
func serveAnswers(t *testing.T, answers ...string) (address string, requests <-chan *http.Request) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	got := make(chan *http.Request, len(answers))
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		reader := bufio.NewReader(conn)
		for _, answer := range answers {
			request, err := http.ReadRequest(reader)
			if err != nil {
				return
			}
			body := make([]byte, request.ContentLength)
			if _, err := reader.Read(body); err != nil && len(body) > 0 {
				return
			}
			got <- request
			if _, err := conn.Write([]byte(answer)); err != nil {
				return
			}
		}
	}()
	return listener.Addr().String(), got
}

func dial(t *testing.T, address string) *bench.Conn {
	t.Helper()
	conn, err := bench.Dial(t.Context(), address, 5*time.Second)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(5*time.Second)))
	return conn
}

func TestConnReadsAnswersOneAfterAnother(t *testing.T) {
	t.Parallel()
	address, requests := serveAnswers(t,
		"HTTP/1.1 201 Created\r\ncontent-length: 5\r\nETag: \"1-1\"\r\nLOCATION: /x\r\nIdempotency-Replayed: true\r\n\r\nhello",
		"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: \"2\"\r\n\r\n",
		"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nContent-Length: 2\r\n\r\n{}",
	)
	conn := dial(t, address)
	var answer bench.Answer
	request := bench.AppendRequest(nil, &bench.Request{
		Method: "POST", Path: "/api/v2/orders?x=1", User: "u", Key: "k", Match: `"1"`, Body: []byte(`{"a":1}`),
	})

	require.NoError(t, conn.Do(request, &answer))
	require.Equal(t, bench.Answer{
		Status: 201, Replayed: true, ETag: []byte(`"1-1"`), Location: []byte("/x"), Body: []byte("hello"),
		Retry: answer.Retry,
	}, answer)
	sent := <-requests
	require.Equal(t, "/api/v2/orders?x=1", sent.URL.String())
	require.Equal(t, "k", sent.Header.Get("Idempotency-Key"))
	require.Equal(t, "u", sent.Header.Get("X-User-ID"))
	require.Equal(t, `"1"`, sent.Header.Get("If-Match"))
	require.Equal(t, "application/json", sent.Header.Get("Content-Type"))

	require.NoError(t, conn.Do(request, &answer))
	require.Equal(t, 304, answer.Status)
	require.False(t, answer.Replayed)
	require.Empty(t, answer.Body)
	require.Equal(t, `"2"`, string(answer.ETag))

	require.NoError(t, conn.Do(request, &answer))
	require.Equal(t, 503, answer.Status)
	require.Equal(t, "2", string(answer.Retry))
	require.Equal(t, "{}", string(answer.Body))

	require.Error(t, conn.Do(request, &answer), "the connection has been closed")
}

func TestConnRefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"another protocol":        "SSH-2.0-OpenSSH\r\n\r\n",
		"a status that is none":   "HTTP/1.1 abc Fine\r\n\r\n",
		"a negative length":       "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"a length beyond bounds":  "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
		"chunks":                  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"a header without a name": "HTTP/1.1 200 OK\r\nnothing\r\n\r\n",
		"too many headers":        "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 100) + "\r\n",
		"a header too long":       "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("b", 10_000) + "\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, _ := serveAnswers(t, answer)
			request := bench.AppendRequest(nil, &bench.Request{Method: "GET", Path: "/"})
			require.ErrorIs(t, dial(t, address).Do(request, new(bench.Answer)), bench.ErrProtocol)
		})
	}
}
