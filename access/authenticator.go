package access

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Authenticator proves who asks: by API keys, by tokens of an issuer, by sessions and by tickets. All its
// methods are safe for concurrent use, and none that looks at a credential waits for anything but a lock.
type Authenticator struct {
	cfg      Config
	keyring  *Keyring
	issuer   *issuer // nil: no tokens
	tokens   *tokens
	sessions *sessions
	tickets  *tickets
	process  atomic.Pointer[processCredential] // nil: there is none

	cancel context.CancelFunc
	watch  sync.WaitGroup
}

// Open reads the API keys and asks the issuer for its keys, if there is one, and keeps both fresh until
// Close. An issuer that does not answer is no error: its tokens are answered with ErrUnavailable
// until it does. The context bounds only the opening.
func Open(ctx context.Context, cfg Config) (*Authenticator, error) {
	cfg.EnsureDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("settings of access: %w", err)
	}
	keyring, err := openKeyring(ctx, &cfg)
	if err != nil {
		return nil, err
	}
	a := &Authenticator{cfg: cfg, keyring: keyring, sessions: newSessions(&cfg), tickets: newTickets(&cfg)}
	watching, cancel := context.WithCancel(context.Background())
	a.cancel = cancel
	if cfg.Issuer != "" {
		a.issuer = newIssuer(&cfg)
		a.tokens = newTokens(&cfg, a.issuer)
		if err := a.issuer.fetch(ctx); err != nil {
			cfg.Logger.Warn("the issuer's keys cannot be fetched; its tokens are not believed until they can", "issuer", cfg.Issuer, "error", err)
		}
		a.watch.Go(func() { a.issuer.watch(watching) })
	}
	a.watch.Go(func() { a.keyring.watch(watching) })
	return a, nil
}

// Close ends what keeps keys fresh, and waits for it. Keys grow stale from then on. Closing twice is harmless.
func (a *Authenticator) Close() {
	a.cancel()
	a.watch.Wait()
}

// Bearer returns who the holder of an API key or a token is. The text is only lent. Its errors are
// ErrInvalid, ErrExpired and ErrUnavailable.
func (a *Authenticator) Bearer(credential []byte) (*Identity, error) {
	if isProcess(credential) {
		return a.openProcess(credential)
	}
	if isKey(credential) {
		id, digest, err := ParseKey(credential)
		if err != nil {
			return nil, err
		}
		return a.keyring.Open(id, &digest)
	}
	if a.tokens == nil {
		return nil, invalid("it is no API key, and there is no issuer whose token it could be")
	}
	return a.tokens.open(credential)
}

// Session returns who opened a session, and counts as a use of it. The text is only lent. Its errors are as
// Bearer's.
func (a *Authenticator) Session(cookie []byte) (*Identity, error) {
	now := a.cfg.Now()
	who, err := a.sessions.use(cookie, now)
	if err != nil {
		return nil, err
	}
	if err := a.check(who, now); err != nil {
		if !errors.Is(err, ErrUnavailable) {
			a.sessions.close(cookie)
		}
		return nil, err
	}
	return who, nil
}

// OpenSession opens a session for who has proved who they are by something else than a session. It lasts at
// most until the time that is returned, and never longer than the identity.
func (a *Authenticator) OpenSession(who *Identity) (cookie string, until time.Time, err error) {
	now := a.cfg.Now()
	if who.session != nil {
		return "", time.Time{}, invalid("a session cannot open another one")
	}
	if err := a.check(who, now); err != nil {
		return "", time.Time{}, err
	}
	cookie, until = a.sessions.open(who, now)
	return cookie, until, nil
}

// CloseSession ends a session, and with it the tickets and sockets that came from it. One that is not known
// is closed already.
func (a *Authenticator) CloseSession(cookie []byte) {
	if a.sessions.close(cookie) {
		a.keyring.changed()
	}
}

// IssueTicket makes a text that stands for somebody once, until the time that is returned.
func (a *Authenticator) IssueTicket(who *Identity) (ticket string, until time.Time, err error) {
	now := a.cfg.Now()
	if err := a.check(who, now); err != nil {
		return "", time.Time{}, err
	}
	ticket, until = a.tickets.issue(who, now)
	return ticket, until, nil
}

// Redeem takes a ticket and returns whom it stands for. The text is only lent. Its errors are as Bearer's.
func (a *Authenticator) Redeem(ticket []byte) (*Identity, error) {
	now := a.cfg.Now()
	who, err := a.tickets.redeem(ticket, now)
	if err != nil {
		return nil, err
	}
	if err := a.check(who, now); err != nil {
		return nil, err
	}
	return who, nil
}

// Valid reports whether an identity is still good: neither expired, nor revoked, nor logged out. It is
// false, too, when that could not be found out for too long.
func (a *Authenticator) Valid(who *Identity) bool { return a.check(who, a.cfg.Now()) == nil }

// check returns why an identity that was proved before is no longer good, or nil.
func (a *Authenticator) check(who *Identity, now time.Time) error {
	if who.session != nil {
		if err := who.session.check(now); err != nil {
			return err
		}
	}
	if !who.Key.IsZero() {
		return a.keyring.check(who, now)
	}
	if ended(who.ExpiresAt, now) {
		return expired("the token has expired")
	}
	return nil
}

// OnChange has a function called after identities may have ended before their time: keys were revoked,
// rotated or expired, or a session was closed. The end of a token is known before; nobody is told of it. The function must not wait.
func (a *Authenticator) OnChange(hook func()) { a.keyring.OnChange(hook) }

// Refresh reads keys that were changed in the store at once, instead of within half a second.
func (a *Authenticator) Refresh(ctx context.Context) error { return a.keyring.Refresh(ctx) }

// Usable reports whether anybody can prove anything: there is a key that can be used now, or an issuer.
func (a *Authenticator) Usable() bool { return a.issuer != nil || a.keyring.Usable() }

// Keys returns what makes, changes and lists API keys. This node heeds a change when the call returns, others
// within a second.
func (a *Authenticator) Keys() *Keys {
	return &Keys{store: a.cfg.Store, now: a.cfg.Now, log: a.cfg.Logger, refresh: a.keyring.Refresh}
}
