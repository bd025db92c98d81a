package bench_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/bench"
)

func TestEchoAnswersTheCapturedBytes(t *testing.T) {
	t.Parallel()
	process := startEcho(t, 201)
	conn := dial(t, process.Address)
	var answer bench.Answer
	for range 3 {
		require.NoError(t, conn.Do(bench.AppendRequest(nil, &bench.Request{Method: "POST", Path: "/x", Body: []byte("{}")}), &answer))
		require.Equal(t, 201, answer.Status)
		require.Equal(t, "/api/v2/orders/1", string(answer.Location))
		require.Equal(t, `"1"`, string(answer.ETag))
		require.JSONEq(t, `{"id":1}`, string(answer.Body))
	}
}

func TestEchoAnswersEachKindOfRequestWithItsOwnBytes(t *testing.T) {
	t.Parallel()
	answer := func(body string) []byte {
		return []byte("HTTP/1.1 200 OK\r\nContent-Length: " + string('0'+rune(len(body))) + "\r\n\r\n" + body)
	}
	process := startEchoOf(t,
		bench.Echoed{Method: "GET", Path: "/products/", Answer: answer("one")},
		bench.Echoed{Method: "GET", Path: "/products", Answer: answer("list")},
		bench.Echoed{Method: "GET", Path: "/products/search", Answer: answer("found")},
		bench.Echoed{Method: "POST", Path: "/products", Answer: answer("made")},
	)
	conn := dial(t, process.Address)
	var got bench.Answer
	for _, want := range []struct{ method, path, body string }{
		{"GET", "/products/17", "one"},
		{"GET", "/products?page=2", "list"},
		{"GET", "/products/search?q=x", "found"},
		{"POST", "/products", "made"},
	} {
		require.NoError(t, conn.Do(bench.AppendRequest(nil, &bench.Request{Method: want.method, Path: want.path}), &got))
		require.Equal(t, want.body, string(got.Body), want.path)
	}
	require.NoError(t, conn.Do(bench.AppendRequest(nil, &bench.Request{Method: "GET", Path: "/orders"}), &got))
	require.Equal(t, 404, got.Status)
}
