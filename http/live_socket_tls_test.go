package http

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// setupShopTLS is setupShop with an encrypted server.
func setupShopTLS(t *testing.T) *shop {
	t.Helper()
	s := setupShop(t)
	s.testBundle, _ = setupTLS(t, func(c *Config) { c.Engine = s.engine })
	return s
}

func TestTLS_WebSocketFollowsAnOrder(t *testing.T) {
	t.Parallel()
	s := setupShopTLS(t)
	o := s.place(t, "kim")
	client := s.follow(t, updatesPath(o.ID, ""))
	require.Equal(t, "order", client.next().Type)
	s.move(t, o.ID, commerce.StatusPaid, commerce.StatusProcessing, commerce.StatusShipped)
	for i, to := range []string{"paid", "processing", "shipped"} {
		m := client.next()
		require.EqualValues(t, i+2, m.Seq)
		require.Equal(t, to, m.Data["status"])
	}
	client.send(masked(opPing, []byte("are you there")))
	op, payload, err := client.frame()
	require.NoError(t, err)
	require.Equal(t, opPong, op)
	require.Equal(t, "are you there", string(payload))

	resumed := s.follow(t, updatesPath(o.ID, "?since_seq=2"))
	require.EqualValues(t, 3, resumed.next().Seq)

	client.send(masked(opClose, closeOf(websocket.CloseNormalClosure, "")))
	code, _ := client.closing()
	require.EqualValues(t, websocket.CloseNormalClosure, code)
	_, err = client.conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF, "the encryption has ended in order, too")
}

// Frames that come with the handshake's last byte are in nobody's buffer but the library's.
func TestTLS_WebSocketReadsWhatCameEarly(t *testing.T) {
	t.Parallel()
	s := setupShopTLS(t)
	o := s.place(t, "kim")
	client := s.open(t, handshake(updatesPath(o.ID, ""))+string(masked(opPing, []byte("early"))))
	status, _ := client.header()
	require.Contains(t, status, " 101 ")
	for {
		op, payload, err := client.frame()
		require.NoError(t, err)
		if op == opPong {
			require.Equal(t, "early", string(payload))
			return
		}
	}
}

func TestTLS_EventStreamFollowsAnOrder(t *testing.T) {
	t.Parallel()
	s := setupShopTLS(t)
	o := s.place(t, "kim")
	client := s.open(t, "GET "+pathOrders+"/"+o.ID.String()+"/events HTTP/1.1\r\nHost: x\r\n\r\n")
	status, fields := client.header()
	require.Contains(t, status, " 200 ")
	require.Equal(t, strictTransport, fields["strict-transport-security"])
	e, err := client.event()
	require.NoError(t, err)
	require.Equal(t, "order", e.data.Type)
	s.move(t, o.ID, commerce.StatusPaid)
	e, err = client.event()
	require.NoError(t, err)
	require.Equal(t, "2", e.id)
}

func TestTLS_SubscribersAreToldToGo(t *testing.T) {
	t.Parallel()
	s := setupShopTLS(t)
	o := s.place(t, "kim")
	client := s.follow(t, updatesPath(o.ID, ""))
	client.next()
	done := make(chan error, 1)
	go func() { done <- s.server.Shutdown(context.Background()) }()
	code, _ := client.closing()
	require.EqualValues(t, websocket.CloseGoingAway, code)
	require.NoError(t, client.conn.Close())
	require.NoError(t, <-done)
}

// A socket that is full is waited for by nobody but one goroutine, and loses nothing when it is read again.
func TestTLS_AFullSocketLosesNothing(t *testing.T) {
	t.Parallel()
	sub := new(fakeSubscription)
	watchers := make(chan actors.Watcher, 1)
	b, _ := setupTLS(t, func(c *Config) {
		engine := c.Engine.(*fakeEngine)
		engine.followOrder = func(_ commerce.ID, _ *uint64, w actors.Watcher) (*commerce.Order, actors.Subscription, error) {
			watchers <- w
			return sampleOrder(), sub, nil
		}
	})
	client := b.follow(t, updatesPath(sampleID(1), ""))
	require.Equal(t, "order", client.next().Type)
	watcher := <-watchers
	const updates = 20_000
	sub.mu.Lock()
	for i := range updates {
		sub.updates = append(sub.updates, &actors.Update{StreamEvent: persistence.StreamEvent{Event: commerce.Event{
			Entity: sampleID(1), Seq: uint64(i + 2), Type: commerce.EventOrderPaid, At: at(), Actor: "kim", Status: commerce.StatusPaid,
		}}})
	}
	sub.mu.Unlock()
	watcher.Wake()
	require.Eventually(t, func() bool { return b.server.subscribers.stuck.Load() == 1 }, clientWait, time.Millisecond)
	for i := range updates {
		require.EqualValues(t, i+2, client.next().Seq)
	}
	require.Eventually(t, func() bool { return b.server.subscribers.stuck.Load() == 0 }, clientWait, time.Millisecond)
}

// A client may ask for new keys while it is sent to: the answer to that comes from another goroutine.
func TestTLS_WhatIsHeldStaysInOrder(t *testing.T) {
	t.Parallel()
	p := newPair(t, "held")
	config, err := openCertificate(p.cert, p.key, nil)
	require.NoError(t, err)
	near, far := net.Pipe()
	s := newSealed(near, config.encryption())
	client := tls.Client(far, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // a test's own server
	shaken := make(chan error, 1)
	go func() { shaken <- client.Handshake() }()
	go func() { _, _ = io.Copy(io.Discard, s.tls) }()
	require.True(t, s.open(func() bool { return false }))
	require.NoError(t, <-shaken)
	s.hold()
	require.NoError(t, s.tls.SetWriteDeadline(time.Now().Add(-time.Hour)), "deadlines of the encryption do not reach the socket")
	read := make(chan string, 1)
	go func() {
		all, _ := io.ReadAll(client)
		read <- string(all)
	}()
	for _, text := range []string{"one ", "two ", strings.Repeat("x", 100_000)} {
		out, err := s.seal([]byte(text))
		require.NoError(t, err)
		require.NotContains(t, string(out), "x"+"xxxxxxxx")
		_, err = near.Write(out)
		require.NoError(t, err)
	}
	require.NoError(t, s.goodbye())
	require.Equal(t, "one two "+strings.Repeat("x", 100_000), <-read)
	_, err = s.seal([]byte("late"))
	require.Error(t, err)
	require.NoError(t, far.Close())
	require.NoError(t, near.Close())
}

func TestTLS_WhatIsHeldIsBounded(t *testing.T) {
	t.Parallel()
	near, far := net.Pipe()
	t.Cleanup(func() { _, _ = near.Close(), far.Close() })
	s := &sealed{raw: near}
	s.hold()
	socket := sealedSocket{near, s}
	_, err := socket.Write(make([]byte, sealedMax))
	require.NoError(t, err)
	_, err = socket.Write([]byte{0})
	require.ErrorIs(t, err, errSealedFull)
	require.Len(t, s.take(), sealedMax)
	_, err = socket.Write([]byte{0})
	require.NoError(t, err)
}
