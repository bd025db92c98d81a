package peer

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"time"

	"github.com/valyala/fasthttp"
)

// Config says which peer to serve.
type Config struct {
	Name        string // RowLock, Statement or Redis
	DatabaseURL string // of the first two; a database that Prepare has filled
	RedisURL    string // of the last; a server that PrepareRedis has filled
	Connections int    // to the database; the best number that was found when 0
}

// gcPercent is what penstock serve takes by default: a peer's small heap would otherwise be collected all the time.
const gcPercent = 400

// Serve serves a peer until the context ends, and writes the address that it listens on to stdout.
func Serve(ctx context.Context, cfg Config, stdout io.Writer) error {
	s, err := open(ctx, cfg)
	if err != nil {
		return fmt.Errorf("open the peer %s: %w", cfg.Name, err)
	}
	defer s.close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	debug.SetGCPercent(gcPercent)
	server := &fasthttp.Server{
		Handler: newHandler(s).serve, NoDefaultServerHeader: true, ReadTimeout: time.Minute, CloseOnShutdown: true,
		Logger: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	ended := make(chan struct{})
	defer context.AfterFunc(ctx, func() {
		defer close(ended)
		_ = server.Shutdown()
	})()
	if _, err := fmt.Fprintf(stdout, "%s listens on %s\n", cfg.Name, listener.Addr()); err != nil {
		return fmt.Errorf("say the address: %w", err)
	}
	if err := server.Serve(listener); err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	<-ended // the shop closes when nobody asks it any more
	return nil
}

func open(ctx context.Context, cfg Config) (shop, error) {
	switch cfg.Name {
	case RowLock:
		db, err := openPostgres(ctx, cfg, rowLockConnections)
		if err != nil {
			return nil, err
		}
		return &rowLock{db}, nil
	case Statement:
		db, err := openPostgres(ctx, cfg, statementConnections)
		if err != nil {
			return nil, err
		}
		return &statement{db}, nil
	case Redis:
		return openRedis(ctx, cfg)
	default:
		return nil, fmt.Errorf("no peer is called %q; there are: %s, %s, %s", cfg.Name, RowLock, Statement, Redis)
	}
}
