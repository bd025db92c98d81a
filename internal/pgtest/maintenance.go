package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ownName is the application_name of connections of this package.
const ownName = "pgtest"

// dialPatience bounds one try to connect.
const dialPatience = 5 * time.Second

// maintenance makes and drops the databases of one server.
type maintenance struct {
	url string // of a database that is always there
}

func (m *maintenance) connect(ctx context.Context) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(m.url)
	if err != nil {
		return nil, err
	}
	config.ConnectTimeout = dialPatience
	config.RuntimeParams["application_name"] = ownName
	return pgx.ConnectConfig(ctx, config)
}

// CreateDatabase makes an empty database.
func (m *maintenance) CreateDatabase(ctx context.Context, name string) error {
	// Of template0, to which nobody can be connected: a template in use cannot be copied.
	if err := m.run(ctx, "CREATE DATABASE "+quoted(name)+" TEMPLATE template0"); err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	return nil
}

// CloneDatabase makes a database that is a copy of another, which must not be in use: FreezeDatabase
// sees to that.
func (m *maintenance) CloneDatabase(ctx context.Context, name, template string) error {
	if err := m.run(ctx, "CREATE DATABASE "+quoted(name)+" TEMPLATE "+quoted(template)); err != nil {
		return fmt.Errorf("clone database %s as %s: %w", template, name, err)
	}
	return nil
}

// FreezeDatabase ends a database's sessions and lets nobody connect to it again.
func (m *maintenance) FreezeDatabase(ctx context.Context, name string) error {
	err := m.run(ctx, "ALTER DATABASE "+quoted(name)+" ALLOW_CONNECTIONS false",
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "+literal(name))
	if err != nil {
		return fmt.Errorf("freeze database %s: %w", name, err)
	}
	return nil
}

// DropDatabase removes a database, if there is one of that name, and ends its sessions.
func (m *maintenance) DropDatabase(ctx context.Context, name string) error {
	if err := m.run(ctx, "DROP DATABASE IF EXISTS "+quoted(name)+" WITH (FORCE)"); err != nil {
		return fmt.Errorf("drop database %s: %w", name, err)
	}
	return nil
}

// run executes statements, each in a transaction of its own.
func (m *maintenance) run(ctx context.Context, statements ...string) error {
	conn, err := m.connect(ctx)
	if err != nil {
		return err
	}
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return errors.Join(explained(err), conn.Close(ctx))
		}
	}
	return conn.Close(ctx)
}

// explained says what to do about an error, when that is known.
func explained(err error) error {
	const insufficientPrivilege = "42501"
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == insufficientPrivilege {
		return fmt.Errorf("%w; the role of %s needs the right to create databases: ALTER ROLE … CREATEDB", err, DatabaseVariable)
	}
	return err
}

// database returns the URL of another database of the same server.
func (m *maintenance) database(name string) (string, error) {
	u, err := url.Parse(m.url)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		return "", fmt.Errorf("%s must be a URL: postgres://user:password@host:port/database", DatabaseVariable)
	}
	u.Path = "/" + name
	return u.String(), nil
}

// newName returns a name that no database has.
func newName() string { return "penstock_test_" + strings.ToLower(rand.Text()[:16]) }

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }

func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
