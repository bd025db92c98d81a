package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

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

const captureTimeout = 10 * time.Second

// Echo is the peer that does nothing: a fasthttp server that reads every request as any handler
// would and always answers the same captured bytes. It runs until the context ends, and writes
// the address that it listens on to stdout. answer is a file with an answer as capture returns it.
func Echo(ctx context.Context, answer string, stdout io.Writer) error {
	raw, err := os.ReadFile(answer)
	if err != nil {
		return fmt.Errorf("read the answer to echo: %w", err)
	}
	handler, name, err := echoHandler(raw)
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

// echoHandler makes a handler that gives the captured answer; name is what its Server header says.
func echoHandler(raw []byte) (handler fasthttp.RequestHandler, name string, err error) {
	var answer fasthttp.Response
	if err := answer.Read(bufio.NewReader(bytes.NewReader(raw))); err != nil {
		return nil, "", fmt.Errorf("parse the answer to echo: %w", err)
	}
	status, body := answer.StatusCode(), answer.Body()
	contentType := string(answer.Header.ContentType())
	type header struct{ name, value string }
	var headers []header
	for key, value := range answer.Header.All() {
		switch strings.ToLower(string(key)) {
		case "server", "date", "content-length", "content-type", "connection": // fasthttp's own
		default:
			headers = append(headers, header{string(key), string(value)})
		}
	}
	return func(ctx *fasthttp.RequestCtx) {
		ctx.SetStatusCode(status)
		ctx.SetContentType(contentType)
		for i := range headers {
			ctx.Response.Header.Set(headers[i].name, headers[i].value)
		}
		ctx.Response.SetBodyRaw(body)
	}, string(answer.Header.Server()), nil
}
