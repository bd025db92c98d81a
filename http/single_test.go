package http

import (
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestServer_RefusesHeaderFieldsThatContradictEachOther(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, nil)
	for fields, faults := range map[string][]string{
		"Idempotency-Key: a\r\nidempotency-key: b\r\n":               {`{"header":"Idempotency-Key","detail":"must be sent once"}`},
		"Idempotency-Key: a\r\nIdempotency-Key:\r\n":                 {`{"header":"Idempotency-Key","detail":"must be sent once"}`},
		"Idempotency-Key:\r\n":                                       {`{"header":"Idempotency-Key","detail":"must not be empty"}`},
		"Idempotency-Key: \t \r\n":                                   {`{"header":"Idempotency-Key","detail":"must not be empty"}`},
		"X-User-ID: kim\r\nX-User-Id: lee\r\n":                       {`{"header":"X-User-ID","detail":"must be sent once"}`},
		"X-User-ID: kim\r\nX-User-ID: kim\r\n":                       {`{"header":"X-User-ID","detail":"must be sent once"}`},
		"Content-Type: application/json\r\n":                         {`{"header":"Content-Type","detail":"must be sent once"}`},
		"If-Match: *\r\nIf-Match: *\r\nX-User-ID:\r\nX-User-ID:\r\n": {`{"header":"X-User-ID","detail":"must be sent once"}`, `{"header":"If-Match","detail":"must be sent once"}`},
	} {
		back := exchange(t, fields, b, func(conn net.Conn) {
			_, _ = io.WriteString(conn, "POST /api/v2/orders HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"+
				fields+"Content-Length: 2\r\n\r\n{}")
		})
		require.True(t, strings.HasPrefix(back, "HTTP/1.1 400 "), "%q: %.200q", fields, back)
		require.Contains(t, back, `"code":"validation_failed"`, fields)
		require.Contains(t, back, `"errors":[`+strings.Join(faults, ",")+`]`, fields)
	}
	require.Empty(t, b.engine.seen())
}

func TestServer_TakesOtherHeaderFieldsTwice(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, nil)
	back := exchange(t, "accept", b, func(conn net.Conn) {
		_, _ = io.WriteString(conn, "GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept: a/b\r\nAccept: c/d\r\nX-User-Id: kim\r\n\r\n")
	})
	require.True(t, strings.HasPrefix(back, "HTTP/1.1 200 "), "%.200q", back)
}
