package access

import (
	"crypto/sha256"
	"sync"
	"time"
)

const (
	// ticketLife is how long a ticket waits to be used.
	ticketLife = 30 * time.Second
	// ticketsPerSubjectMax bounds the tickets of one subject that have not been used.
	ticketsPerSubjectMax = 1000
)

// tickets keeps what stands for an identity once: for sockets of browsers, which can send no credential
// of their own. A ticket is known to the node that issued it.
type tickets struct {
	mu struct {
		sync.Mutex
		shelf *shelf[ticket]
	}
}

type ticket struct {
	identity *Identity
	until    time.Time
}

func newTickets(cfg *Config) *tickets {
	t := new(tickets)
	t.mu.shelf = newShelf[ticket](cfg.TicketsMax, ticketsPerSubjectMax, nil)
	return t
}

// issue makes a ticket. REQUIRES: the identity is good now.
func (t *tickets) issue(who *Identity, now time.Time) (text string, until time.Time) {
	text, digest := newPass()
	until = earlier(who.ExpiresAt, now.Add(ticketLife))
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mu.shelf.sweep(func(old ticket) bool { return !ended(old.until, now) })
	t.mu.shelf.put(digest, who.Principal.Subject, ticket{identity: who, until: until})
	return text, until
}

// redeem returns whom a ticket stands for. It never does so twice.
func (t *tickets) redeem(text []byte, now time.Time) (*Identity, error) {
	if len(text) != passLength {
		return nil, invalid("it is no ticket")
	}
	t.mu.Lock()
	found, ok := t.mu.shelf.take(sha256.Sum256(text))
	t.mu.Unlock()
	switch {
	case !ok:
		return nil, invalid("the ticket is not known, or has been used")
	case ended(found.until, now):
		return nil, expired("the ticket has expired")
	}
	return found.identity, nil
}
