package http

import (
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
)

// toldConn notes what it is told, and always has something to read.
type toldConn struct {
	net.Conn
	read, write time.Time
	reads       int // how often it was told
	writes      int
}

func (c *toldConn) Read(b []byte) (int, error)  { return copy(b, "x"), nil }
func (c *toldConn) RemoteAddr() net.Addr        { return nil }
func (c *toldConn) Close() error                { return nil }
func (c *toldConn) SetDeadline(time.Time) error { return nil }

func (c *toldConn) SetReadDeadline(t time.Time) error {
	c.read = t
	c.reads++
	return nil
}

func (c *toldConn) SetWriteDeadline(t time.Time) error {
	c.write = t
	c.writes++
	return nil
}

const (
	testRead  = 10 * time.Second
	testWrite = 30 * time.Second
	testIdle  = 60 * time.Second
)

// inConversation runs a test with a connection, at whose clock nobody waits.
func inConversation(t *testing.T, test func(t *testing.T, c *connection, told *toldConn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		all := newConnections(&Config{ReadTimeout: testRead, WriteTimeout: testWrite, IdleTimeout: testIdle}, nil)
		told := new(toldConn)
		test(t, all.wrap(told, doorPublic, nil), told)
	})
}

// pass lets time go by.
func pass(d time.Duration) { <-time.After(d) }

func mustRead(t *testing.T, c *connection) {
	t.Helper()
	_, err := c.Read(make([]byte, 1))
	require.NoError(t, err)
}

func TestDeadlines_RequestsInOnePieceNeedFew(t *testing.T) {
	t.Parallel()
	inConversation(t, func(t *testing.T, c *connection, told *toldConn) {
		mustRead(t, c)
		require.Equal(t, testRead, time.Until(told.read), "the first byte of the first request has as long as a request")
		begun := time.Now()
		for time.Since(begun) < 10*time.Minute {
			pass(rand.N(40 * time.Millisecond)) // the handler
			c.limitWrite(time.Now())
			require.GreaterOrEqual(t, time.Until(told.write), testWrite)
			require.LessOrEqual(t, time.Until(told.write), testWrite+testWrite/lateShare)
			c.rest()
			mustRead(t, c)
			require.GreaterOrEqual(t, time.Until(told.read), testIdle)
			require.LessOrEqual(t, time.Until(told.read), testIdle+testIdle/lateShare)
		}
		require.LessOrEqual(t, told.reads, 2+int(10*time.Minute/(testIdle/lateShare)))
		require.LessOrEqual(t, told.writes, 2+int(10*time.Minute/(testWrite/lateShare)))
	})
}

func TestDeadlines_RequestsInPiecesHaveTheirTimeFromTheFirst(t *testing.T) {
	t.Parallel()
	inConversation(t, func(t *testing.T, c *connection, told *toldConn) {
		for range 3 {
			pass(rand.N(2 * testIdle)) // the rest before, or the time that the handler took
			mustRead(t, c)
			mustRead(t, c)
			until := time.Now().Add(testRead)
			require.Equal(t, until, told.read)
			for range 5 {
				pass(time.Second)
				mustRead(t, c)
			}
			require.Equal(t, until, told.read)
			c.rest()
		}
	})
}

// What is there of the next request when one has been answered is not waited for as if nothing were.
func TestDeadlines_APieceOfTheNextRequestIsNoRest(t *testing.T) {
	t.Parallel()
	inConversation(t, func(t *testing.T, c *connection, told *toldConn) {
		connectionState(c, fasthttp.StateActive)
		require.Equal(t, connectionResting, c.state.Load(), "nothing has come yet")
		mustRead(t, c)
		c.rest()
		connectionState(c, fasthttp.StateActive)
		pass(time.Second)
		mustRead(t, c)
		require.Equal(t, testRead, time.Until(told.read))
	})
}

func TestDeadlines_AreNearWhileTheServerIsStopped(t *testing.T) {
	t.Parallel()
	inConversation(t, func(t *testing.T, c *connection, told *toldConn) {
		mustRead(t, c)
		c.all.draining.Store(true)
		c.hurry()
		until := time.Now().Add(drainReadMax)
		require.Equal(t, until, told.read)
		mustRead(t, c) // fasthttp may have begun to read just before
		require.Equal(t, until, told.read)
		pass(drainReadMax / 2)
		mustRead(t, c)
		require.Equal(t, until, told.read, "more pieces bring no more time")
		c.rest()
		_, err := c.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF, "nothing is carried out any more")
	})
}

func TestDeadlines_AnAnswerCanBeCutOff(t *testing.T) {
	t.Parallel()
	inConversation(t, func(t *testing.T, c *connection, told *toldConn) {
		c.limitWrite(time.Now())
		require.NoError(t, c.SetWriteDeadline(time.Now()))
		require.Zero(t, time.Until(told.write))
		c.limitWrite(time.Now())
		require.Equal(t, testWrite+testWrite/lateShare, time.Until(told.write))
	})
}

// The deadline of the answer before has passed when the connection rested for long enough.
func TestDeadlines_TheGoAheadHasItsOwn(t *testing.T) {
	t.Parallel()
	inConversation(t, func(t *testing.T, c *connection, told *toldConn) {
		c.limitWrite(time.Now())
		pass(2 * testWrite)
		var ctx fasthttp.RequestCtx
		ctx.Init2(c, nil, false)
		require.Equal(t, fasthttp.StatusContinue, (&Server{cfg: Config{BodyMax: 1}}).expect(&ctx))
		require.GreaterOrEqual(t, time.Until(told.write), testWrite)
	})
}
