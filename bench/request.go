package bench

import (
	"strconv"
)

// Request is what AppendRequest renders.
type Request struct {
	Method string
	Path   string // with its query
	User   string // X-User-ID, or empty
	Key    string // Idempotency-Key, or empty
	Match  string // If-Match, or empty
	Body   []byte // JSON, or empty
}

// AppendRequest appends a request as it goes over the wire.
func AppendRequest(dst []byte, r *Request) []byte {
	dst = append(dst, r.Method...)
	dst = append(dst, ' ')
	dst = append(dst, r.Path...)
	dst = append(dst, " HTTP/1.1\r\nHost: 127.0.0.1\r\n"...)
	dst = appendHeader(dst, "X-User-ID", r.User)
	dst = appendHeader(dst, "Idempotency-Key", r.Key)
	dst = appendHeader(dst, "If-Match", r.Match)
	if len(r.Body) > 0 {
		dst = append(dst, "Content-Type: application/json\r\nContent-Length: "...)
		dst = strconv.AppendInt(dst, int64(len(r.Body)), 10)
		dst = append(dst, "\r\n"...)
	} else if r.Method != "GET" {
		dst = append(dst, "Content-Length: 0\r\n"...)
	}
	dst = append(dst, "\r\n"...)
	return append(dst, r.Body...)
}

func appendHeader(dst []byte, name, value string) []byte {
	if value == "" {
		return dst
	}
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	dst = append(dst, value...)
	return append(dst, "\r\n"...)
}
