package access

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
)

const (
	// issuerPause is the least time between two fetches, whatever asks for them: tokens that name keys
	// which nobody knows are cheap to make.
	issuerPause = 30 * time.Second
	// issuerTimeout bounds a fetch of both documents.
	issuerTimeout = 5 * time.Second
	// issuerBodyMax bounds each of the documents.
	issuerBodyMax = 64 << 10
)

// issuer holds the keys of an OpenID Connect issuer (OpenID Connect Discovery 1.0). Nobody who asks for a
// key waits for the network: what is not known is fetched by one goroutine, and who asked tries again.
type issuer struct {
	name    string
	client  *http.Client
	log     *slog.Logger
	now     func() time.Time
	every   time.Duration
	overlap time.Duration
	ageMax  time.Duration

	keys   atomic.Pointer[issuerKeys]
	wanted chan struct{} // holds one: a fetch that somebody asks for

	mu struct {
		sync.Mutex
		fetching bool
		next     time.Time // when the next fetch may begin
	}
}

// issuerKeys is what an issuer said. It is immutable.
type issuerKeys struct {
	fetchedAt time.Time
	uses      map[keyUse]issuerKey
}

// issuerKey is a key, and until when it is believed: zero as long as the issuer names it.
type issuerKey struct {
	public crypto.PublicKey
	until  time.Time
}

func newIssuer(cfg *Config) *issuer {
	transport := cfg.Transport
	if transport == nil {
		transport = newTransport()
	}
	s := &issuer{
		name: cfg.Issuer, log: cfg.Logger, now: cfg.Now,
		every: cfg.IssuerInterval, overlap: max(cfg.IssuerOverlap, 0), ageMax: cfg.IssuerAgeMax,
		wanted: make(chan struct{}, 1),
		client: &http.Client{
			Transport: transport,
			// A redirect would let whoever can plant one say where the keys are.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	s.keys.Store(&issuerKeys{})
	return s
}

// key returns the key of that name that may verify that algorithm.
func (s *issuer) key(use keyUse) (crypto.PublicKey, error) {
	now, known := s.now(), s.keys.Load()
	if known.fetchedAt.IsZero() || now.Sub(known.fetchedAt) > s.ageMax {
		s.want(now)
		return nil, unavailable("the issuer's keys are not known, or too old")
	}
	if found, ok := known.uses[use]; ok && !ended(found.until, now) {
		return found.public, nil
	}
	if s.want(now) {
		return nil, unavailable("the key is not known; the issuer is being asked for it")
	}
	return nil, invalid("the issuer has no such key")
}

// want asks for a fetch, and reports whether one is under way.
func (s *issuer) want(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.fetching {
		return true
	}
	if now.Before(s.mu.next) {
		return false
	}
	s.mu.fetching = true
	s.wanted <- struct{}{} // has room: only who sets fetching sends
	return true
}

// watch fetches the issuer's keys now and then, and when somebody wants one that is not known, until ctx ends.
func (s *issuer) watch(ctx context.Context) {
	timer := time.NewTimer(s.pause())
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			if s.want(s.now()) {
				<-s.wanted
			}
		case <-s.wanted:
		}
		if err := s.fetch(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("the issuer's keys cannot be fetched", "issuer", s.name, "error", err)
		}
		timer.Reset(s.pause())
	}
}

// pause returns how long to wait before the next fetch that nobody asks for: shorter after one that failed.
func (s *issuer) pause() time.Duration {
	if s.now().Sub(s.keys.Load().fetchedAt) < issuerPause {
		return s.every
	}
	return issuerPause
}

// fetch reads the issuer's keys, and puts them in the place of those before.
func (s *issuer) fetch(ctx context.Context) error {
	s.mu.Lock()
	s.mu.fetching = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.mu.fetching, s.mu.next = false, s.now().Add(issuerPause)
		s.mu.Unlock()
	}()
	ctx, cancel := context.WithTimeout(ctx, issuerTimeout)
	defer cancel()
	place, err := s.discover(ctx)
	if err != nil {
		return err
	}
	document, err := s.get(ctx, place)
	if err != nil {
		return err
	}
	uses, err := parseJWKS(document)
	if err != nil {
		return err
	}
	s.keys.Store(s.keys.Load().followedBy(uses, s.now(), s.overlap))
	return nil
}

// discover asks the issuer where its keys are.
func (s *issuer) discover(ctx context.Context) (string, error) {
	body, err := s.get(ctx, strings.TrimSuffix(s.name, "/")+"/.well-known/openid-configuration")
	if err != nil {
		return "", err
	}
	var document struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(body, &document); err != nil {
		return "", fmt.Errorf("read the issuer's configuration: %w", err)
	}
	if document.Issuer != s.name {
		return "", fmt.Errorf("the issuer names itself %.200q, not %q: write it as it writes itself", document.Issuer, s.name)
	}
	place, err := url.Parse(document.JWKSURI)
	if err != nil || place.Hostname() == "" || place.User != nil {
		return "", errors.New("the issuer does not say where its keys are")
	}
	// An issuer on another machine must not send us to this one.
	if own, err := url.Parse(s.name); err != nil || !trustworthy(place) || isLoopback(place.Hostname()) && !isLoopback(own.Hostname()) {
		return "", fmt.Errorf("the issuer's keys are at %.200q, which is not believed", document.JWKSURI)
	}
	return document.JWKSURI, nil
}

// get reads a document.
func (s *issuer) get(ctx context.Context, place string) (body []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, place, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("fetch %s: %w", place, err)
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "penstock")
	answer, err := s.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("fetch %s: %w", place, err)
	}
	defer func() { err = errors.Join(err, answer.Body.Close()) }()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("fetch %s: the answer is %d", place, answer.StatusCode)
	}
	body, err = io.ReadAll(io.LimitReader(answer.Body, issuerBodyMax+1))
	if err != nil {
		return nil, fmt.Errorf("fetch %s: %w", place, err)
	}
	if len(body) > issuerBodyMax {
		return nil, fmt.Errorf("fetch %s: the answer has more than %d bytes", place, issuerBodyMax)
	}
	return body, nil
}

// followedBy returns the keys that the issuer names now, and those it named before and no longer does, for
// as long as they overlap.
func (k *issuerKeys) followedBy(uses map[keyUse]crypto.PublicKey, now time.Time, overlap time.Duration) *issuerKeys {
	next := &issuerKeys{fetchedAt: now, uses: make(map[keyUse]issuerKey, len(uses))}
	for use, public := range uses {
		next.uses[use] = issuerKey{public: public}
	}
	for use, before := range k.uses {
		if before.until.IsZero() {
			before.until = now.Add(overlap)
		}
		if _, named := next.uses[use]; named || ended(before.until, now) || len(next.uses) >= issuerKeysMax {
			continue
		}
		next.uses[use] = before
	}
	return next
}

// issuerKeysMax bounds the uses of keys that are kept, those of the past included.
const issuerKeysMax = 4 * jwksKeysMax
