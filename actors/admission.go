package actors

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock-dev/penstock/commerce"
)

// admission takes capacity before a command takes a turn: everything behind it (mailboxes, the
// committer's queue, parked requests) is bounded because this is. It also knows which idempotency
// keys are under way, and ends the wait of commands whose deadline passes.
type admission struct {
	max       int64
	timeout   time.Duration
	inFlight  atomic.Int64
	closing   atomic.Bool
	drained   chan struct{} // closed once closing and empty
	drainOnce sync.Once
	// refusal is what every new command is told while the store cannot write; nil while it can.
	refusal atomic.Pointer[commerce.Error]

	keys      [keyShardsMax]keyShard
	deadlines [deadlineShardsMax]deadlineShard
	next      atomic.Uint32
}

const (
	keyShardsMax      = 64
	deadlineShardsMax = 16
)

type keyShard struct {
	sync.Mutex
	keys map[commerce.KeyID]struct{}
}

func newAdmission(max int, timeout time.Duration) *admission {
	a := &admission{max: int64(max), timeout: timeout, drained: make(chan struct{})}
	for i := range a.keys {
		a.keys[i].keys = make(map[commerce.KeyID]struct{})
	}
	return a
}

// begin takes capacity for the command and starts its clock. On an error nothing is held.
// Otherwise end must be called, once, when the command holds nothing any more: later than its
// answer, if that came from the deadline.
//
// While the store cannot write, a command without a key is refused here. One with a key may be the
// retry of one that was carried out: it is let in with stalled set, to have its key looked up.
func (a *admission) begin(c *command) error {
	if refusal := a.refusal.Load(); refusal != nil {
		if !c.keyed {
			return refusal
		}
		c.stalled = refusal
	}
	if a.inFlight.Add(1) > a.max {
		a.leave()
		return &commerce.Error{
			Code: commerce.CodeOverloaded, RetryAfter: retryAfterShort,
			Detail: "too many commands are in progress; nothing was done, try again",
		}
	}
	if a.closing.Load() {
		a.leave()
		return errDraining()
	}
	if c.keyed && !a.takeKey(c.key) {
		a.leave()
		return &commerce.Error{
			Code: commerce.CodeIdempotencyInFlight, RetryAfter: retryAfterShort,
			Detail: "a request with this Idempotency-Key is still in progress; try again to get its answer",
		}
	}
	c.deadline = time.Now().Add(a.timeout)
	c.done = make(chan struct{}, 1)
	return nil
}

// watch puts the command under its deadline. REQUIRES: begin, and c.pid is set.
func (a *admission) watch(c *command) {
	shard := &a.deadlines[a.next.Add(1)%deadlineShardsMax]
	shard.push(c)
}

// end gives the command's capacity back.
func (a *admission) end(c *command) {
	if c.slot.shard != nil {
		c.slot.shard.remove(c)
	}
	if c.keyed {
		a.dropKey(c.key)
	}
	a.leave()
}

func (a *admission) leave() {
	if a.inFlight.Add(-1) == 0 && a.closing.Load() {
		a.drainOnce.Do(func() { close(a.drained) })
	}
}

// close refuses new commands; drained is closed when the last running one has ended.
func (a *admission) close() {
	a.inFlight.Add(1) // so that the check below is made by a leave of our own
	a.closing.Store(true)
	a.leave()
}

func (a *admission) takeKey(key commerce.KeyID) bool {
	shard := a.keyShard(key)
	shard.Lock()
	defer shard.Unlock()
	if _, taken := shard.keys[key]; taken {
		return false
	}
	shard.keys[key] = struct{}{}
	return true
}

func (a *admission) dropKey(key commerce.KeyID) {
	shard := a.keyShard(key)
	shard.Lock()
	defer shard.Unlock()
	delete(shard.keys, key)
}

func (a *admission) keyShard(key commerce.KeyID) *keyShard {
	return &a.keys[binary.LittleEndian.Uint64(key[:8])%keyShardsMax]
}

// expireUntil ends the wait of every command whose deadline is not after now, and calls expired for
// those that it answered; waited says which of them had not been handed over.
func (a *admission) expireUntil(now time.Time, expired func(c *command, waited bool)) {
	for i := range a.deadlines {
		shard := &a.deadlines[i]
		for {
			c := shard.popExpired(now)
			if c == nil {
				break
			}
			if answered, waited := c.expire(); answered {
				expired(c, waited)
			}
		}
	}
}

// deadlineShard is a list of commands. All of them wait equally long, so it is in order of their
// deadlines: one shared ticker looks at its front, and no command needs a timer of its own.
type deadlineShard struct {
	sync.Mutex
	head, tail *command
}

// deadlineSlot is a command's place in a list. shard is set once, before the command is shared.
type deadlineSlot struct {
	shard      *deadlineShard
	prev, next *command
	listed     bool
}

func (s *deadlineShard) push(c *command) {
	c.slot.shard = s
	s.Lock()
	defer s.Unlock()
	c.slot.listed = true
	c.slot.prev = s.tail
	if s.tail == nil {
		s.head = c
	} else {
		s.tail.slot.next = c
	}
	s.tail = c
}

func (s *deadlineShard) remove(c *command) {
	s.Lock()
	defer s.Unlock()
	s.unlinkLocked(c)
}

func (s *deadlineShard) unlinkLocked(c *command) {
	if !c.slot.listed {
		return
	}
	c.slot.listed = false
	if c.slot.prev == nil {
		s.head = c.slot.next
	} else {
		c.slot.prev.slot.next = c.slot.next
	}
	if c.slot.next == nil {
		s.tail = c.slot.prev
	} else {
		c.slot.next.slot.prev = c.slot.prev
	}
	c.slot.prev, c.slot.next = nil, nil
}

func (s *deadlineShard) popExpired(now time.Time) *command {
	s.Lock()
	defer s.Unlock()
	c := s.head
	if c == nil || c.deadline.After(now) {
		return nil
	}
	s.unlinkLocked(c)
	return c
}
