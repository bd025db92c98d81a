package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/pgstore"
)

// newDatabase returns the URL of a database that holds an empty store.
func newDatabase(t *testing.T) string {
	t.Helper()
	return postgres.From(t, "schema", func(ctx context.Context, url string) error {
		_, err := pgstore.Migrate(ctx, url)
		return err
	})
}

// execute runs a statement in a database.
func execute(t *testing.T, url, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.WithoutCancel(t.Context()))) }()
	_, err = conn.Exec(t.Context(), sql)
	require.NoError(t, err)
}

func TestServeOnPostgres(t *testing.T) {
	t.Parallel()
	url := postgres.Database(t)
	place, err := pgstore.PlaceOf(url)
	require.NoError(t, err)
	environ := []string{"PENSTOCK_DATABASE_URL=" + url}
	penstock := func(code int, args ...string) string {
		t.Helper()
		got, stdout, stderr := runCommand(t, environ, args...)
		require.Equal(t, code, got, stdout+stderr)
		return stdout + stderr
	}

	require.Contains(t, penstock(exitConfig, "serve", "--store", "postgres", "--listen", "127.0.0.1:0"),
		"As the tables' owner run: penstock migrate up --database-url "+quoted(url))
	require.Contains(t, penstock(exitFailed, "migrate", "status"), "the schema is at version 0")
	require.Contains(t, penstock(exitOK, "migrate", "up"), "took step 00001_books.sql\n")
	require.Contains(t, penstock(exitOK, "migrate", "up"), "; 0 steps were taken\n")
	require.Contains(t, penstock(exitOK, "migrate", "status"), "taken    00001_books.sql\n")

	s := startServer(t, t.TempDir(), "--store", "postgres", "--database-url", url, "--demo")
	status, answer := send(t, demoOrder(t, s))
	require.Equal(t, 201, status, answer)
	_, metrics := get(t, s.target+"/metrics")
	require.Contains(t, metrics, "penstock_store_")
	require.Contains(t, penstock(exitOK, "verify"), "checked 200 products, 1 orders")
	require.Contains(t, penstock(exitOK, "doctor"), "connected (writer 1)")

	require.Equal(t, exitOK, s.stop(t), s.logs.String())
	require.Contains(t, s.output.String(), "data       "+place.String()+" (postgres)\n")
	require.Contains(t, s.logs.String(), `"data":"`+place.String()+`"`)
}

func TestTheOlderServerEndsByItself(t *testing.T) {
	t.Parallel()
	url := newDatabase(t)
	older := startServer(t, t.TempDir(), "--store", "postgres", "--database-url", url)
	newer := startServer(t, t.TempDir(), "--store", "postgres", "--database-url", url)
	require.Equal(t, 503, makeProduct(t, older), "the first batch after the take-over")
	require.Equal(t, exitNotAllowed, <-older.ended, older.logs.String())
	older.ended <- exitNotAllowed
	require.Contains(t, older.logs.String(), "penstock: another penstock has taken over ")
	require.Contains(t, older.logs.String(), "Nothing that was acknowledged is lost, and nothing is sold twice.")
	require.Equal(t, 201, makeProduct(t, newer))
	require.Equal(t, exitOK, newer.stop(t))
}

// makeProduct asks a server to make a product, and returns the status of its answer.
func makeProduct(t *testing.T, s *testServer) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.target+"/api/v2/products",
		strings.NewReader(`{"name":"a lamp","price":5,"stock_quantity":3}`))
	require.NoError(t, err)
	request.Header.Set("X-User-ID", "merchant")
	request.Header.Set("Content-Type", "application/json")
	status, _ := send(t, request)
	return status
}

func TestAServerOnAnOlderStateEndsByItself(t *testing.T) {
	t.Parallel()
	url := newDatabase(t)
	s := startServer(t, t.TempDir(), "--store", "postgres", "--database-url", url)
	execute(t, url, `DELETE FROM writers`)
	require.Equal(t, 503, makeProduct(t, s))
	require.Equal(t, exitNotAllowed, <-s.ended, s.logs.String())
	s.ended <- exitNotAllowed
	require.Contains(t, s.logs.String(), " is in an older state than this server left it in")
	require.Contains(t, s.logs.String(), "Compare payments and parcels with the orders")
	require.NotContains(t, s.logs.String(), "another penstock has taken over")
}

// TestDatabasesThatCannotBeUsed says of every command what it ends with, and what it advises.
func TestDatabasesThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := free.Addr().String()
	require.NoError(t, free.Close())
	empty := postgres.Database(t)
	place, err := pgstore.PlaceOf(empty)
	require.NoError(t, err)
	with := func(from, to string) string { return strings.Replace(empty, from, to, 1) }
	newer, half := newDatabase(t), newDatabase(t)
	execute(t, newer, `INSERT INTO penstock_schema (version_id, is_applied) VALUES (1000, true)`)
	execute(t, half, `INSERT INTO copies (source, writer) VALUES ('a shop', 1)`)
	withPassword := func(url string) string { return strings.Replace(url, "@", ":s3cr3t@", 1) }
	tests := map[string]struct {
		url  string
		code int
		want string
	}{
		"nobody answers":         {"postgres://ann@" + nobody + "/shop?sslmode=disable", exitUnavailable, "Is the database's server running"},
		"there is no such role":  {empty + "&user=nobody_at_all", exitNotAllowed, "Look at the role and its password"},
		"there is no database":   {with("/"+place.Database, "/nowhere"), exitNoInput, "Make it: createdb -h "},
		"a parameter is none":    {empty + "&colour=red", exitConfig, `unrecognized configuration parameter "colour"`},
		"a value is none":        {with("sslmode=disable", "sslmode=never"), exitConfig, "sslmode"},
		"the schema is missing":  {empty, exitConfig, "As the tables' owner run: "},
		"the schema is newer":    {newer, exitConfig, "Run the newer penstock that made it"},
		"nothing can be written": {newDatabase(t) + "&default_transaction_read_only=on", exitConfig, "look at default_transaction_read_only"},
		"the server has no TLS":  {with("sslmode=disable", "sslmode=require"), exitConfig, "Look at sslmode"},
		"no host is a standby":   {empty + "&target_session_attrs=standby", exitConfig, "target_session_attrs=read-write"},
		"an @ is not quoted":     {"postgres://ann:s3cr3t@hidden@127.0.0.1/shop", exitConfig, "as %40"},
		"it is for Java":         {"jdbc:postgresql://127.0.0.1/shop?user=ann&password=s3cr3t", exitConfig, "looks like postgres://user@host"},
		"a copy is unfinished":   {half, exitConfig, "goes on where it ended"},
	}
	for claim, tt := range tests {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			environ := []string{"PENSTOCK_DATABASE_URL=" + withPassword(tt.url), "PENSTOCK_STORE=postgres"}
			code, stdout, stderr := runCommand(t, environ, "serve", "--listen", "127.0.0.1:0")
			require.Equal(t, tt.code, code, stderr)
			require.Contains(t, stderr, tt.want)
			require.NotContains(t, stdout, "listening")
			all := stdout + stderr
			for _, args := range [][]string{
				{"verify"},
				{"doctor"},
				{"doctor", "--json"},
				{"migrate", "status"},
				{"migrate", "status", "--json"},
				{"copy", "--from", "pebble:" + t.TempDir(), "--to", "postgres:"},
				{"verify", "--database-url", withPassword(tt.url), "--nonsense"},
				{"doctor", withPassword(tt.url)},
			} {
				_, stdout, stderr := runCommand(t, environ, args...)
				all += stdout + stderr
			}
			require.NotContains(t, all, "s3cr3t")
		})
	}
}

func TestACommandThatNeedsADatabaseSaysSo(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"doctor"}, {"migrate", "up"}, {"migrate", "status"}, {"copy", "--from", "pebble:x", "--to", "postgres:"}, {"verify", "--database-url", ""}} {
		code, _, stderr := runCommand(t, nil, args...)
		require.Equal(t, exitUsage, code)
		require.Contains(t, stderr, "--database-url=URL")
	}
}

func TestMigrateRefusesANewerSchema(t *testing.T) {
	t.Parallel()
	url := newDatabase(t)
	execute(t, url, `INSERT INTO penstock_schema (version_id, is_applied) VALUES (1000, true)`)
	for _, command := range []string{"up", "status"} {
		code, _, stderr := runCommand(t, nil, "migrate", command, "--database-url", url)
		require.Equal(t, exitConfig, code)
		require.Contains(t, stderr, "at version 1000, which is newer than this program")
		require.Contains(t, stderr, "Run the newer penstock that made it")
	}
}

func TestTheDoctorAdvisesAsTheOtherCommandsDo(t *testing.T) {
	t.Parallel()
	place, err := pgstore.PlaceOf(postgres.Database(t))
	require.NoError(t, err)
	code, stdout, _ := runCommand(t, nil, "doctor", "--database-url", strings.Replace(place.URL, "/"+place.Database, "/nowhere", 1))
	require.Equal(t, exitFailed, code)
	require.Contains(t, stdout, "→ Make it: createdb -h ")
}

func TestAnOlderStateIsNotATakeOver(t *testing.T) {
	t.Parallel()
	n := &node{command: &serveCommand{storeFlags: storeFlags{Data: "shop"}}}
	code, hint := judge(n.judge(fmt.Errorf("%w: %w", persistence.ErrFenced, pgstore.ErrOlderState)))
	require.Equal(t, exitNotAllowed, code)
	require.Contains(t, hint, "Compare payments and parcels")
	code, hint = judge(n.judge(persistence.ErrFenced))
	require.Equal(t, exitNotAllowed, code)
	require.Contains(t, hint, "Nothing that was acknowledged is lost")
}

func TestDoctorForScripts(t *testing.T) {
	t.Parallel()
	var found examined
	code, stdout, stderr := runCommand(t, nil, "doctor", "--json", "--database-url", newDatabase(t))
	require.Equal(t, exitOK, code, stderr)
	require.NoError(t, json.Unmarshal([]byte(stdout), &found))
	require.True(t, found.OK)
	require.Greater(t, len(found.Checks), 20)

	code, stdout, _ = runCommand(t, nil, "doctor", "--json", "--database-url", postgres.Database(t))
	require.Equal(t, exitFailed, code)
	require.Contains(t, stdout, `{"ok":false,"database":"`)
	require.Contains(t, stdout, `"verdict":"problem"`)
}

func TestMigrationsForScripts(t *testing.T) {
	t.Parallel()
	var status migrationStatus
	code, stdout, stderr := runCommand(t, nil, "migrate", "status", "--json", "--database-url", newDatabase(t))
	require.Equal(t, exitOK, code, stderr)
	require.NoError(t, json.Unmarshal([]byte(stdout), &status))
	require.Equal(t, status.Want, status.Version)
	require.Len(t, status.Steps, int(status.Want))
}

// processOf starts penstock as a process of its own.
func processOf(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	command := exec.CommandContext(t.Context(), self, args...)
	command.Env = append(os.Environ(), asCommand+"=1")
	return command
}
