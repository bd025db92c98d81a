package access

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

const (
	// keyringInterval is how often the store is asked whether keys have changed. Reading them takes
	// milliseconds, so that a revocation is known everywhere within a second.
	keyringInterval = 500 * time.Millisecond
	// keyringTimeout bounds one question to the store.
	keyringTimeout = 5 * time.Second
	// keyringAgeMax is how long keys are believed without a word of the store: a revocation that
	// cannot be read must not be ignored for ever.
	keyringAgeMax = time.Minute
)

// Keyring knows the API keys of a store. It holds all of them in a snapshot that is replaced when they
// change, so that looking one up takes no lock and asks nobody.
type Keyring struct {
	store persistence.AccessStore
	log   *slog.Logger
	now   func() time.Time

	snapshot atomic.Pointer[keys]
	readAt   atomic.Int64 // when the store last answered, in Unix nanoseconds

	refresh sync.Mutex // held while the store is asked: snapshots are replaced in the order they were read

	hooks struct {
		sync.Mutex
		all []func()
	}
}

// keys is a snapshot of a store's keys. It is immutable.
type keys struct {
	version uint64
	byID    map[commerce.ID]*key
	// nextEnd is the first end of a key or a secret after the snapshot was taken; zero: none ends.
	nextEnd time.Time
}

// key is a key of a snapshot, with what it proves.
type key struct {
	revoked  bool
	openings [persistence.AccessSecretsMax]opening
}

// opening is a secret, and who one is who has it. The identity is nil when there is no secret.
type opening struct {
	digest   [sha256.Size]byte
	identity *Identity
}

// openKeyring reads the keys of a store. Nothing is refreshed before watch is called.
func openKeyring(ctx context.Context, cfg *Config) (*Keyring, error) {
	k := &Keyring{store: cfg.Store, log: cfg.Logger, now: cfg.Now}
	k.snapshot.Store(&keys{})
	if err := k.Refresh(ctx); err != nil {
		return nil, err
	}
	return k, nil
}

// watch keeps the snapshot fresh until ctx ends.
func (k *Keyring) watch(ctx context.Context) {
	ticker := time.NewTicker(keyringInterval)
	defer ticker.Stop()
	well := true
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := k.Refresh(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil && well {
			k.log.Warn("API keys cannot be read; those known are believed for a while", "for", keyringAgeMax.String(), "error", err)
		} else if err == nil && !well {
			k.log.Info("API keys can be read again")
		}
		well = err == nil
		k.notice()
	}
}

// Refresh reads what has changed in the store. When it returns nil, the keyring knows everything that
// was written before the call.
func (k *Keyring) Refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, keyringTimeout)
	defer cancel()
	ended, err := k.reread(ctx)
	if ended {
		k.changed()
	}
	return err
}

// reread takes a new snapshot if there is something new, and reports whether that ends anything.
func (k *Keyring) reread(ctx context.Context) (ended bool, err error) {
	k.refresh.Lock()
	defer k.refresh.Unlock()
	asked := k.now()
	// The version first: what is written between the two questions is read once more the next time.
	version, err := k.store.AccessVersion(ctx)
	if err != nil {
		return false, fmt.Errorf("ask whether API keys have changed: %w", err)
	}
	before := k.snapshot.Load()
	if before.byID == nil || version != before.version {
		all, err := k.store.AccessKeys(ctx)
		if err != nil {
			return false, fmt.Errorf("read API keys: %w", err)
		}
		after := newKeys(version, all, k.now())
		k.snapshot.Store(after)
		ended = after.endsSomethingOf(before, k.now())
	}
	k.readAt.Store(asked.UnixNano())
	return ended, nil
}

// notice calls the hooks when a key or a secret of the snapshot has ended by itself.
func (k *Keyring) notice() {
	k.refresh.Lock()
	now, current := k.now(), k.snapshot.Load()
	due := ended(current.nextEnd, now)
	if due {
		next := *current
		next.nextEnd = current.endAfter(now)
		k.snapshot.Store(&next)
	}
	k.refresh.Unlock()
	if due {
		k.changed()
	}
}

// OnChange has a function called after something has ended: a key, one of its secrets, or what it may do.
// The function must not wait.
func (k *Keyring) OnChange(hook func()) {
	k.hooks.Lock()
	defer k.hooks.Unlock()
	k.hooks.all = append(k.hooks.all, hook)
}

// changed calls the hooks.
func (k *Keyring) changed() {
	k.hooks.Lock()
	hooks := k.hooks.all
	k.hooks.Unlock()
	for _, hook := range hooks {
		hook()
	}
}

// Open returns who the holder of a key is. An id that is not known costs as much as one that is.
func (k *Keyring) Open(id commerce.ID, digest *[sha256.Size]byte) (*Identity, error) {
	now := k.now()
	if k.stale(now) {
		return nil, unavailable("API keys could not be read for " + keyringAgeMax.String())
	}
	known := k.snapshot.Load().byID[id]
	if known == nil {
		known = new(key) // stays on the stack
	}
	var identity *Identity
	for i := range known.openings {
		o := &known.openings[i]
		if subtle.ConstantTimeCompare(o.digest[:], digest[:]) == 1 {
			identity = o.identity
		}
	}
	switch {
	case identity == nil:
		return nil, invalid("the API key is not known, or its secret is wrong")
	case known.revoked:
		return nil, invalid("the API key has been revoked")
	case ended(identity.ExpiresAt, now):
		return nil, expired("the API key or its secret has ended")
	}
	return identity, nil
}

// check returns why an identity that a key has proved is no longer good, or nil.
func (k *Keyring) check(who *Identity, now time.Time) error {
	current, err := k.Open(who.Key, &who.digest)
	if err != nil {
		return err
	}
	if current.Principal.Subject != who.Principal.Subject || current.Principal.Scopes != who.Principal.Scopes {
		return invalid("what the API key may do has changed")
	}
	if ended(who.ExpiresAt, now) {
		return expired("it has ended")
	}
	return nil
}

// Usable reports whether any key can be used now.
func (k *Keyring) Usable() bool {
	now := k.now()
	if k.stale(now) {
		return false
	}
	for _, key := range k.snapshot.Load().byID {
		for i := range key.openings {
			if key.live(i, now) {
				return true
			}
		}
	}
	return false
}

func (k *Keyring) stale(now time.Time) bool {
	return now.UnixNano()-k.readAt.Load() > int64(keyringAgeMax)
}

// newKeys makes a snapshot. Keys beyond AccessKeysMax, which no store lets in, are not known.
func newKeys(version uint64, all []persistence.AccessKey, now time.Time) *keys {
	all = all[:min(len(all), persistence.AccessKeysMax)]
	s := &keys{version: version, byID: make(map[commerce.ID]*key, len(all))}
	for i := range all {
		s.byID[all[i].ID] = newKey(&all[i])
	}
	s.nextEnd = s.endAfter(now)
	return s
}

// newKey makes a key of a snapshot. Of more secrets than there can be the last ones count.
func newKey(from *persistence.AccessKey) *key {
	made := &key{revoked: !from.RevokedAt.IsZero()}
	secrets := from.Secrets[max(0, len(from.Secrets)-persistence.AccessSecretsMax):]
	for i := range secrets {
		made.openings[i] = opening{digest: secrets[i].Digest, identity: &Identity{
			Principal: commerce.Principal{
				Subject: from.Subject, Customer: from.Subject, Scopes: from.Scopes & commerce.ScopesAll,
			},
			Key: from.ID, ExpiresAt: earlier(from.ExpiresAt, secrets[i].ExpiresAt), digest: secrets[i].Digest,
		}}
	}
	return made
}

// live reports whether the secret can be used.
func (k *key) live(i int, now time.Time) bool {
	identity := k.openings[i].identity
	return identity != nil && !k.revoked && !ended(identity.ExpiresAt, now)
}

// endAfter returns the first end of a key or a secret after a time; zero: none ends.
func (s *keys) endAfter(now time.Time) time.Time {
	var first time.Time
	for _, key := range s.byID {
		for i := range key.openings {
			if key.live(i, now) {
				first = earlier(first, key.openings[i].identity.ExpiresAt)
			}
		}
	}
	return first
}

// endsSomethingOf reports whether something that was good in the snapshot before is so no longer, or for
// a shorter time, or may do something else.
func (s *keys) endsSomethingOf(before *keys, now time.Time) bool {
	for id, was := range before.byID {
		is := s.byID[id]
		for i := range was.openings {
			if was.live(i, now) && !is.keeps(was.openings[i].identity, now) {
				return true
			}
		}
	}
	return false
}

// keeps reports whether an identity is still good, for as long and for the same.
func (k *key) keeps(who *Identity, now time.Time) bool {
	if k == nil {
		return false
	}
	for i := range k.openings {
		if o := k.openings[i].identity; k.live(i, now) && o.digest == who.digest {
			return o.Principal == who.Principal && earlier(o.ExpiresAt, who.ExpiresAt).Equal(who.ExpiresAt)
		}
	}
	return false
}
