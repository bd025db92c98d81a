package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/penstock-dev/penstock/internal/progress"
	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/pebblestore"
	"github.com/penstock-dev/penstock/persistence/pgstore"
)

// verifyCommand proves that a store's books add up.
type verifyCommand struct {
	Target      string `xor:"where" required:"" placeholder:"URL" help:"Base URL of a running server."`
	Data        string `xor:"where" required:"" placeholder:"DIR" help:"Directory of an embedded store that no process uses."`
	DatabaseURL string `name:"database-url" xor:"where" required:"" placeholder:"URL" help:"PostgreSQL database of a store, in use or not. Keep a password in PENSTOCK_DATABASE_URL, PGPASSWORD or a passfile."`
	User        string `default:"penstock" help:"Who a running server is asked for (X-User-ID)."`
	JSON        bool   `name:"json" help:"Print the report as JSON."`

	credentialFlags
}

// verified is a report as it is printed.
type verified struct {
	OK bool `json:"ok"`
	*persistence.Report
}

// Help explains what is proved.
func (c *verifyCommand) Help() string {
	return "Every product's on_hand and allocated are compared with the sum of its ledger and with its open orders; ledgers and events must have no gap; keys must lead to what they made. " +
		"The exit code is 1 when a sum is wrong."
}

// Run verifies and prints the report.
func (c *verifyCommand) Run(ctx context.Context, p *process) error {
	report, err := c.verify(ctx, p)
	if err != nil {
		return err
	}
	if c.JSON {
		if err := p.printJSON(verified{OK: report.OK(), Report: report}); err != nil {
			return err
		}
	} else {
		printReport(p, report)
	}
	if !report.OK() {
		return errNotWell
	}
	return nil
}

func (c *verifyCommand) verify(ctx context.Context, p *process) (*persistence.Report, error) {
	switch {
	case c.Target != "":
		return c.verifyServer(ctx, p)
	case c.DatabaseURL != "":
		return c.verifyDatabase(ctx, p)
	case c.Data != "":
		return c.verifyData(ctx, p)
	default:
		return nil, &exitError{
			code: exitUsage, err: errors.New("missing flags: --target=URL or --data=DIR or --database-url=URL"),
			hint: "Say which store: the one that is given is empty.",
		}
	}
}

func (c *verifyCommand) verifyServer(ctx context.Context, p *process) (*persistence.Report, error) {
	server, err := c.connect(p, c.Target, c.User, 1)
	if err != nil {
		return nil, err
	}
	defer server.Close()
	body, err := server.Verify(ctx)
	if err != nil {
		return nil, err
	}
	report := new(persistence.Report)
	if err := json.Unmarshal(body, report); err != nil {
		return nil, fmt.Errorf("read the server's report: %w", err)
	}
	return report, nil
}

func (c *verifyCommand) verifyData(ctx context.Context, p *process) (*persistence.Report, error) {
	store, err := openPebble(ctx, pebblestore.Options{
		Dir: c.Data, MustExist: true, Logger: p.log.With("logger", "store"),
	})
	if err != nil {
		return nil, err
	}
	report, err := verifyStore(ctx, p, store)
	if err != nil && ctx.Err() == nil {
		return nil, &exitError{
			code: exitIO, err: fmt.Errorf("verify the store in %s: %w", c.Data, err),
			hint: "The store cannot be read. If the disk is well, restore the directory from a backup.",
		}
	}
	return report, err
}

// verifyDatabase proves the sums of a store that may be in use.
func (c *verifyCommand) verifyDatabase(ctx context.Context, p *process) (*persistence.Report, error) {
	options := pgstore.Options{URL: c.DatabaseURL, Logger: p.log.With("logger", "store")}
	store, err := openPostgres(ctx, options)
	if err != nil {
		return nil, err
	}
	report, err := verifyStore(ctx, p, store)
	if err != nil && ctx.Err() == nil {
		place, bad := pgstore.PlaceOf(c.DatabaseURL)
		return nil, errors.Join(databaseError(fmt.Errorf("verify the store: %w", err), place), bad)
	}
	return report, err
}

// verifyStore verifies a store and closes it.
func verifyStore(ctx context.Context, p *process, store persistence.Store) (report *persistence.Report, err error) {
	defer func() {
		if closed := store.Close(); closed != nil {
			err = errors.Join(err, closed)
		}
	}()
	bar := progress.Start(progress.Config{Out: p.stderr, Log: p.log, What: "verifying", Unit: "rows"})
	defer bar.Done()
	return store.Verify(ctx, func(rows int64) { bar.Set(rows, -1) })
}

func printReport(p *process, r *persistence.Report) {
	p.printf("checked %s products, %s orders, %s movements, %s events, %s keys: ", progress.Count(r.Products),
		progress.Count(r.Orders), progress.Count(r.Movements), progress.Count(r.Events), progress.Count(r.Keys))
	if r.OK() {
		p.printf("everything adds up\n")
		return
	}
	p.printf("%s faults\n", progress.Count(r.FaultsAll))
	for _, f := range r.Faults {
		p.printf("%s %s: %s\n", f.Kind, f.Entity, f.Detail)
	}
	if more := r.FaultsAll - int64(len(r.Faults)); more > 0 {
		p.printf("… and %s more\n", progress.Count(more))
	}
}
