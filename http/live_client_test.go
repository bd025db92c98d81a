package http

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// rawClient speaks WebSocket frame by frame, and whatever else a test wants to send.
type rawClient struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

// clientWait bounds every wait of a client.
const clientWait = 20 * time.Second

const sampleChallenge = "dGhlIHNhbXBsZSBub25jZQ=="

// handshake returns the request that opens a WebSocket. more are header lines beside the usual ones.
func handshake(path string, more ...string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: penstock.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + sampleChallenge + "\r\n" + strings.Join(more, "") + "\r\n"
}

// open sends a request, and bytes that are to follow it at once.
func (b *testBundle) open(t testing.TB, request string) *rawClient {
	t.Helper()
	conn, err := b.dial()
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(clientWait)))
	_, err = io.WriteString(conn, request)
	require.NoError(t, err)
	return &rawClient{t: t, conn: conn, r: bufio.NewReader(conn)}
}

// header reads an answer's status and header, by lower-case names.
func (c *rawClient) header() (status string, fields map[string]string) {
	c.t.Helper()
	line, err := c.r.ReadString('\n')
	require.NoError(c.t, err)
	fields = make(map[string]string)
	for {
		field, err := c.r.ReadString('\n')
		require.NoError(c.t, err)
		name, value, found := strings.Cut(strings.TrimSpace(field), ":")
		if !found {
			return strings.TrimSpace(line), fields
		}
		fields[strings.ToLower(name)] = strings.TrimSpace(value)
	}
}

// follow opens a WebSocket.
func (b *testBundle) follow(t testing.TB, path string, more ...string) *rawClient {
	t.Helper()
	c := b.open(t, handshake(path, more...))
	status, fields := c.header()
	require.Contains(t, status, " 101 ", fields)
	sum := sha1.Sum([]byte(sampleChallenge + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	require.Equal(t, base64.StdEncoding.EncodeToString(sum[:]), fields["sec-websocket-accept"])
	require.NotContains(t, fields, "sec-websocket-extensions")
	return c
}

// frame reads a frame of the server, which is neither masked nor fragmented nor longer than it need be.
func (c *rawClient) frame() (op byte, payload []byte, err error) {
	c.t.Helper()
	head := make([]byte, 2)
	if _, err := io.ReadFull(c.r, head); err != nil {
		return 0, nil, err
	}
	require.Equal(c.t, byte(frameFinal), head[0]&0xf0, "final, and no reserved bits")
	require.Zero(c.t, head[1]&frameMask, "a server does not mask")
	n := uint64(head[1])
	switch n {
	case 126:
		var b [2]byte
		_, err = io.ReadFull(c.r, b[:])
		n = uint64(binary.BigEndian.Uint16(b[:]))
		require.Greater(c.t, n, uint64(125))
	case 127:
		var b [8]byte
		_, err = io.ReadFull(c.r, b[:])
		n = binary.BigEndian.Uint64(b[:])
		require.Greater(c.t, n, uint64(0xffff))
	}
	require.NoError(c.t, err)
	payload = make([]byte, n)
	_, err = io.ReadFull(c.r, payload)
	return head[0] & 0xf, payload, err
}

// message is what the tests read of a message.
type message struct {
	Type    string         `json:"type"`
	OrderID string         `json:"order_id"`
	Seq     uint64         `json:"seq"`
	Cursor  string         `json:"cursor"`
	Data    map[string]any `json:"data"`
	raw     []byte
}

// next reads the next message, and answers pings before it.
func (c *rawClient) next() message {
	c.t.Helper()
	for {
		op, payload, err := c.frame()
		require.NoError(c.t, err)
		if op == opPing {
			c.send(masked(opPong, payload))
			continue
		}
		require.Equal(c.t, opText, op, "%s", payload)
		m := message{raw: payload}
		require.NoError(c.t, json.Unmarshal(payload, &m), "%s", payload)
		return m
	}
}

// closing reads until the server closes: with which code, and why; 0 when it does so without a word. Nothing
// may follow a close frame.
func (c *rawClient) closing() (code uint16, reason string) {
	c.t.Helper()
	for {
		op, payload, err := c.frame()
		if err != nil {
			return 0, err.Error()
		}
		if op != opClose {
			continue
		}
		rest, _ := io.ReadAll(c.r)
		require.Empty(c.t, rest)
		if len(payload) == 0 {
			return 1005, ""
		}
		return binary.BigEndian.Uint16(payload), string(payload[2:])
	}
}

// send sends bytes as they are. A server that has closed already is no fault.
func (c *rawClient) send(b []byte) { _, _ = c.conn.Write(b) }

// masked returns a frame of a client.
func masked(op byte, payload []byte) []byte { return clientFrame(frameFinal|op, payload) }

// clientFrame returns a masked frame with the first byte given.
func clientFrame(first byte, payload []byte) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n <= 125:
		b = append(b, frameMask|byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, frameMask|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, frameMask|127), uint64(n))
	}
	mask := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	b = append(b, mask[:]...)
	for i, c := range payload {
		b = append(b, c^mask[i%4])
	}
	return b
}

// closeOf returns the payload of a close frame.
func closeOf(code uint16, reason string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, code), reason...)
}

// event is one of a stream of Server-Sent Events.
type event struct {
	id   string
	data message
}

// event reads the next event, comments and settings left out.
func (c *rawClient) event() (e event, err error) {
	c.t.Helper()
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return e, err
		}
		switch name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": "); {
		case name == "id":
			e.id = value
		case name == "data":
			require.NoError(c.t, json.Unmarshal([]byte(value), &e.data))
		case line == "\n" && e.id != "":
			return e, nil
		}
	}
}

func updatesPath(order fmt.Stringer, query string) string {
	return pathOrders + "/" + order.String() + "/updates" + query
}
