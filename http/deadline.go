package http

import (
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// timeLimits are how long the parts of a conversation may take.
type timeLimits struct {
	read  time.Duration // a request, from its first byte; also the wait for the first byte of the first one
	write time.Duration // an answer
	idle  time.Duration // the rest between two requests
}

// lateShare says by which part of its limit a rest or an answer may be cut off too late. It is never too early: who
// keeps connections for a little less than the limit is not cut off in the middle of a request.
const lateShare = 8

// deadlines are what the socket of a connection has been told. fasthttp would tell it three times a request, and ask
// the clock as often. Here a deadline that would only move by a little stays where it is, and a request that
// came in one piece, as nearly all do, needs none of its own (decision record 0024).
type deadlines struct {
	opened time.Time // what deadlines are counted from, so that a change of the clock does not matter

	// Of the goroutine that serves the connection.
	read    time.Duration // since opened; 0: not told yet
	request bool          // read is that of the request that is arriving

	// write is told by that goroutine, or by one that cuts an answer off.
	write atomic.Int64 // nanoseconds since opened; 0: not told yet
}

// limitRead tells the socket how long the read that begins may take. While the server is being stopped that is
// not long.
func (c *connection) limitRead() error {
	d := &c.deadlines
	if c.subscriber != nil {
		return nil // has limits of its own
	}
	limit, late := c.all.limits.idle, c.all.limits.idle/lateShare
	switch arriving := c.state.Load() == connectionWorking; {
	case arriving && d.request:
		return nil // told with its first piece
	case arriving || d.read == 0:
		limit, late = c.all.limits.read, 0
		d.request = arriving
	}
	now := time.Now()
	next := now.Sub(d.opened) + limit
	if late > 0 && next <= d.read && d.read <= next+late {
		return nil
	}
	d.read = next + late
	if err := c.SetReadDeadline(now.Add(limit + late)); err != nil {
		return err
	}
	if c.all.draining.Load() { // hurry may have told it just before
		return c.SetReadDeadline(now.Add(min(limit, drainReadMax)))
	}
	return nil
}

// limitWrite tells the socket how long the answer that begins now may take.
func (c *connection) limitWrite(now time.Time) {
	d, limit := &c.deadlines, c.all.limits.write
	next := now.Sub(d.opened) + limit
	told := time.Duration(d.write.Load())
	if late := limit / lateShare; told < next || told > next+late {
		_ = c.SetWriteDeadline(now.Add(limit + late)) // fails when it is closed: so will the write
	}
}

// SetWriteDeadline implements net.Conn.
func (c *connection) SetWriteDeadline(t time.Time) error {
	c.deadlines.write.Store(int64(t.Sub(c.deadlines.opened)))
	return c.Conn.SetWriteDeadline(t)
}

// limitWriteOf is limitWrite of the connection that a request came on.
func limitWriteOf(ctx *fasthttp.RequestCtx, now time.Time) {
	if c, ok := ctx.Conn().(*connection); ok {
		c.limitWrite(now)
	}
}
