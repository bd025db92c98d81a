package http

import (
	"context"
	"errors"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/persistence"
)

const (
	// deliverMax is how many updates are sent to one subscriber before it is another's turn.
	deliverMax = 32
	// deliverBufferMax bounds the buffer that a deliverer keeps.
	deliverBufferMax = 256 << 10
	// socketWait is how long a socket may be full before its client is cut off.
	socketWait = 10 * time.Second
)

// deliverer sends to subscribers, one after another. It is one goroutine.
type deliverer struct {
	live    *live
	buf     []byte
	updates []*actors.Update
	write   socketWriter
}

// deliver is the goroutine of a deliverer.
func (l *live) deliver() {
	d := &deliverer{live: l, write: newSocketWriter()}
	for s := l.ready.pop(); s != nil; s = l.ready.pop() {
		s.state.Store(subscriberRunning)
		d.serve(s)
	}
}

// serve sends what there is for a subscriber, and lets go of it.
func (d *deliverer) serve(s *subscriber) {
	d.buf = d.buf[:0]
	closing, gone := d.controls(s)
	switch {
	case gone:
		d.live.release(s)
		return
	case closing && s.closeSent:
		s.rest()
		return
	}
	var behind bool
	d.updates = d.updates[:0]
	if !closing {
		d.updates, behind = s.subscription.Take(d.updates, deliverMax)
		for _, u := range d.updates {
			d.buf = s.protocol.appendUpdate(d.buf, u)
		}
	}
	more := len(d.updates) == deliverMax
	s.closeSent = closing
	if len(d.buf) > 0 && !d.send(s) {
		return // it waits for its socket
	}
	d.delivered()
	switch {
	case closing:
		s.shut()
		s.rest()
	case behind:
		d.live.metrics.catchUps.Add(1)
		d.live.behind.push(s)
	case more:
		s.requeue()
	default:
		s.rest()
	}
}

// controls appends what is to be said besides updates.
func (d *deliverer) controls(s *subscriber) (closing, gone bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.gone {
		return false, true
	}
	d.buf = append(d.buf, s.mu.hello...)
	s.mu.hello = nil
	if s.closeSent {
		return true, false
	}
	if s.mu.ponging {
		d.buf = s.protocol.appendPong(d.buf, s.mu.pong)
		s.mu.pong, s.mu.ponging = nil, false
	}
	if s.mu.pinging {
		d.buf = s.protocol.appendPing(d.buf)
		s.mu.pinging = false
	}
	if s.mu.closing != 0 {
		d.buf = s.protocol.appendClose(d.buf, s.mu.closing, s.mu.reason)
		return true, false
	}
	return false, false
}

// send writes the buffer without waiting. It returns false when the socket has not taken all of it:
// then a goroutine waits, and the subscriber is out of the deliverer's hands.
func (d *deliverer) send(s *subscriber) bool {
	out, err := s.seal(d.buf)
	n := 0
	if err == nil {
		n, err = d.write.try(s.socket, out)
	}
	switch {
	case err != nil:
		_ = s.conn.Close() // whoever reads from it will tell
	case n < len(out):
		d.delivered()
		d.live.await(s, append([]byte(nil), out[n:]...))
		return false
	}
	if cap(d.buf) > deliverBufferMax {
		d.buf = nil
	}
	return true
}

// await writes the rest of a message to a socket that is full, by a goroutine of its own. The number of
// these is bounded, and their time.
func (l *live) await(s *subscriber, rest []byte) {
	if l.stuck.Add(1) > stuckMax {
		l.stuck.Add(-1)
		s.cut(websocket.CloseTryAgainLater)
		s.rest()
		return
	}
	l.running.Go(func() {
		defer l.stuck.Add(-1)
		l.metrics.slow.Add(1)
		_ = s.conn.raw.SetWriteDeadline(time.Now().Add(socketWait))
		if _, err := s.conn.raw.Write(rest); err != nil {
			s.cut(websocket.CloseTryAgainLater)
		}
		_ = s.conn.raw.SetWriteDeadline(time.Time{})
		if s.closeSent {
			s.shut()
		}
		s.requeue()
	})
}

// shut ends the sending side. REQUIRES: the caller has the subscriber.
func (s *subscriber) shut() {
	_ = s.conn.SetReadDeadline(time.Now().Add(closeWait))
	_ = s.conn.closeWrite()
}

// delivered counts the updates that have been sent.
func (d *deliverer) delivered() {
	if len(d.updates) == 0 {
		return
	}
	d.live.metrics.delivered.Add(int64(len(d.updates)))
	now := time.Now()
	for i, u := range d.updates {
		if !u.Committed.IsZero() {
			d.live.metrics.latency.Observe(now.Sub(u.Committed).Seconds())
		}
		d.updates[i] = nil
	}
	d.updates = d.updates[:0]
}

const (
	// catchUpPause is how long a subscriber waits after the store could not be read.
	catchUpPause = time.Second
	// catchUpPatience is how long the store may be away before its subscribers are told to try later.
	catchUpPatience = 30 * time.Second
)

// catchUp is a goroutine that reads from the store what subscribers have missed.
func (l *live) catchUp() {
	for s := l.behind.pop(); s != nil; s = l.behind.pop() {
		ctx, cancel := context.WithTimeout(context.Background(), l.cfg.QueryTimeout)
		err := s.subscription.CatchUp(ctx)
		cancel()
		switch {
		case err == nil:
			s.stale = time.Time{}
			s.requeue()
		case errors.Is(err, persistence.ErrPositionGone):
			s.end(websocket.ClosePolicyViolation, "the updates after your cursor are no longer kept")
			s.requeue()
		default:
			l.postpone(s, err)
		}
	}
}

// postpone lets a subscriber wait for a store that cannot be read.
func (l *live) postpone(s *subscriber, err error) {
	if s.stale.IsZero() {
		s.stale = time.Now()
		l.log.Warn("a subscriber could not be served from the store; it is tried again", "error", err)
	}
	if time.Since(s.stale) > catchUpPatience {
		s.end(websocket.CloseTryAgainLater, "the store cannot be read now; try again later")
		s.requeue()
		return
	}
	l.running.Go(func() {
		timer := time.NewTimer(catchUpPause)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-l.quit:
		}
		s.requeue()
	})
}
