package bench

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/shirou/gopsutil/v4/mem"

	"github.com/penstock-dev/penstock/internal/pgserver"
)

// dropTimeout bounds the removal of what a run made on a server that is not its own.
const dropTimeout = time.Minute

// postgres is the PostgreSQL that a run stands on: the one that was given, or one of its own. Each engine has a
// database of its own there.
type postgres struct {
	admin   string           // URL of a database that is always there
	own     *pgserver.Server // nil when it was given
	dir     string           // of the own one, when it is to be removed
	nonce   string
	process *database
	made    []string // names of databases that were made for the run
	filled  []string // URLs of databases that have been filled
}

// startPostgres finds the server of the run, or starts one.
func startPostgres(ctx context.Context, cfg *Config) (*postgres, error) {
	p := &postgres{admin: cfg.DatabaseURL, nonce: strconv.FormatInt(time.Now().UnixNano(), 36)}
	if cfg.DatabaseURL == "" {
		if err := p.start(ctx, cfg); err != nil {
			return nil, err
		}
	}
	err := withDatabase(ctx, p.admin, func(conn *pgx.Conn) (err error) {
		p.process, err = findDatabase(ctx, conn)
		return err
	})
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// start starts a server for the run, set up as docs/postgres.md advises.
func (p *postgres) start(ctx context.Context, cfg *Config) error {
	binaries, ok := pgserver.Look(ctx)
	if !ok {
		return errors.New("no database is given, and there is no PostgreSQL on this machine to start: " +
			"give --database-url, or install one (Debian: apt-get install postgresql)")
	}
	options := pgserver.Options{Binaries: binaries, Settings: serverSettings()}
	if cfg.Data != "" {
		dir, err := os.MkdirTemp(cfg.Data, "penstock-bench-postgres-*")
		if err != nil {
			return fmt.Errorf("make a folder for PostgreSQL: %w", err)
		}
		options.Dir, p.dir = dir, dir
	}
	cfg.Logger.Info("starting PostgreSQL", "shared_buffers", options.Settings["shared_buffers"])
	var err error
	if p.own, err = pgserver.Start(ctx, options); err != nil {
		return errors.Join(err, p.close())
	}
	p.admin = p.own.URL("postgres")
	return nil
}

// serverSettings are those that docs/postgres.md advises. What was stored before should fit into memory: a quarter
// of it, and 4 GB where half of it is as much. Huge pages are used where somebody has set enough of them aside, and
// the buffers are as large as these hold then, if that is 4 GB; it is on or off, so that the report can tell which.
func serverSettings() map[string]string {
	const gigabyte = 1 << 30
	buffers, huge := uint64(gigabyte), "off"
	if memory, err := mem.VirtualMemory(); err == nil {
		buffers = max(memory.Total/4, min(4*gigabyte, memory.Total/2))
		// A tenth is for what the server shares beside its buffers.
		if aside := memory.HugePagesFree * memory.HugePageSize / 10 * 9; aside >= min(buffers, 4*gigabyte) {
			buffers, huge = min(buffers, aside), "on"
		}
	}
	return map[string]string{
		"huge_pages":         huge,
		"shared_buffers":     strconv.FormatUint(buffers>>20, 10) + "MB",
		"max_wal_size":       "8GB",
		"checkpoint_timeout": "15min",
	}
}

// storeURL returns the URL of the database that Penstock stands on. On a server of the run's own it is made and
// gets its schema here.
func (p *postgres) storeURL(ctx context.Context, cfg *Config) (string, error) {
	if p.own == nil {
		p.filled = append(p.filled, cfg.DatabaseURL)
		return cfg.DatabaseURL, nil
	}
	store, err := p.create(ctx, "store", "")
	if err != nil {
		return "", err
	}
	return store, runTool(ctx, cfg, []string{"PENSTOCK_DATABASE_URL=" + store}, "migrate", "up")
}

// create makes a database for an engine, as a copy of another one that nobody uses, or empty. It returns its URL.
func (p *postgres) create(ctx context.Context, engine, template string) (string, error) {
	name := p.nameOf(engine)
	u, err := url.Parse(p.admin)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return "", errors.New("peers need databases of their own: give the database as a URL, like postgres://user@127.0.0.1/shop")
	}
	u.Path = "/" + name
	err = withDatabase(ctx, p.admin, func(conn *pgx.Conn) error {
		making := "CREATE DATABASE " + pgx.Identifier{name}.Sanitize() + " TEMPLATE "
		if template == "" {
			making += "template0"
		} else {
			making += pgx.Identifier{p.nameOf(template)}.Sanitize()
			// The other way, through the log, is for small ones.
			if version := conn.PgConn().ParameterStatus("server_version"); !strings.HasPrefix(version, "14") {
				making += " STRATEGY FILE_COPY"
			}
		}
		_, err := conn.Exec(ctx, making)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("make a database for %s (the role needs CREATEDB): %w", engine, err)
	}
	p.made = append(p.made, name)
	p.filled = append(p.filled, u.String())
	return u.String(), nil
}

func (p *postgres) nameOf(engine string) string { return "penstock_bench_" + engine + "_" + p.nonce }

// settle lets the server do beforehand what it would else do in the middle of a measurement: learn what lies in the
// tables, and write out what was filled in.
func (p *postgres) settle(ctx context.Context) error {
	for _, filled := range p.filled {
		err := withDatabase(ctx, filled, func(conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, "VACUUM (ANALYZE)")
			return err
		})
		if err != nil {
			return fmt.Errorf("settle the database: %w", err)
		}
	}
	return withDatabase(ctx, p.admin, func(conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, "CHECKPOINT"); err != nil && p.own != nil { // not every role may
			return fmt.Errorf("settle the database: %w", err)
		}
		return nil
	})
}

// settings returns the server's version and the settings that figures depend on.
func (p *postgres) settings(ctx context.Context) (map[string]string, error) {
	settings := make(map[string]string)
	err := withDatabase(ctx, p.admin, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, `SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY ($1)`, []string{
			"server_version", "shared_buffers", "max_wal_size", "checkpoint_timeout", "wal_compression", "wal_buffers", "fsync",
			"synchronous_commit", "full_page_writes", "wal_sync_method", "data_checksums", "max_connections", "autovacuum", "huge_pages",
			"commit_delay", "jit",
		})
		if err != nil {
			return err
		}
		var name, value string
		_, err = pgx.ForEachRow(rows, []any{&name, &value}, func() error {
			settings[name] = value
			return nil
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the database's settings: %w", err)
	}
	return settings, nil
}

// close ends a server of the run's own; on another one it drops what was made.
func (p *postgres) close() error {
	if p.own == nil && p.dir == "" {
		ctx, cancel := context.WithTimeout(context.Background(), dropTimeout)
		defer cancel()
		return withDatabase(ctx, p.admin, func(conn *pgx.Conn) error {
			for _, name := range p.made {
				if _, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)"); err != nil {
					return fmt.Errorf("drop the database %s: %w", name, err)
				}
			}
			return nil
		})
	}
	var errs []error
	if p.own != nil {
		errs = append(errs, p.own.Close())
	}
	if p.dir != "" {
		errs = append(errs, os.RemoveAll(p.dir))
	}
	return errors.Join(errs...)
}
