package http

import "strings"

// smugglingCase is a request, or several, that two readers could take for different ones. A second request that
// only one reader would see asks for /stole; one that is meant to be there, for /after.
type smugglingCase struct {
	name    string
	request string
	sees    string // what is carried out of it when it is sent directly: paths, separated by spaces
}

// stolen is a request that must never be carried out.
const stolen = "GET /stole HTTP/1.1\r\nHost: x\r\n\r\n"

// after is a request that follows another on the same connection.
const after = "GET /after HTTP/1.1\r\nHost: x\r\n\r\n"

// post is a request with header lines and a body as they are.
func post(lines, body string) string {
	return "POST /first HTTP/1.1\r\nHost: x\r\n" + lines + "\r\n" + body
}

// chunked is a request in chunks as they are.
func chunked(chunks string) string { return post("Transfer-Encoding: chunked\r\n", chunks) }

// line is a request without a body, with one header line more.
func line(more string) string { return "GET /first HTTP/1.1\r\nHost: x\r\n" + more + "\r\n" }

func smugglingCases() []smugglingCase {
	return append(append(append(bodyCases(), codingCases()...), append(headerCases(), chunkCases()...)...), lineCases()...)
}

// bodyCases say the length of a body in ways that can be misread.
func bodyCases() []smugglingCase {
	counted := func(value string) string { return post("Content-Length: "+value+"\r\n", "hello"+stolen) }
	return []smugglingCase{
		{"a length", counted("5") + after, "/first /stole /after"}, // plainly two requests, which shows that this works
		{"a length over a request", post("Content-Length: "+itoa(int64(len(stolen)))+"\r\n", stolen) + after, "/first /after"},
		{"length and chunks", post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\nG"+stolen), ""},
		{"chunks and length", post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "1e\r\n"+stolen+"\r\n0\r\n\r\n"), ""},
		{"the same length twice", post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"+stolen), ""},
		{"two lengths", post("Content-Length: 5\r\nContent-Length: 0\r\n", "hello"+stolen), ""},
		{"two lengths in one", counted("5, 5"), ""},
		{"two lengths with a space", counted("5 5"), ""},
		{"a plus sign", counted("+5"), ""},
		{"hexadecimal", counted("0x5"), ""},
		{"negative", counted("-1"), ""},
		{"a fraction", counted("5.0"), ""},
		{"more than 64 bits", counted("18446744073709551621"), ""},
		{"no digits", counted(""), ""},
		{"leading zeros", counted("0005") + after, "/first /stole /after"},
		{"a NUL in it", counted("5\x00"), ""},
		{"a space before the colon", post("Content-Length : 5\r\n", "hello"+stolen), ""},
		{"a space in the name", post("Content Length: 5\r\n", "hello"+stolen), ""},
		{"a folded length", post("Content-Length:\r\n 5\r\n", "hello"+stolen), ""},
		{"a body of a GET", line("Content-Length: "+itoa(int64(len(stolen)))+"\r\n") + stolen + after, "/first /after"},
		{"a body that was expected", post("Expect: 100-continue\r\nContent-Length: "+itoa(int64(len(stolen)))+"\r\n", stolen) + after, "/first /after"},
		{"the length named as hop by hop", post("Connection: keep-alive, Content-Length\r\nContent-Length: 5\r\n", "hello") + after, "/first /after"},
	}
}

// codingCases hide Transfer-Encoding from one of two readers.
func codingCases() []smugglingCase {
	hidden := func(coding string) string { return post("Content-Length: 5\r\n"+coding+"\r\n", "0\r\n\r\n"+stolen) }
	alone := func(coding string) string { return post(coding+"\r\n", "0\r\n\r\n"+stolen) }
	return []smugglingCase{
		{"chunked in other letters", post("transfer-encoding: cHuNKed\r\n", "0\r\n\r\n") + after, "/first /after"},
		{"another coding", hidden("Transfer-Encoding: xchunked"), ""},
		{"a quoted coding", hidden(`Transfer-Encoding: "chunked"`), ""},
		{"identity", hidden("Transfer-Encoding: identity"), ""},
		{"identity alone", alone("Transfer-Encoding: identity"), ""},
		{"chunked, then identity", alone("Transfer-Encoding: chunked, identity"), ""},
		{"identity, then chunked", alone("Transfer-Encoding: identity, chunked"), ""},
		{"compressed chunks", alone("Transfer-Encoding: gzip, chunked"), ""},
		{"two codings", alone("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"), ""},
		{"chunked twice", alone("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), ""},
		{"a vertical tab before it", hidden("Transfer-Encoding:\x0bchunked"), ""},
		{"a space before the colon of the coding", hidden("Transfer-Encoding : chunked"), ""},
		{"a tab before the colon", hidden("Transfer-Encoding\t: chunked"), ""},
		{"a folded coding", hidden("Transfer-Encoding:\r\n chunked"), ""},
		{"after a bare LF", hidden("X: y\nTransfer-Encoding: chunked"), ""},
		{"after a bare CR", hidden("X: y\rTransfer-Encoding: chunked"), ""},
		{"an underscore for a hyphen", post("Content-Length: 5\r\nTransfer_Encoding: chunked\r\n", "0\r\n\r\n") + after, "/first /after"},
		{"chunks in HTTP/1.0", strings.Replace(alone("Connection: keep-alive\r\nTransfer-Encoding: chunked"), "HTTP/1.1", "HTTP/1.0", 1), ""},
		{"the coding named as hop by hop", hidden("Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked"), ""},
	}
}

// headerCases bend the lines of the header.
func headerCases() []smugglingCase {
	return []smugglingCase{
		{"a folded line", line("X: a\r\n b\r\n") + stolen, ""},
		{"a line folded with a tab", line("X: a\r\n\tGET: b\r\n") + stolen, ""},
		{"a first line that is folded", "GET /first HTTP/1.1\r\n Host: x\r\nHost: x\r\n\r\n" + stolen, ""},
		{"a line without a colon", line("Xyz\r\n") + stolen, ""},
		{"a line without a name", line(": y\r\n") + stolen, ""},
		{"a name in brackets", line("(X): y\r\n") + stolen, ""},
		{"lines that end in LF", "GET /first HTTP/1.1\nHost: x\n\n" + stolen, ""},
		{"one line that ends in LF", line("X: y\n") + stolen, ""},
		{"an empty line of LF", "GET /first HTTP/1.1\r\nHost: x\r\n\n" + stolen, ""},
		{"a CR too many", line("X: y\r\r\n") + stolen, ""},
		{"a NUL in a value", line("X: a\x00b\r\n") + stolen, ""},
		{"a NUL in a name", line("X\x00: b\r\n") + stolen, ""},
		{"two hosts", line("Host: y\r\n") + stolen, ""},
		{"no host", "GET /first HTTP/1.1\r\n\r\n" + stolen, ""},
		{"a host with a name of a user", "GET /first HTTP/1.1\r\nHost: a@x\r\n\r\n" + stolen, ""},
		{"a host with a path", "GET /first HTTP/1.1\r\nHost: x/y\r\n\r\n" + stolen, ""},
		{"fields after the body", chunked("5\r\nhello\r\n0\r\nX-User-ID: root\r\n\r\n") + stolen, ""},
		{"a length after the body", chunked("5\r\nhello\r\n0\r\nContent-Length: 99\r\n\r\n") + stolen, ""},
	}
}

// chunkCases bend the chunks of a body.
func chunkCases() []smugglingCase {
	return []smugglingCase{
		{"an extension", chunked("5;a=b\r\nhello\r\n0\r\n\r\n") + after, "/first /after"},
		{"an extension with a bare LF", chunked("5;\nhello\r\n0\r\n\r\n") + stolen, ""},
		{"an extension with a bare CR", chunked("5;\rhello\r\n0\r\n\r\n") + stolen, ""},
		{"a size of more than 64 bits", chunked("10000000000000005\r\nhello\r\n0\r\n\r\n") + stolen, ""},
		{"a negative size", chunked("-5\r\nhello\r\n0\r\n\r\n") + stolen, ""},
		{"a size with 0x", chunked("0x5\r\nhello\r\n0\r\n\r\n") + stolen, ""},
		{"a size with a plus sign", chunked("+5\r\nhello\r\n0\r\n\r\n") + stolen, ""},
		{"a size with an underscore", chunked("0_5\r\nhello\r\n0\r\n\r\n") + stolen, ""},
		{"a chunk longer than its size", chunked("5\r\nhelloX\r\n0\r\n\r\n") + stolen, ""},
		{"a chunk that ends in LF", chunked("5\r\nhello\n0\r\n\r\n") + stolen, ""},
		{"sizes that end in LF", chunked("5\nhello\n0\n\n") + stolen, ""},
		{"no last chunk", chunked("5\r\nhello\r\n"), ""},
		{"no end after the last chunk", chunked("5\r\nhello\r\n0\r\n" + stolen), ""},
		{"rubbish after the last chunk", chunked("5\r\nhello\r\n0\r\nrubbish\r\n\r\n" + stolen), ""},
	}
}

// lineCases bend the request line, and what follows a request.
func lineCases() []smugglingCase {
	target := func(line string) string { return line + "\r\nHost: x\r\n\r\n" + stolen }
	bad := "GET /api/v2/orders/updates HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 777\r\n" +
		"Sec-WebSocket-Key: " + sampleChallenge + "\r\n\r\n"
	good := strings.Replace(bad, "777", "13", 1)
	return []smugglingCase{
		{"two spaces", target("GET  /first HTTP/1.1"), ""},
		{"tabs", target("GET\t/first\tHTTP/1.1"), ""},
		{"no version", target("GET /first"), ""},
		{"a word too many", target("GET /first HTTP/1.1 x"), ""},
		{"HTTP/1.2", target("GET /first HTTP/1.2"), ""},
		{"HTTP/2.0", target("GET /first HTTP/2.0"), ""},
		{"HTTP/0.9", target("GET /first HTTP/0.9"), ""},
		{"http/1.1", target("GET /first http/1.1"), ""},
		{"a fragment", target("GET /first#x HTTP/1.1"), ""},
		{"another host in the line", target("GET http://y/first HTTP/1.1"), ""},
		{"the same host in the line", "GET http://x/first HTTP/1.1\r\nHost: x\r\n\r\n" + after, "http://x/first /after"},
		{"no slash", target("GET first HTTP/1.1"), ""},
		{"a CR before the end of the line", target("GET /first HTTP/1.1\r"), ""},
		{"empty lines before it", "\r\n\r\n" + line("") + after, "/first /after"},
		{"requests one after another", line("") + after, "/first /after"},
		{"a request after one that is not valid", "GET /api/v2/orders?limit=x HTTP/1.1\r\nHost: x\r\n\r\n" + after, "/api/v2/orders?limit=x /after"},
		{"HTTP/1.0 that stays", "GET /first HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n" + after, "/first /after"},
		{"HTTP/1.0 that goes", "GET /first HTTP/1.0\r\nHost: x\r\n\r\n" + stolen, "/first"},
		{"a request that is the last", line("Connection: close\r\n") + stolen, "/first"},
		{"an upgrade that is refused", bad + stolen, "/api/v2/orders/updates"},
		{"an upgrade", good + stolen, "/api/v2/orders/updates"},
		{"an upgrade to HTTP/2", line("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n") + after, "/first /after"},
	}
}
