// Package client speaks Penstock's HTTP API for the commands that work against a running server:
// import, replay and verify.
//
// It keeps connections alive, tells a refusal (*ProblemError) from a server that gives no answer
// (*UnavailableError), and repeats with backoff what may succeed later, where that is safe: reads, and
// commands that carry an idempotency key. It knows nothing of files, progress or the engine behind the
// server, and imports neither http nor actors.
package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"
)

// responseBytesMax bounds the body of one answer: a page of 100 products with full descriptions
// and attributes stays well below.
const responseBytesMax = 16 << 20

// Config holds a client's settings. The zero value of a field means its default.
type Config struct {
	Target  string        // base URL of the server, like http://127.0.0.1:8000; required
	User    string        // who the requests are made for, sent as X-User-ID
	Key     string        // API key or token, sent as Authorization; none when empty
	Agent   string        // sent as User-Agent
	Conns   int           // connections kept at most; 64
	Timeout time.Duration // for one attempt; 30 s
	Retry   Retry
}

// Retry bounds the repetition of attempts that may succeed later.
type Retry struct {
	AttemptsMax int           // 8
	WaitMin     time.Duration // before the first repetition, doubled at each further one; 50 ms
	WaitMax     time.Duration // also the most of a server's Retry-After that is heeded; 5 s
}

// Client makes requests. It is safe for concurrent use; Close releases its connections.
type Client struct {
	cfg  Config
	base string // the target without its trailing slash
	host *fasthttp.HostClient
}

// New checks the target and makes a client. It opens no connection yet.
func New(cfg Config) (*Client, error) {
	target, err := parseTarget(cfg.Target)
	if err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	return &Client{
		cfg:  cfg,
		base: target.Scheme + "://" + target.Host + target.Path,
		host: &fasthttp.HostClient{
			Addr:                      address(target),
			IsTLS:                     target.Scheme == "https",
			TLSConfig:                 &tls.Config{MinVersion: tls.VersionTLS12, ServerName: target.Hostname()},
			Name:                      cfg.Agent,
			MaxConns:                  cfg.Conns,
			MaxConnWaitTimeout:        cfg.Timeout,
			MaxIdemponentCallAttempts: 1, // call repeats; it knows what is safe and counts
			MaxResponseBodySize:       responseBytesMax,
			DialDualStack:             true,
		},
	}, nil
}

func (c Config) withDefaults() Config {
	if c.Agent == "" {
		c.Agent = "penstock"
	}
	if c.Conns == 0 {
		c.Conns = 64
	}
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Second
	}
	if c.Retry.AttemptsMax == 0 {
		c.Retry.AttemptsMax = 8
	}
	if c.Retry.WaitMin == 0 {
		c.Retry.WaitMin = 50 * time.Millisecond
	}
	if c.Retry.WaitMax == 0 {
		c.Retry.WaitMax = 5 * time.Second
	}
	return c
}

// parseTarget checks a base URL. Its faults are the caller's: a *TargetError.
func parseTarget(target string) (*url.URL, error) {
	u, err := url.Parse(target)
	switch {
	case err != nil:
		return nil, &TargetError{Target: target, Detail: "is not a URL"}
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, &TargetError{Target: target, Detail: "must begin with http:// or https://"}
	case u.Hostname() == "":
		return nil, &TargetError{Target: target, Detail: "names no host"}
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, &TargetError{Target: target, Detail: "must hold nothing but scheme, host, port and path"}
	}
	for len(u.Path) > 0 && u.Path[len(u.Path)-1] == '/' {
		u.Path = u.Path[:len(u.Path)-1]
	}
	return u, nil
}

func address(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	if u.Scheme == "https" {
		return u.Host + ":443"
	}
	return u.Host + ":80"
}

// Close releases the idle connections. Closing twice is harmless.
func (c *Client) Close() { c.host.CloseIdleConnections() }

// Target returns the base URL of the server.
func (c *Client) Target() string { return c.base }

// Answer is what a server said to a request it accepted.
type Answer struct {
	Body     []byte // owned by the caller
	Replayed bool   // the first answer to this idempotency key, once more
	Attempts int    // 1 when nothing had to be repeated
}

// request is one call of the API.
type request struct {
	method  string
	path    string // with its query
	key     string // idempotency key; every request but a read has one
	body    []byte
	timeout time.Duration // of one attempt; the client's when zero
	once    bool          // it is not made again: a second one would do a second thing
}

// call makes a request and repeats it while that may help. Its error is a *ProblemError, an
// *UnavailableError or the context's.
func (c *Client) call(ctx context.Context, r request) (Answer, error) {
	var answer Answer
	for {
		if err := ctx.Err(); err != nil {
			return answer, context.Cause(ctx)
		}
		answer.Attempts++
		err := c.attempt(&r, &answer)
		if err == nil {
			return answer, nil
		}
		if !repeatable(err) {
			return answer, err
		}
		if r.once || answer.Attempts >= c.cfg.Retry.AttemptsMax {
			var problem *ProblemError
			if errors.As(err, &problem) {
				return answer, err
			}
			return answer, &UnavailableError{Target: c.base, Attempts: answer.Attempts, Err: err}
		}
		if err := sleep(ctx, c.wait(answer.Attempts, err)); err != nil {
			return answer, err
		}
	}
}

func (c *Client) attempt(r *request, answer *Answer) error {
	req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(resp)

	req.SetRequestURI(c.base + r.path)
	req.Header.SetMethod(r.method)
	req.Header.Set("Accept", "application/json")
	if c.cfg.User != "" {
		req.Header.Set("X-User-ID", c.cfg.User)
	}
	if c.cfg.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.cfg.Key)
	}
	if r.key != "" {
		req.Header.Set("Idempotency-Key", r.key)
	}
	if r.body != nil {
		req.Header.SetContentType("application/json")
		req.SetBodyRaw(r.body)
	}
	timeout := r.timeout
	if timeout == 0 {
		timeout = c.cfg.Timeout
	}
	if err := c.host.DoTimeout(req, resp, timeout); err != nil {
		return fmt.Errorf("%s %s: %w", r.method, r.path, err)
	}
	if status := resp.StatusCode(); status < 200 || status > 299 {
		return problemOf(status, resp.Body(), string(resp.Header.Peek("Retry-After")))
	}
	answer.Body = append([]byte(nil), resp.Body()...)
	answer.Replayed, _ = strconv.ParseBool(string(resp.Header.Peek("Idempotency-Replayed")))
	return nil
}

// wait returns how long to wait after so many attempts: exponential, with jitter over its upper
// half so that workers refused together do not come back together.
func (c *Client) wait(attempts int, err error) time.Duration {
	wait := c.cfg.Retry.WaitMin << min(attempts-1, 16)
	wait = min(wait, c.cfg.Retry.WaitMax)
	wait = wait/2 + rand.N(wait/2+1)
	var problem *ProblemError
	if errors.As(err, &problem) {
		wait = max(wait, min(problem.RetryAfter, c.cfg.Retry.WaitMax))
	}
	return wait
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
