package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

// Echoed is an answer that the echo gives, and to which requests: those with the method, and with the path or,
// if that ends in a slash, one below it.
type Echoed struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Answer []byte `json:"answer"` // as it came over the wire
	// Event is sent to the subscriber of the order in the path; nil when nobody follows.
	Event *EchoedEvent `json:"event,omitempty"`
}

const (
	captureTimeout = 10 * time.Second
	// captures is how many answers of a kind are looked at, for one of middling length.
	captures = 15
)

// startEcho lets the first server answer requests of each kind and starts a peer that repeats these answers.
func (b *benchmark) startEcho(ctx context.Context, scenario *Scenario) (*engine, error) {
	server := b.engines[0]
	answers, err := b.capture(ctx, server, scenario)
	if err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(answers)
	if err != nil {
		return nil, fmt.Errorf("keep the answers to echo: %w", err)
	}
	file := filepath.Join(b.dir, scenario.Name+".answers")
	if err := os.WriteFile(file, encoded, 0o600); err != nil {
		return nil, fmt.Errorf("keep the answers to echo: %w", err)
	}
	process, err := StartProcess(ctx, nil, b.cfg.Executable, "bench-echo", file)
	if err != nil {
		return nil, err
	}
	return &engine{name: peerEcho, process: process, catalog: server.catalog, peer: true}, nil
}

// capture captures an answer for each kind of request.
func (b *benchmark) capture(ctx context.Context, e *engine, scenario *Scenario) (answers []Echoed, err error) {
	if scenario.Followed {
		return b.captureFollowed(ctx, e, scenario)
	}
	for i := range scenario.Mix {
		kind := &scenario.Mix[i].Kind
		answer, err := captureOne(ctx, e.process.Address, kind.Source(e.catalog, b.stream(scenario, "captured")))
		if err != nil {
			return nil, err
		}
		answers = append(answers, Echoed{Method: kind.Method, Path: kind.Path, Answer: answer})
	}
	return answers, nil
}

// captureOne returns an answer to one of a source's requests that is neither a long nor a short one.
func captureOne(ctx context.Context, address string, next Source) ([]byte, error) {
	answers := make([][]byte, captures)
	for i := range answers {
		var err error
		if answers[i], err = capture(ctx, address, next(nil)); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(answers, func(a, b []byte) int { return len(a) - len(b) })
	return answers[captures/2], nil
}

// capture sends one request and returns the answer as it came over the wire.
func capture(ctx context.Context, address string, request []byte) ([]byte, error) {
	c, err := Dial(ctx, address, captureTimeout)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(captureTimeout)); err != nil {
		return nil, fmt.Errorf("capture an answer: %w", err)
	}
	var raw bytes.Buffer
	c.reader = bufio.NewReaderSize(io.TeeReader(c.conn, &raw), readBuffer)
	if err := c.Do(request, new(Answer)); err != nil {
		return nil, fmt.Errorf("capture an answer: %w", err)
	}
	return raw.Bytes(), nil
}

// Echo is the peer that does nothing: a fasthttp server that reads every request as any handler
// would and answers those of one kind with the same captured bytes. It runs until the context ends, and writes
// the address that it listens on to stdout. file holds a JSON list of Echoed.
func Echo(ctx context.Context, file string, stdout io.Writer) error {
	encoded, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read the answers to echo: %w", err)
	}
	var answers []Echoed
	if err := json.Unmarshal(encoded, &answers); err != nil {
		return fmt.Errorf("read the answers to echo: %w", err)
	}
	handler, name, err := echoHandler(answers)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	server := &fasthttp.Server{
		Name: name, Handler: handler, NoDefaultServerHeader: name == "", ReadTimeout: time.Minute,
		Logger: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Shutdown() })
	defer stop()
	if _, err := fmt.Fprintf(stdout, "echo listens on %s\n", listener.Addr()); err != nil {
		return fmt.Errorf("say the address: %w", err)
	}
	if err := server.Serve(listener); err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// echoHandler makes a handler that gives the captured answers; name is what their Server header says.
func echoHandler(answers []Echoed) (handler fasthttp.RequestHandler, name string, err error) {
	parsed := make([]*echoed, len(answers))
	for i := range answers {
		if parsed[i], name, err = parseEchoed(&answers[i]); err != nil {
			return nil, "", err
		}
	}
	audience, err := newEchoAudience(answers, parsed)
	switch {
	case err != nil:
		return nil, "", err
	case audience != nil:
		return audience.handle, name, nil
	case len(parsed) == 1:
		return parsed[0].give, name, nil
	}
	return func(ctx *fasthttp.RequestCtx) {
		method, path := ctx.Method(), ctx.Path()
		best := -1
		for i, e := range parsed {
			if e.fits(method, path) && (best < 0 || len(e.path) > len(parsed[best].path)) {
				best = i
			}
		}
		if best < 0 {
			ctx.SetStatusCode(fasthttp.StatusNotFound)
			return
		}
		parsed[best].give(ctx)
	}, name, nil
}

// echoed is an answer that has been parsed.
type echoed struct {
	method, path string
	status       int
	contentType  string
	body         []byte
	headers      []echoedHeader
}

type echoedHeader struct{ name, value string }

func parseEchoed(from *Echoed) (e *echoed, server string, err error) {
	var answer fasthttp.Response
	if err := answer.Read(bufio.NewReader(bytes.NewReader(from.Answer))); err != nil {
		return nil, "", fmt.Errorf("parse the answer to echo: %w", err)
	}
	e = &echoed{
		method: from.Method, path: from.Path, status: answer.StatusCode(),
		contentType: string(answer.Header.ContentType()), body: bytes.Clone(answer.Body()),
	}
	for key, value := range answer.Header.All() {
		switch strings.ToLower(string(key)) {
		case "server", "date", "content-length", "content-type", "connection": // fasthttp's own
		default:
			e.headers = append(e.headers, echoedHeader{string(key), string(value)})
		}
	}
	return e, string(answer.Header.Server()), nil
}

func (e *echoed) fits(method, path []byte) bool {
	if string(method) != e.method {
		return false
	}
	if strings.HasSuffix(e.path, "/") {
		return len(path) > len(e.path) && string(path[:len(e.path)]) == e.path
	}
	return string(path) == e.path
}

func (e *echoed) give(ctx *fasthttp.RequestCtx) {
	ctx.SetStatusCode(e.status)
	ctx.SetContentType(e.contentType)
	for i := range e.headers {
		ctx.Response.Header.Set(e.headers[i].name, e.headers[i].value)
	}
	ctx.Response.SetBodyRaw(e.body)
}
