package actors

import (
	"sync"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"
)

// recorder is an invoker that notes what it is given, and panics when told.
type recorder struct {
	mailbox  *mailbox
	user     []any
	system   []any
	failures int
}

func (r *recorder) InvokeSystemMessage(m any) { r.system = append(r.system, m) }

func (r *recorder) InvokeUserMessage(m any) {
	r.user = append(r.user, m)
	switch m := m.(type) {
	case func():
		m()
	case error:
		panic(m)
	}
}

func (r *recorder) EscalateFailure(any, any) { r.failures++ }

func newRecorder(dispatcher actor.Dispatcher) *recorder {
	r := &recorder{mailbox: newMailbox()}
	r.mailbox.RegisterHandlers(r, dispatcher)
	return r
}

func TestMailbox(t *testing.T) {
	t.Parallel()
	inline := actor.NewSynchronizedDispatcher(3)

	t.Run("delivers in order, system messages first", func(t *testing.T) {
		t.Parallel()
		r := newRecorder(actor.NewSynchronizedDispatcher(1000))
		r.mailbox.PostUserMessage(func() { // while it runs, messages gather
			for i := range 100 {
				r.mailbox.PostUserMessage(i)
			}
			r.mailbox.PostSystemMessage("system")
		})
		require.Equal(t, []any{"system"}, r.system)
		require.Len(t, r.user, 101)
		for i := range 100 {
			require.Equal(t, i, r.user[i+1])
		}
		require.Zero(t, r.mailbox.UserMessageCount())
	})

	t.Run("keeps user messages while it is suspended", func(t *testing.T) {
		t.Parallel()
		r := newRecorder(inline)
		r.mailbox.PostSystemMessage(&actor.SuspendMailbox{})
		r.mailbox.PostUserMessage(1)
		require.Empty(t, r.user)
		require.Equal(t, 1, r.mailbox.UserMessageCount())
		r.mailbox.PostSystemMessage(&actor.ResumeMailbox{})
		require.Equal(t, []any{1}, r.user)
	})

	t.Run("goes on after a panic, and escalates it", func(t *testing.T) {
		t.Parallel()
		r := newRecorder(inline)
		r.mailbox.PostUserMessage(func() {
			r.mailbox.PostUserMessage(errNotWritten)
			r.mailbox.PostUserMessage("after")
		})
		require.Equal(t, 1, r.failures)
		require.Equal(t, "after", r.user[2])
	})

	t.Run("does not keep its sender beyond a turn", func(t *testing.T) {
		t.Parallel()
		r := newRecorder(inline) // a turn is three messages
		hold, last := make(chan struct{}), make(chan struct{})
		r.mailbox.PostUserMessage(func() {
			r.mailbox.PostUserMessage(1)
			r.mailbox.PostUserMessage(2)
			r.mailbox.PostUserMessage(func() { <-hold })
			r.mailbox.PostUserMessage(func() { close(last) })
		})
		close(hold) // reached, although the fourth message waits for it
		<-last
	})

	t.Run("loses nothing under concurrent senders", func(t *testing.T) {
		t.Parallel()
		const senders, each = 8, 2000
		r := newRecorder(actor.NewDefaultDispatcher(50))
		var sent, handled sync.WaitGroup
		handled.Add(senders * each)
		for range senders {
			sent.Go(func() {
				for range each {
					r.mailbox.PostUserMessage(func() { handled.Done() })
				}
			})
		}
		sent.Wait()
		handled.Wait()
	})

	t.Run("a queue that is never empty does not grow", func(t *testing.T) {
		t.Parallel()
		var q fifo
		q.push(0)
		for i := 1; i < 100_000; i++ {
			q.push(i)
			require.Equal(t, i-1, q.pop())
		}
		require.LessOrEqual(t, cap(q.items), 16)
		require.Equal(t, 99_999, q.pop())
		require.Nil(t, q.pop())
	})
}
