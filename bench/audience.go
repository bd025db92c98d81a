package bench

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock-dev/penstock/internal/subscriber"
)

const (
	// ushersMax is how many connections seat an audience.
	ushersMax = 64
	// seatTimeout bounds the time that it takes to seat an audience.
	seatTimeout = 5 * time.Minute
	// eventPatience is how long an event may be under way before it counts as lost.
	eventPatience = 10 * time.Second
	// idleMax is how long a subscriber may hear nothing, not even a ping.
	idleMax = time.Hour
)

// audience is subscribers who follow an order each, and what moves these orders on: each to its end, a step
// at a time, and not before the subscriber has read of the step before. An order that something went wrong with is
// left where it is.
type audience struct {
	seats    []*seat
	ready    chan *seat // may be moved; it has room for all
	left     atomic.Int64
	patience time.Duration // with an event
	ended    chan struct{} // closed when no order is left that may be moved, or by end
	ending   sync.Once
	reading  sync.WaitGroup
}

// seat is a subscriber, and the order that it follows.
type seat struct {
	order   string
	conn    net.Conn
	sub     *subscriber.Subscriber
	told    chan told // by the one who reads
	leaving atomic.Bool

	// Of whoever moves the order.
	step   int
	failed bool
}

// told is what a subscriber has read: a good event, or what was wrong.
type told struct {
	at  time.Time
	err error
}

// newAudience makes an audience of the seats that are taken.
func newAudience(seats []*seat) *audience {
	a := &audience{seats: seats, ready: make(chan *seat, len(seats)), patience: eventPatience, ended: make(chan struct{})}
	a.left.Store(int64(len(seats)))
	for _, s := range seats {
		a.ready <- s
	}
	return a
}

// end lets no more orders be moved.
func (a *audience) end() { a.ending.Do(func() { close(a.ended) }) }

// release takes an order out of those that are moved.
func (a *audience) release() {
	if a.left.Add(-1) == 0 {
		a.end()
	}
}

// dismiss closes all subscribers, and returns what they have read that nobody had brought about.
// REQUIRES: no order is being moved.
func (a *audience) dismiss() (faults []error) {
	for _, s := range a.seats {
		s.leave()
	}
	a.reading.Wait()
	for _, s := range a.seats {
		select {
		case t := <-s.told:
			if t.err == nil {
				t.err = fmt.Errorf("order %s: an event that nobody has brought about", s.order)
			}
			if !s.failed {
				faults = append(faults, t.err)
			}
		default:
		}
	}
	return faults
}

// take takes a seat: it subscribes to an order, and reads what there is so far.
func (s *seat) take(ctx context.Context, address string) error {
	dialer := net.Dialer{Timeout: subscriber.OpenPatience}
	var err error
	if s.conn, err = dialer.DialContext(ctx, "tcp", address); err != nil {
		return fmt.Errorf("connect to %s: %w", address, err)
	}
	if s.sub, err = subscriber.Open(s.conn, subscriber.UpdatesOf(s.order)); err != nil {
		return err
	}
	first, err := s.sub.Next(subscriber.OpenPatience)
	if err == nil {
		err = first.Follows(s.order, 0)
	}
	if err != nil {
		s.leave()
	}
	return err
}

// follow reads one event after another, until something is wrong or the subscriber leaves.
func (s *seat) follow() {
	last := uint64(1)
	for {
		m, err := s.sub.Next(idleMax)
		at := time.Now()
		if err == nil {
			err = m.Follows(s.order, last)
		}
		last = m.Seq
		if s.leaving.Load() {
			return
		}
		select {
		case s.told <- told{at, err}:
		default: // more than an order has: nobody has asked for what is in there
			return
		}
		if err != nil {
			return
		}
	}
}

// leave closes the connection at once: a closed one that lingers would keep its port from the next audience.
func (s *seat) leave() {
	s.leaving.Store(true)
	if s.conn == nil {
		return // it was never taken
	}
	if tcp, ok := s.conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = s.conn.Close()
}

// mover moves orders of an audience on, over one connection.
type mover struct {
	*audience
	moves [][]byte
	held  *seat // moved, and its subscriber has not read of that
	timer *time.Timer
}

func (a *audience) mover() *mover {
	return &mover{audience: a, moves: moves(), timer: time.NewTimer(a.patience)}
}

// next makes the request that moves the next order on. It implements Requests.
func (m *mover) next(dst []byte) (request []byte, kind int) {
	m.fail() // the last request was not answered well: its order may be anywhere
	select {
	case m.held = <-m.ready:
	case <-m.ended:
		return dst, 0
	}
	return AppendRequest(dst, &Request{
		Method: "POST", Path: pathOrders + "/" + m.held.order + "/transitions", User: "bench", Body: m.moves[m.held.step],
	}), 0
}

// fail leaves the order that is held where it is.
func (m *mover) fail() {
	if m.held != nil {
		m.held.failed = true
		m.held = nil
		m.release()
	}
}

// read waits until the subscriber has read of the last move. It implements Effect.
func (m *mover) read() (at time.Time, err error) {
	m.timer.Reset(m.patience)
	select {
	case t := <-m.held.told:
		at, err = t.at, t.err
	case <-m.timer.C:
		err = fmt.Errorf("order %s: its event was not there after %s", m.held.order, m.patience)
	}
	if err != nil {
		m.fail()
		return at, err
	}
	if m.held.step++; m.held.step < len(m.moves) {
		m.ready <- m.held
	} else {
		m.release()
	}
	m.held = nil
	return at, nil
}
