package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
	"github.com/penstock-dev/penstock/internal/client"
	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/pebblestore"
	"github.com/penstock-dev/penstock/persistence/pgstore"
)

// auditCommands are what can be done with an audit log.
type auditCommands struct {
	Verify auditVerifyCommand `cmd:"" help:"Prove that no record of the audit log was changed, taken out, put in or moved."`
	List   auditListCommand   `cmd:"" help:"Print the audit log, oldest first."`
}

// auditFlags say whose audit log is read.
type auditFlags struct {
	Target      string `xor:"where" required:"" placeholder:"URL" help:"Base URL of a running server."`
	Data        string `xor:"where" required:"" placeholder:"DIR" help:"Directory of an embedded store that no process uses."`
	DatabaseURL string `name:"database-url" xor:"where" required:"" placeholder:"URL" help:"PostgreSQL database of a store, in use or not. Keep a password in PENSTOCK_DATABASE_URL, PGPASSWORD or a passfile."`
	User        string `default:"penstock" help:"Who a running server is asked for (X-User-ID)."`

	credentialFlags
}

// use lends the log to something that reads it, and says what keeps it from being read.
func (f *auditFlags) use(ctx context.Context, p *process, read func(persistence.AuditLog) error) error {
	switch {
	case f.Target != "":
		server, err := f.connect(p, f.Target, f.User, 1)
		if err != nil {
			return err
		}
		defer server.Close()
		return read(serverAudit{server})
	case f.DatabaseURL != "":
		return f.useDatabase(ctx, p, read)
	case f.Data != "":
		return f.useData(ctx, p, read)
	default:
		return &exitError{
			code: exitUsage, err: errors.New("missing flags: --target=URL or --data=DIR or --database-url=URL"),
			hint: "Say which store: the one that is given is empty.",
		}
	}
}

func (f *auditFlags) useData(ctx context.Context, p *process, read func(persistence.AuditLog) error) error {
	store, err := openPebble(ctx, pebblestore.Options{Dir: f.Data, MustExist: true, Logger: p.log.With("logger", "store")})
	if err != nil {
		return err
	}
	err = errors.Join(read(store), store.Close())
	if err != nil && ctx.Err() == nil && !errors.Is(err, errNotWell) {
		return &exitError{
			code: exitIO, err: fmt.Errorf("read the audit log of the store in %s: %w", f.Data, err),
			hint: "The store cannot be read. If the disk is well, restore the directory from a backup.",
		}
	}
	return err
}

// useDatabase reads the log of a store that may be in use: no writer is opened.
func (f *auditFlags) useDatabase(ctx context.Context, p *process, read func(persistence.AuditLog) error) error {
	store, err := openPostgres(ctx, pgstore.Options{URL: f.DatabaseURL, Logger: p.log.With("logger", "store")})
	if err != nil {
		return err
	}
	err = errors.Join(read(store), store.Close())
	if err != nil && ctx.Err() == nil && !errors.Is(err, errNotWell) {
		place, bad := pgstore.PlaceOf(f.DatabaseURL)
		return errors.Join(databaseError(fmt.Errorf("read the audit log: %w", err), place), bad)
	}
	return err
}

// serverAudit is the audit log of a running server. What the server says of it is verified here.
type serverAudit struct{ server *client.Client }

// AuditRecords implements persistence.AuditLog.
func (s serverAudit) AuditRecords(ctx context.Context, after uint64, limit int) ([]commerce.AuditRecord, error) {
	records, _, err := s.page(ctx, after, limit)
	return records, err
}

// AuditHead implements persistence.AuditLog.
func (s serverAudit) AuditHead(ctx context.Context) (persistence.AuditHead, error) {
	_, head, err := s.page(ctx, 0, 1)
	return head, err
}

func (s serverAudit) page(ctx context.Context, after uint64, limit int) ([]commerce.AuditRecord, persistence.AuditHead, error) {
	body, err := s.server.Audit(ctx, after, limit)
	if err != nil {
		return nil, persistence.AuditHead{}, err
	}
	return wire.DecodeAudit(body)
}
