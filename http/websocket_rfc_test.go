package http

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// rfcCase is one thing that a client does, and what the server must answer.
type rfcCase struct {
	name string
	send [][]byte
	pong []string // payloads of pongs that come before the end, in order
	code uint16   // of the close frame that ends it; 0: the connection ends without one
}

// TestWebSocket_RFC6455 sends each case to a server of its own kind: a subscription, to which nothing is
// to be said. Legal messages are therefore closed with 1008, after they have been read to their end.
func TestWebSocket_RFC6455(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, nil)
	cases := rfcCases()
	require.GreaterOrEqual(t, len(cases), 100)
	names := make(map[string]bool)
	for _, c := range cases {
		require.False(t, names[c.name], c.name)
		names[c.name] = true
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			client := b.follow(t, updatesPath(sampleID(1), ""))
			require.Equal(t, "order", client.next().Type)
			for _, bytes := range c.send {
				client.send(bytes)
			}
			var pongs []string
			for {
				op, payload, err := client.frame()
				if err != nil {
					require.Zero(t, c.code, "it ended without a close frame: %v", err)
					break
				}
				if op == opPong {
					pongs = append(pongs, string(payload))
					continue
				}
				require.Equal(t, opClose, op)
				require.Equal(t, c.code, codeOf(t, payload), "%s", payload)
				_, _, err = client.frame()
				require.Error(t, err, "nothing follows a close frame")
				break
			}
			// Of pings that come together only the last one need be answered.
			require.True(t, isEndOf(c.pong, pongs), "want %q, got %q", c.pong, pongs)
		})
	}
}

func codeOf(t *testing.T, payload []byte) uint16 {
	t.Helper()
	if len(payload) == 0 {
		return 1005
	}
	require.GreaterOrEqual(t, len(payload), 2)
	return binary.BigEndian.Uint16(payload)
}

// isEndOf reports whether got is some of want, in order, and holds the last of it.
func isEndOf(want, got []string) bool {
	if len(want) == 0 {
		return len(got) == 0
	}
	at := 0
	for _, g := range got {
		for at < len(want) && want[at] != g {
			at++
		}
		if at == len(want) {
			return false
		}
		at++
	}
	return len(got) > 0 && at == len(want)
}

func rfcCases() []rfcCase {
	var all []rfcCase
	all = append(all, framingCases()...)
	all = append(all, lengthCases()...)
	all = append(all, fragmentCases()...)
	all = append(all, controlCases()...)
	all = append(all, closeCases()...)
	all = append(all, utf8Cases()...)
	all = append(all, limitCases()...)
	return all
}

// one is a case of a single write.
func one(name string, code uint16, b ...[]byte) rfcCase {
	return rfcCase{name: name, send: [][]byte{bytes.Join(b, nil)}, code: code}
}

func text(s string) []byte { return masked(opText, []byte(s)) }

// framingCases: reserved bits and opcodes, and the mask (sections 5.1 and 5.2).
func framingCases() []rfcCase {
	cases := []rfcCase{
		one("a text", 1008, text("hello")),
		one("an empty text", 1008, text("")),
		one("a binary message", 1008, masked(opBinary, []byte{0, 1, 2, 255})),
		one("an empty binary message", 1008, masked(opBinary, nil)),
		one("a text of JSON", 1008, text(`{"type":"subscribe"}`)),
		one("a text that is not masked", 1002, []byte{frameFinal | opText, 2, 'h', 'i'}),
		one("a ping that is not masked", 1002, []byte{frameFinal | opPing, 0}),
		one("a close that is not masked", 1002, []byte{frameFinal | opClose, 2, 3, 232}),
		one("a continuation that is not masked", 1002, []byte{frameFinal, 0}),
		one("a mask of zeros", 1008, []byte{frameFinal | opText, frameMask | 2, 0, 0, 0, 0, 'h', 'i'}),
		one("bytes that are no frame", 1002, []byte("GET / HTTP/1.1\r\n\r\n")),
		one("a zero byte and another", 1002, []byte{0, 0}),
	}
	for _, bits := range []struct {
		name string
		bits byte
	}{{"RSV1", 0x40}, {"RSV2", 0x20}, {"RSV3", 0x10}, {"all reserved bits", 0x70}, {"RSV1 and RSV3", 0x50}} {
		cases = append(cases,
			one(bits.name+" on a text", 1002, clientFrame(frameFinal|bits.bits|opText, []byte("hi"))),
			one(bits.name+" on a ping", 1002, clientFrame(frameFinal|bits.bits|opPing, nil)),
			one(bits.name+" on a continuation", 1002, clientFrame(opText, []byte("a")), clientFrame(frameFinal|bits.bits, []byte("b"))))
	}
	for _, op := range []byte{0x3, 0x4, 0x5, 0x6, 0x7, 0xb, 0xc, 0xd, 0xe, 0xf} {
		cases = append(cases, one("reserved opcode "+string("0123456789abcdef"[op]), 1002, masked(op, []byte("x"))))
	}
	return cases
}

// lengthCases: how a length is written (section 5.2).
func lengthCases() []rfcCase {
	head := func(short byte, long ...byte) []byte {
		return append(append([]byte{frameFinal | opBinary, frameMask | short}, long...), 0, 0, 0, 0)
	}
	zeros := func(n int) []byte { return make([]byte, n) }
	return []rfcCase{
		one("125 bytes", 1008, masked(opBinary, zeros(125))),
		one("126 bytes", 1008, masked(opBinary, zeros(126))),
		one("127 bytes", 1008, masked(opBinary, zeros(127))),
		one("128 bytes", 1008, masked(opBinary, zeros(128))),
		one("4096 bytes", 1008, masked(opBinary, zeros(4096))),
		one("0 written in two bytes", 1002, head(126, 0, 0)),
		one("125 written in two bytes", 1002, head(126, 0, 125), zeros(125)),
		one("126 written in eight bytes", 1002, head(127, 0, 0, 0, 0, 0, 0, 0, 126), zeros(126)),
		one("65535 written in eight bytes", 1002, head(127, 0, 0, 0, 0, 0, 0, 255, 255)),
		one("0 written in eight bytes", 1002, head(127, 0, 0, 0, 0, 0, 0, 0, 0)),
		one("the first bit of eight bytes", 1002, head(127, 128, 0, 0, 0, 0, 0, 0, 0)),
		one("all bits of eight bytes", 1002, head(127, 255, 255, 255, 255, 255, 255, 255, 255)),
		{name: "a head byte by byte", send: split(text("hello")), code: 1008},
		{name: "a long head byte by byte", send: split(masked(opBinary, zeros(300))), code: 1008},
	}
}

// split cuts bytes into pieces of one, which are sent one by one.
func split(b []byte) (pieces [][]byte) {
	for i := range b {
		pieces = append(pieces, b[i:i+1])
	}
	return pieces
}

// fragmentCases: messages in several frames (section 5.4).
func fragmentCases() []rfcCase {
	first, middle, last := clientFrame(opText, []byte("a")), clientFrame(opContinuation, []byte("b")), masked(opContinuation, []byte("c"))
	ping := masked(opPing, []byte("p"))
	return []rfcCase{
		one("two fragments", 1008, first, last),
		one("three fragments", 1008, first, middle, last),
		one("a binary message in fragments", 1008, clientFrame(opBinary, []byte{1}), last),
		one("empty fragments", 1008, clientFrame(opText, nil), clientFrame(opContinuation, nil), masked(opContinuation, nil)),
		one("a hundred fragments", 1008, first, bytes.Repeat(middle, 98), last),
		{name: "fragments one by one", send: [][]byte{first, middle, last}, code: 1008},
		{name: "fragments byte by byte", send: split(bytes.Join([][]byte{first, middle, last}, nil)), code: 1008},
		{name: "a ping between fragments", send: [][]byte{bytes.Join([][]byte{first, ping, last}, nil)}, pong: []string{"p"}, code: 1008},
		one("a continuation of nothing", 1002, last),
		one("an unfinished continuation of nothing", 1002, middle),
		one("a text within a text", 1002, first, text("x")),
		one("a binary message within a text", 1002, first, masked(opBinary, nil)),
		one("a fragment of a text within a binary message", 1002, clientFrame(opBinary, nil), first),
		one("a close between fragments", 1000, first, masked(opClose, closeOf(1000, ""))),
	}
}

// controlCases: pings and pongs (sections 5.5.2 and 5.5.3).
func controlCases() []rfcCase {
	bye := masked(opClose, closeOf(1000, ""))
	ping := func(s string) []byte { return masked(opPing, []byte(s)) }
	long := strings.Repeat("x", 125)
	return []rfcCase{
		one("a ping of 126 bytes", 1002, ping(strings.Repeat("x", 126))),
		one("a ping of 65536 bytes", 1002, ping(strings.Repeat("x", 65536))),
		one("a ping in fragments", 1002, clientFrame(opPing, []byte("x"))),
		one("a pong in fragments", 1002, clientFrame(opPong, []byte("x"))),
		one("a close in fragments", 1002, clientFrame(opClose, closeOf(1000, ""))),
		one("a pong that nobody asked for", 1000, masked(opPong, []byte("x")), bye),
		one("a pong of 125 bytes", 1000, masked(opPong, []byte(long)), bye),
		one("a pong of 126 bytes", 1002, masked(opPong, []byte(long+"x"))),
		one("a pong that is empty", 1000, masked(opPong, nil), bye),
		one("ninety pongs", 1000, bytes.Repeat(masked(opPong, nil), 90), bye),
		one("a ping written as 125 in two bytes", 1002, []byte{frameFinal | opPing, frameMask | 126, 0, 5, 0, 0, 0, 0, 1, 2, 3, 4, 5}),
		{name: "bytes that end in the middle of a ping", send: [][]byte{ping("hello")[:4], ping("hello")[4:], bye}, pong: []string{"hello"}, code: 1000},
	}
}

// closeCases: closing, and its codes (sections 5.5.1, 7.1.5 and 7.4).
func closeCases() []rfcCase {
	cases := []rfcCase{
		one("a close without a code", 1005, masked(opClose, nil)),
		one("a close with half a code", 1002, masked(opClose, []byte{3})),
		one("a close with a reason", 1000, masked(opClose, closeOf(1000, "done"))),
		one("a close with the longest reason", 1000, masked(opClose, closeOf(1000, strings.Repeat("x", 123)))),
		one("a close with a reason too long", 1002, masked(opClose, closeOf(1000, strings.Repeat("x", 124)))),
		one("a close with a reason in Korean", 1000, masked(opClose, closeOf(1000, "안녕히"))),
		one("a close with a reason that is no UTF-8", 1007, masked(opClose, closeOf(1000, "\xff"))),
		one("a close with half a character", 1007, masked(opClose, closeOf(1000, "\xed\x95"))),
		one("a text after a close", 1000, masked(opClose, closeOf(1000, "")), text("more")),
		one("a ping after a close", 1000, masked(opClose, closeOf(1000, "")), masked(opPing, []byte("x"))),
		one("a close after a close", 1000, masked(opClose, closeOf(1000, "")), masked(opClose, closeOf(1001, ""))),
		one("a broken frame after a close", 1000, masked(opClose, closeOf(1000, "")), []byte{0xff, 0xff, 0xff}),
		{name: "a close byte by byte", send: split(masked(opClose, closeOf(1001, "bye"))), code: 1001},
	}
	for _, c := range []struct {
		name  string
		code  uint16
		valid bool
	}{
		{"0", 0, false},
		{"999", 999, false},
		{"1000", 1000, true},
		{"1001", 1001, true},
		{"1002", 1002, true},
		{"1003", 1003, true},
		{"1004", 1004, false},
		{"1005", 1005, false},
		{"1006", 1006, false},
		{"1007", 1007, true},
		{"1008", 1008, true},
		{"1009", 1009, true},
		{"1010", 1010, true},
		{"1011", 1011, true},
		{"1012", 1012, true},
		{"1013", 1013, true},
		{"1014", 1014, true},
		{"1015", 1015, false},
		{"1016", 1016, false},
		{"1100", 1100, false},
		{"2000", 2000, false},
		{"2999", 2999, false},
		{"3000", 3000, true},
		{"3999", 3999, true},
		{"4000", 4000, true},
		{"4999", 4999, true},
		{"5000", 5000, false},
		{"65535", 65535, false},
	} {
		want := c.code
		if !c.valid {
			want = 1002
		}
		cases = append(cases, one("close code "+c.name, want, masked(opClose, closeOf(c.code, ""))))
	}
	return cases
}

// utf8Cases: texts that are none (section 8.1).
func utf8Cases() []rfcCase {
	cases := []rfcCase{
		one("a text in Korean", 1008, text("주문이 발송되었습니다")),
		one("a text with all lengths of characters", 1008, text("aé한💡")),
		one("the last character of Unicode", 1008, text("\U0010FFFF")),
		one("a character over two fragments", 1008, clientFrame(opText, []byte("\xed\x95")), masked(opContinuation, []byte("\x9c"))),
		one("a character over four fragments", 1008, clientFrame(opText, []byte("\xf0")), clientFrame(opContinuation, []byte("\x9f")),
			clientFrame(opContinuation, []byte("\x92")), masked(opContinuation, []byte("\xa1"))),
		one("a character over the reader's buffer", 1008, text(strings.Repeat("x", 142)+"한"+strings.Repeat("y", 150))),
		one("half a character at the end", 1007, text("ab\xed\x95")),
		one("half a character at the end of the last fragment", 1007, clientFrame(opText, []byte("a")), masked(opContinuation, []byte("\xc3"))),
		one("a broken character in the first fragment", 1007, clientFrame(opText, []byte("\xff"))),
		one("a character broken by a fragment", 1007, clientFrame(opText, []byte("\xed\x95")), clientFrame(opContinuation, []byte("x"))),
		one("bytes that are no UTF-8 in a binary message", 1008, masked(opBinary, []byte("\xff\xfe\xc0"))),
	}
	for name, bad := range map[string]string{
		"a lone continuation byte": "\x80", "a byte that is never used": "\xc0\xaf", "an overlong slash": "\xe0\x80\xaf",
		"a surrogate": "\xed\xa0\x80", "a character beyond Unicode": "\xf4\x90\x80\x80", "five bytes": "\xf8\x88\x80\x80\x80",
		"a cut character in the middle": "\xe2\x82x", "0xff": "\xff",
	} {
		cases = append(cases, one("a text with "+name, 1007, text("ok"+bad+"ok")))
	}
	return cases
}

// limitCases: messages that are too big, and too many frames.
func limitCases() []rfcCase {
	huge := []byte{frameFinal | opBinary, frameMask | 127, 0, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4}
	return []rfcCase{
		one("4097 bytes", 1009, masked(opBinary, make([]byte, 4097))),
		one("70000 bytes", 1009, masked(opText, make([]byte, 70_000))),
		one("4 GiB announced", 1009, huge),
		one("fragments of 4097 bytes in all", 1009, clientFrame(opText, make([]byte, 4000)), masked(opContinuation, make([]byte, 97))),
		one("a megabyte", 1009, masked(opBinary, make([]byte, 1<<20))),
		one("fragments without end", 1009, clientFrame(opText, nil), bytes.Repeat(clientFrame(opContinuation, make([]byte, 64)), 80)),
		one("a flood of pongs", 1008, bytes.Repeat(masked(opPong, nil), controlsMax+1)),
		{name: "nothing, and the end", send: [][]byte{masked(opClose, nil)}, code: 1005},
	}
}

func TestWebSocket_PingsAreAnswered(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, nil)
	client := b.follow(t, updatesPath(sampleID(1), ""))
	client.next()
	for _, payload := range []string{"", "x", "한", strings.Repeat("z", 125), "\xff\x00"} {
		client.send(masked(opPing, []byte(payload)))
		op, got, err := client.frame()
		require.NoError(t, err)
		require.Equal(t, opPong, op)
		require.Equal(t, payload, string(got))
	}
	// In the middle of a message, too.
	client.send(clientFrame(opText, []byte("a")))
	client.send(masked(opPing, []byte("between")))
	op, got, err := client.frame()
	require.NoError(t, err)
	require.Equal(t, opPong, op)
	require.Equal(t, "between", string(got))
	client.send(masked(opContinuation, []byte("b")))
	code, _ := client.closing()
	require.EqualValues(t, 1008, code)
}

func TestWebSocket_FloodOfPingsIsEnded(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, nil)
	client := b.follow(t, updatesPath(sampleID(1), ""))
	client.send(bytes.Repeat(masked(opPing, []byte("flood")), 10*controlsMax))
	code, reason := client.closing()
	require.EqualValues(t, 1008, code, reason)
}

// What a client sends together with its handshake is not lost with the buffer that it was read into.
func TestWebSocket_FramesRightBehindTheHandshake(t *testing.T) {
	t.Parallel()
	for name, setup := range map[string]func(testing.TB, func(*Config)) *testBundle{"TCP": setupTCP, "memory": setup} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			ping := masked(opPing, []byte("early"))
			client := b.open(t, handshake(updatesPath(sampleID(1), ""))+string(bytes.Repeat(ping, 30)))
			status, _ := client.header()
			require.Contains(t, status, " 101 ")
			require.Equal(t, "order", client.next().Type)
			op, payload, err := client.frame()
			require.NoError(t, err)
			require.Equal(t, opPong, op)
			require.Equal(t, "early", string(payload))
		})
	}
}

func TestWebSocket_HandshakesThatAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.AllowedOrigins = "https://shop.example, http://localhost:3000" })
	path := updatesPath(sampleID(1), "")
	valid := handshake(path)
	for name, c := range map[string]struct{ request, status, code string }{
		"no upgrade":               {"GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n", "426", "upgrade_required"},
		"another protocol":         {strings.Replace(valid, "Upgrade: websocket", "Upgrade: h2c", 1), "426", "upgrade_required"},
		"no token in Connection":   {strings.Replace(valid, "Connection: Upgrade", "Connection: keep-alive", 1), "426", "upgrade_required"},
		"an older version":         {strings.Replace(valid, "Version: 13", "Version: 8", 1), "426", "upgrade_required"},
		"no version":               {strings.Replace(valid, "Sec-WebSocket-Version: 13\r\n", "", 1), "426", "upgrade_required"},
		"no key":                   {strings.Replace(valid, "Sec-WebSocket-Key: "+sampleChallenge+"\r\n", "", 1), "400", "validation_failed"},
		"a short key":              {strings.Replace(valid, sampleChallenge, "c2hvcnQ=", 1), "400", "validation_failed"},
		"a key that is no base64":  {strings.Replace(valid, sampleChallenge, "dGhlIHNhbXBsZSBub25jZQ!!", 1), "400", "validation_failed"},
		"two keys":                 {handshake(path, "Sec-WebSocket-Key: "+sampleChallenge+"\r\n"), "400", "validation_failed"},
		"HTTP/1.0":                 {strings.Replace(valid, "HTTP/1.1", "HTTP/1.0", 1), "426", "upgrade_required"},
		"POST":                     {strings.Replace(valid, "GET", "POST", 1), "405", "method_not_allowed"},
		"a page of another site":   {handshake(path, "Origin: https://evil.example\r\n"), "403", "origin_not_allowed"},
		"a page without an origin": {handshake(path, "Origin: null\r\n"), "403", "origin_not_allowed"},
		"a site that looks alike":  {handshake(path, "Origin: https://shop.example.evil\r\n"), "403", "origin_not_allowed"},
		"an order that is not":     {handshake(updatesPath(sampleID(9), "")), "404", "not_found"},
		"an id that is none":       {handshake(pathOrders + "/7/updates"), "400", "validation_failed"},
		"a number that is none":    {handshake(path + "?since_seq=-1"), "400", "validation_failed"},
		"a cursor that is none":    {handshake(pathOrders + "/updates?cursor=bwGJ"), "400", "validation_failed"},
		"a parameter too many":     {handshake(path + "?x=1"), "400", "validation_failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := b.open(t, c.request)
			status, fields := client.header()
			require.Contains(t, status, " "+c.status+" ")
			require.Equal(t, contentTypeProblem, fields["content-type"])
			body := make([]byte, client.r.Buffered())
			_, _ = client.r.Read(body)
			require.Contains(t, string(body), `"code":"`+c.code+`"`)
			if c.status == "426" {
				require.Equal(t, "13", fields["sec-websocket-version"])
			}
		})
	}
	for _, origin := range []string{"https://shop.example", "http://localhost:3000", "http://penstock.test", "https://penstock.test"} {
		client := b.follow(t, path, "Origin: "+origin+"\r\n")
		require.Equal(t, "order", client.next().Type)
	}
	require.Equal(t, "order", b.open(t, strings.Replace(valid, "Connection: Upgrade", "Connection: keep-alive, upgrade", 1)).opened().next().Type)
}

// opened reads the answer to a handshake.
func (c *rawClient) opened() *rawClient {
	c.t.Helper()
	status, _ := c.header()
	require.Contains(c.t, status, " 101 ")
	return c
}
