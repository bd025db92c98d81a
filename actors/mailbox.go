package actors

import (
	"sync"

	"github.com/asynkron/protoactor-go/actor"
)

// mailbox is an actor's queue of messages: one mutex, and room for the few messages a grain ever
// has waiting inside the struct. The library's own mailbox costs two queues, a ring buffer and a
// closure for each actor, which is most of what spawning an order grain costs.
//
// What bounds it is admission: every message belongs to a command that was counted before.
type mailbox struct {
	invoker    actor.MessageInvoker
	dispatcher actor.Dispatcher
	process    func()

	mu struct {
		sync.Mutex
		user      fifo
		system    fifo
		running   bool
		suspended bool
	}
}

func newMailbox() *mailbox {
	m := new(mailbox)
	m.process = m.run
	return m
}

// ownMailbox makes mailboxes for the library.
func ownMailbox() actor.Mailbox { return newMailbox() }

// fifo is a queue that starts in an inline array and reuses its slice once it is empty.
type fifo struct {
	items  []any
	head   int
	inline [4]any
}

func (q *fifo) push(message any) {
	switch {
	case q.items == nil:
		q.items = q.inline[:0]
	case len(q.items) == cap(q.items) && q.head > len(q.items)/2:
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, message)
}

func (q *fifo) pop() any {
	if q.head == len(q.items) {
		return nil
	}
	message := q.items[q.head]
	q.items[q.head] = nil
	q.head++
	if q.head == len(q.items) {
		q.items, q.head = q.items[:0], 0
		if cap(q.items) > fifoKeep {
			q.items = q.inline[:0]
		}
	}
	return message
}

// fifoKeep is the capacity beyond which an empty queue gives its memory back.
const fifoKeep = 1024

// RegisterHandlers implements actor.Mailbox.
func (m *mailbox) RegisterHandlers(invoker actor.MessageInvoker, dispatcher actor.Dispatcher) {
	m.invoker, m.dispatcher = invoker, dispatcher
}

// Start implements actor.Mailbox.
func (m *mailbox) Start() {}

// UserMessageCount implements actor.Mailbox.
func (m *mailbox) UserMessageCount() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.mu.user.items) - m.mu.user.head
}

// PostUserMessage implements actor.Mailbox.
func (m *mailbox) PostUserMessage(message any) {
	m.mu.Lock()
	m.mu.user.push(message)
	start := !m.mu.running && !m.mu.suspended
	m.mu.running = m.mu.running || start
	m.mu.Unlock()
	if start {
		m.dispatcher.Schedule(m.process)
	}
}

// PostSystemMessage implements actor.Mailbox.
func (m *mailbox) PostSystemMessage(message any) {
	m.mu.Lock()
	m.mu.system.push(message)
	start := !m.mu.running
	m.mu.running = true
	m.mu.Unlock()
	if start {
		m.dispatcher.Schedule(m.process)
	}
}

// run handles messages until there are none. After a turn of many it goes on in a goroutine of its
// own: a grain that runs on its sender's goroutine must not keep that sender for others' messages.
func (m *mailbox) run() {
	for range m.dispatcher.Throughput() {
		if !m.handleOne() {
			return
		}
	}
	go m.run()
}

// handleOne handles one message, system messages first; false says that the mailbox went to sleep.
func (m *mailbox) handleOne() (more bool) {
	m.mu.Lock()
	message := m.mu.system.pop()
	system := message != nil
	if !system && !m.mu.suspended {
		message = m.mu.user.pop()
	}
	switch message.(type) {
	case *actor.SuspendMailbox:
		m.mu.suspended = true
	case *actor.ResumeMailbox:
		m.mu.suspended = false
	}
	m.mu.running = message != nil
	m.mu.Unlock()

	defer func() {
		if reason := recover(); reason != nil {
			m.invoker.EscalateFailure(reason, message)
			more = true
		}
	}()
	switch {
	case message == nil:
		return false
	case system:
		switch message.(type) {
		case *actor.SuspendMailbox, *actor.ResumeMailbox:
		default:
			m.invoker.InvokeSystemMessage(message)
		}
	default:
		m.invoker.InvokeUserMessage(message)
	}
	return true
}
