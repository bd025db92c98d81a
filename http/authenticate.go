package http

import (
	"bytes"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/commerce"
)

// Authenticator proves who asks. Its errors are access.ErrInvalid, access.ErrExpired and
// access.ErrUnavailable; their texts are for the log.
type Authenticator interface {
	// Bearer looks at an API key or a token. The text is only lent.
	Bearer(credential []byte) (*access.Identity, error)
	// Session looks at the cookie of a page. The text is only lent.
	Session(cookie []byte) (*access.Identity, error)
	OpenSession(who *access.Identity) (cookie string, until time.Time, err error)
	CloseSession(cookie []byte)
	// IssueTicket makes a text that stands for who once, for a short time; Redeem takes it.
	IssueTicket(who *access.Identity) (ticket string, until time.Time, err error)
	Redeem(ticket []byte) (*access.Identity, error)
	// Valid reports whether an identity that was proved before still is: neither expired nor revoked.
	Valid(who *access.Identity) bool
	// OnChange calls back whenever identities may have ended before their time. It must return at once.
	OnChange(func())
}

const (
	headerAuthorization = "Authorization"
	// cookieSession can only be set by this origin itself, over TLS or on this machine: the prefix says so
	// to browsers (RFC 6265bis, section 4.1.3).
	cookieSession = "__Host-penstock"
	// ticketParameter is where browsers, which cannot send a header with a WebSocket, put a ticket.
	ticketParameter = "ticket"
	// challenge is what a 401 asks for.
	challenge = `Bearer realm="penstock"`
)

// proved reports whether the caller is known, or believed.
func (r *request) proved() bool { return r.identity != nil || r.believed }

// authenticate finds out who asks. A credential that is sent is looked at even where none is needed: who sends
// a wrong one should learn of it.
func (s *Server) authenticate(r *request) error {
	header := &r.ctx.Request.Header
	sent := header.PeekCanonical(r.keys.authorization)
	var err error
	switch {
	case s.cfg.Access == nil:
		// Credentials mean nothing here; a shop's client may send one out of habit.
	case len(sent) > 0:
		credential, ok := bearer(sent)
		if !ok {
			return r.unauthenticated("the Authorization field must be Bearer, followed by an API key or a token")
		}
		r.identity, err = s.cfg.Access.Bearer(credential)
	case r.route.Ticket && r.ctx.QueryArgs().Has(ticketParameter):
		r.identity, err = s.cfg.Access.Redeem(r.ctx.QueryArgs().Peek(ticketParameter))
	default:
		err = s.resume(r)
	}
	if err != nil {
		return s.refuseCredential(r, err)
	}
	return r.name(s.cfg.Proof)
}

// resume takes up the session of a page. A session that has ended is none: the page signs in anew.
func (s *Server) resume(r *request) error {
	if r.ctx.Request.Header.PeekCanonical(r.keys.cookie) == nil {
		return nil
	}
	cookie := r.ctx.Request.Header.Cookie(cookieSession)
	if len(cookie) == 0 {
		return nil
	}
	who, err := s.cfg.Access.Session(cookie)
	if err != nil {
		if errors.Is(err, access.ErrUnavailable) {
			return err
		}
		return nil
	}
	if !r.ctx.IsGet() && !r.ctx.IsHead() {
		if err := r.checkSameOrigin(); err != nil { // browsers send cookies along with other sites' requests too
			return err
		}
	}
	r.identity = who
	return nil
}

// name says under which name the request runs.
func (r *request) name(proof bool) error {
	r.by, r.caller = commerce.Principal{}, callerAnonymous
	customer, err := r.namedCustomer()
	if err != nil {
		return err
	}
	switch {
	case r.identity != nil:
		r.by = r.identity.Principal
		if customer != "" && customer != r.by.Customer {
			if !r.by.Scopes.Has(commerce.ScopeOrdersAny) {
				return commerce.Errorf(commerce.CodeForbidden,
					"%s names somebody else than your credential; leave it out, or use one with the scope %s", headerCaller, commerce.ScopeOrdersAny)
			}
			r.by.Customer = customer
		}
		r.caller = r.by.Subject
	case !proof:
		if customer != "" {
			r.caller = customer
		}
		r.by, r.believed = commerce.Trusted(r.caller), true
	}
	return nil
}

// namedCustomer reads X-User-ID: who asks, where callers are believed, or the customer that a caller acts for.
func (r *request) namedCustomer() (string, error) {
	sent := r.ctx.Request.Header.PeekCanonical(r.keys.caller)
	if len(sent) > commerce.UserIDMax {
		return "", invalidParameter(headerCaller, "must be at most "+strconv.Itoa(commerce.UserIDMax)+" characters long")
	}
	for _, c := range sent {
		if c <= ' ' || c > '~' {
			return "", invalidParameter(headerCaller, "must be visible ASCII characters only")
		}
	}
	return string(sent), nil
}

// bearer returns the credential of an Authorization field (RFC 6750, section 2.1).
func bearer(field []byte) (credential []byte, ok bool) {
	scheme, credential, ok := bytes.Cut(field, []byte{' '})
	if !ok || !bytes.EqualFold(scheme, []byte("Bearer")) {
		return nil, false
	}
	credential = bytes.Trim(credential, " ")
	return credential, len(credential) > 0
}

// refuseCredential answers a credential that proves nothing. The reason stays in the log: it would help only
// who is guessing.
func (s *Server) refuseCredential(r *request, err error) error {
	var refusal *commerce.Error
	switch {
	case errors.As(err, &refusal):
		return refusal
	case errors.Is(err, access.ErrUnavailable):
		s.log.Warn("credentials cannot be looked at", slog.String("correlation_id", r.correlation), slog.Any("error", err))
		return &commerce.Error{Code: commerce.CodeStoreUnavailable, Detail: "credentials cannot be looked at now; try again"}
	case errors.Is(err, access.ErrExpired):
		return r.unauthenticated("the credential has expired; get a new one")
	}
	s.log.LogAttrs(r.ctx, slog.LevelInfo, "credential refused",
		slog.String("correlation_id", r.correlation), slog.String("reason", err.Error()))
	s.metrics.credentialsRefused.Inc()
	if s.cfg.Limiter != nil {
		if err := s.take(r, r.addressName(), access.ClassRefused); err != nil {
			return err
		}
	}
	return r.unauthenticated("the credential is not valid")
}

func (r *request) unauthenticated(detail string) error {
	r.ctx.Response.Header.Set(fasthttp.HeaderWWWAuthenticate, challenge)
	return &commerce.Error{Code: codeUnauthenticated, Detail: detail}
}
