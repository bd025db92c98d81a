package access

import (
	"crypto/sha256"
	"sync"
	"sync/atomic"
	"time"
)

// sessionsPerSubjectMax bounds the sessions of one subject: people may share a key.
const sessionsPerSubjectMax = 100

// sessions keeps the sessions of pages. Of what opens one only a digest is kept, and only in memory: a
// restart ends them all, and a session is known to the node that opened it.
type sessions struct {
	idle time.Duration
	life time.Duration

	mu struct {
		sync.Mutex
		shelf *shelf[*session]
	}
}

// session is one session.
//
//	open ──used──▶ open
//	  └──unused for idle, closed, pushed out, its identity's end──▶ over
type session struct {
	identity *Identity
	idle     time.Duration
	usedAt   atomic.Int64 // Unix nanoseconds
	over     atomic.Bool
}

func newSessions(cfg *Config) *sessions {
	s := &sessions{idle: cfg.SessionIdle, life: cfg.SessionLife}
	s.mu.shelf = newShelf(cfg.SessionsMax, sessionsPerSubjectMax, func(left *session) { left.over.Store(true) })
	return s
}

// open makes a session of an identity. REQUIRES: the identity is good now, and comes from no session.
func (s *sessions) open(who *Identity, now time.Time) (cookie string, until time.Time) {
	cookie, digest := newPass()
	own := *who
	own.ExpiresAt = earlier(who.ExpiresAt, now.Add(s.life))
	made := &session{identity: &own, idle: s.idle}
	made.usedAt.Store(now.UnixNano())
	own.session = made

	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.shelf.sweep(func(old *session) bool { return old.check(now) == nil })
	s.mu.shelf.put(digest, own.Principal.Subject, made)
	return cookie, own.ExpiresAt
}

// use returns whose session it is, and counts as a use of it.
func (s *sessions) use(cookie []byte, now time.Time) (*Identity, error) {
	if len(cookie) != passLength {
		return nil, invalid("it is no session")
	}
	digest := sha256.Sum256(cookie)
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.mu.shelf.get(digest)
	if !ok {
		return nil, invalid("the session is not known")
	}
	if err := found.check(now); err != nil {
		s.mu.shelf.take(digest)
		return nil, err
	}
	found.usedAt.Store(now.UnixNano())
	return found.identity, nil
}

// close ends a session, and reports whether there was one.
func (s *sessions) close(cookie []byte) bool {
	if len(cookie) != passLength {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.mu.shelf.take(sha256.Sum256(cookie))
	return ok
}

// check returns why a session is over, or nil. The key behind it is looked at elsewhere.
func (s *session) check(now time.Time) error {
	switch {
	case s.over.Load():
		return invalid("the session has been closed")
	case ended(s.identity.ExpiresAt, now):
		return expired("the session has ended")
	case now.UnixNano()-s.usedAt.Load() >= int64(s.idle):
		return expired("the session has not been used for too long")
	}
	return nil
}
