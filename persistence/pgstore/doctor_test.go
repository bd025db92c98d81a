package pgstore

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/pgtest"
	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/storetest"
)

func examine(t *testing.T, url string) *Examination {
	t.Helper()
	found, err := Examine(t.Context(), Options{URL: url, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	for _, check := range found.Checks {
		require.NotEmpty(t, check.Name)
		require.NotEmpty(t, check.Found, check.Name)
		require.NotContains(t, check.Found, "could not be looked at", check.Name)
		if check.Verdict != VerdictOK {
			require.NotEmpty(t, check.Advice, check.Name)
		}
	}
	return found
}

// check returns what a check found.
func check(t *testing.T, e *Examination, name string) Check {
	t.Helper()
	for _, c := range e.Checks {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("there is no check %q", name)
	return Check{}
}

func TestAHealthyDatabaseHasNoProblem(t *testing.T) {
	t.Parallel()
	url := newDatabase(t)
	store := openStore(t, url)
	_, err := store.OpenWriter(t.Context())
	require.NoError(t, err)
	found := examine(t, url)
	for _, c := range found.Checks {
		require.NotEqual(t, VerdictProblem, c.Verdict, "%+v", c)
	}
	require.Zero(t, found.Count(VerdictProblem))
	require.Contains(t, check(t, found, "writers").Found, fmt.Sprintf("process %d, since ", os.Getpid()))
	require.Contains(t, check(t, found, "writers").Found, "0 batches, connected (writer 1)")
	require.Contains(t, check(t, found, "months ahead").Found, "of 3 to come")
	require.Contains(t, check(t, found, "commit").Found, "durable after")
	require.NotContains(t, found.Database, "@")
}

func TestTheDoctorFindsWhatIsWrongWithADatabase(t *testing.T) {
	t.Parallel()
	month := time.Now().UTC().Format("2006_01")
	tests := map[string]struct {
		do      string // %s is the database
		check   string
		verdict Verdict
		found   string
	}{
		"an older schema":         {`DELETE FROM penstock_schema WHERE version_id > 1`, "schema", VerdictProblem, "at version 1"},
		"a newer schema":          {`INSERT INTO penstock_schema (version_id, is_applied) VALUES (1000, true)`, "schema", VerdictProblem, "newer than this program"},
		"an unfinished copy":      {`INSERT INTO copies (source, writer) VALUES ('a shop', 1)`, "copy", VerdictProblem, "unfinished copy of a shop"},
		"a finished copy":         {`INSERT INTO copies (source, writer, finished_at) VALUES ('a shop', 1, now())`, "copy", VerdictOK, "copied from a shop"},
		"this month is missing":   {`DROP TABLE orders_` + month, "months ahead", VerdictWarning, "this month has no partition"},
		"rows nowhere else":       {`INSERT INTO order_events VALUES (gen_random_uuid(), 1, 1, now(), '', NULL, 1, 1)`, "default partitions", VerdictWarning, "1 rows in order_events_default"},
		"read-only":               {`ALTER DATABASE %s SET default_transaction_read_only = on`, "primary", VerdictProblem, "read-only"},
		"sessions that are cut":   {`ALTER DATABASE %s SET idle_session_timeout = '10min'`, "timeouts", VerdictWarning, "idle_session_timeout is 10m0s"},
		"statements that are cut": {`ALTER DATABASE %s SET statement_timeout = '5s'`, "timeouts", VerdictWarning, "statement_timeout is 5s"},
		"commits that are not":    {`ALTER DATABASE %s SET synchronous_commit = off`, "synchronous_commit", VerdictOK, "Penstock's own sessions set it to on"},
		"no vacuum, no statistic": {`ALTER DATABASE %s SET track_counts = off`, "autovacuum", VerdictProblem, "off"},
	}
	for claim, tt := range tests {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			url := newDatabase(t)
			place, err := PlaceOf(url)
			require.NoError(t, err)
			execute(t, url, strings.ReplaceAll(tt.do, "%s", place.Database))
			c := check(t, examine(t, url), tt.check)
			require.Equal(t, tt.verdict, c.Verdict)
			require.Contains(t, c.Found, tt.found)
		})
	}
}

func TestTheDoctorLooksAtADatabaseWithoutSchema(t *testing.T) {
	t.Parallel()
	found := examine(t, shared.Database(t))
	require.Equal(t, 1, found.Count(VerdictProblem))
	require.Contains(t, check(t, found, "schema").Advice, "penstock migrate up")
}

func TestTheDoctorRefusesAnEncoding(t *testing.T) {
	t.Parallel()
	url := shared.Database(t)
	execute(t, url, `CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`)
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		require.NoError(t, withConn(ctx, url, func(conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, `DROP DATABASE latin`)
			return err
		}))
	})
	require.Equal(t, VerdictProblem, check(t, examine(t, another(t, url, "latin")), "encoding").Verdict)
	_, err := Migrate(t.Context(), another(t, url, "latin"))
	require.ErrorIs(t, err, ErrUnsuitable)
	_, err = Open(t.Context(), Options{URL: another(t, url, "latin")})
	require.ErrorIs(t, err, ErrUnsuitable)
	require.ErrorContains(t, err, "encoding is LATIN1")
}

func TestTheDoctorFindsWhatIsWrongWithAServer(t *testing.T) {
	t.Parallel()
	server, err := pgtest.Start(t.Context(), pgtest.Options{Settings: map[string]string{
		"fsync": "off", "full_page_writes": "off", "autovacuum": "off", "synchronous_standby_names": "ghost",
		"max_connections": "20", "max_wal_senders": "2", "max_wal_size": "64MB", "shared_buffers": "1MB",
	}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	url := server.URL("postgres")
	execute(t, url, `SET synchronous_commit = local; SELECT pg_create_physical_replication_slot('forgotten', true)`)
	found := examine(t, url)
	for name, verdict := range map[string]Verdict{
		"fsync": VerdictProblem, "full_page_writes": VerdictProblem, "autovacuum": VerdictProblem, "standbys": VerdictProblem,
		"commit": VerdictProblem, "connections": VerdictWarning, "replication slots": VerdictWarning,
		"max_wal_size": VerdictWarning, "shared_buffers": VerdictWarning, "checkpoint_timeout": VerdictWarning,
	} {
		require.Equal(t, verdict, check(t, found, name).Verdict, "%+v", check(t, found, name))
	}
	require.Contains(t, check(t, found, "commit").Found, "not answered within")

	require.NoError(t, server.StopFast(t.Context()))
	require.NoError(t, os.WriteFile(filepath.Join(server.Data(), "standby.signal"), nil, 0o644)) //nolint:gosec // postgres reads it
	_, err = server.Restart(t.Context())
	require.NoError(t, err)
	found = examine(t, url)
	require.Equal(t, VerdictProblem, check(t, found, "primary").Verdict)
	require.Contains(t, check(t, found, "primary").Found, "standby")
	_, err = Open(t.Context(), Options{URL: url})
	require.ErrorIs(t, err, ErrUnsuitable)

	require.NoError(t, server.StopFast(t.Context()))
	found, err = Examine(t.Context(), Options{URL: url})
	require.NoError(t, err)
	require.Len(t, found.Checks, 1)
	require.Equal(t, VerdictProblem, check(t, found, "connection").Verdict)
}

func TestTheDoctorSeesAPooler(t *testing.T) {
	t.Parallel()
	found, err := Examine(t.Context(), Options{URL: startLender(t, new(lender), 3)})
	require.NoError(t, err)
	require.Equal(t, VerdictProblem, check(t, found, "pooler").Verdict)
}

func TestAWrongURLIsNotExamined(t *testing.T) {
	t.Parallel()
	_, err := Examine(t.Context(), Options{URL: "postgres://ann:secret@db/shop?sslmode=never"})
	require.Equal(t, BadURL, ObstacleOf(err))
	require.NotContains(t, err.Error(), "secret")
	_, err = Examine(t.Context(), Options{})
	require.ErrorContains(t, err, "no database is given")
}

func TestJudgements(t *testing.T) {
	t.Parallel()
	for skew, want := range map[time.Duration]Verdict{
		0: VerdictOK, 999 * time.Millisecond: VerdictOK, time.Second: VerdictWarning, -2 * time.Second: VerdictWarning,
		30 * time.Second: VerdictProblem, -time.Hour: VerdictProblem,
	} {
		require.Equal(t, want, judgeSkew(skew).Verdict, "%s", skew)
	}
	require.Contains(t, judgeSkew(-time.Minute).Found, "1m0s behind")
	require.Equal(t, VerdictOK, judgeTransactions(openTransactions{oldest: time.Minute}).Verdict)
	require.Contains(t, judgeTransactions(openTransactions{}).Found, "pg_read_all_stats")
	require.Contains(t, judgeTransactions(openTransactions{oldest: time.Hour, pid: 7, application: "psql"}).Found, "process 7 (psql) has had a transaction open for 1h0m0s")
	require.Contains(t, judgeTransactions(openTransactions{prepared: time.Hour}).Found, "prepared transaction is 1h0m0s old")
	require.Equal(t, "1.5 GiB", size(3<<29))
	require.Equal(t, "1000 bytes", size(1000))
}

func TestTheDoctorLooksForHugePages(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		settings settings
		want     Verdict
		says     string
	}{
		"small buffers need none":   {settings{"shared_buffers": {"16384", "8kB"}, "huge_pages": {text: "try"}}, VerdictOK, "128 MiB need none"},
		"asked for, so it has them": {settings{"shared_buffers": {"524288", "8kB"}, "huge_pages": {text: "on"}}, VerdictOK, "on"},
		"tried, and got them": {
			settings{"shared_buffers": {"524288", "8kB"}, "huge_pages": {text: "try"}, "huge_pages_status": {text: "on"}}, VerdictOK, "on",
		},
		"tried, and got none": {
			settings{"shared_buffers": {"524288", "8kB"}, "huge_pages": {text: "try"}, "huge_pages_status": {text: "off"}}, VerdictWarning, "has none",
		},
		"tried, before it could be told": {
			settings{"shared_buffers": {"524288", "8kB"}, "huge_pages": {text: "try"}, "shared_memory_size_in_huge_pages": {text: "2205"}},
			VerdictWarning, "vm.nr_hugepages to 2205",
		},
		"off": {settings{"shared_buffers": {"524288", "8kB"}, "huge_pages": {text: "off"}}, VerdictWarning, "off: the server has none"},
	} {
		check, err := (&examiner{settings: c.settings}).lookHugePages(t.Context())
		require.NoError(t, err)
		require.Equal(t, c.want, check.Verdict, name)
		require.Contains(t, check.Found+" "+check.Advice, c.says, name)
	}
}

// TestTheLeastPrivilegesAreEnough serves with a role that may do what the doctor asks for, and nothing else.
func TestTheLeastPrivilegesAreEnough(t *testing.T) {
	t.Parallel()
	url := newDatabase(t)
	place, err := PlaceOf(url)
	require.NoError(t, err)
	role := "app_of_" + place.Database
	execute(t, url, "CREATE ROLE "+role)
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		require.NoError(t, withConn(ctx, url, func(conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, "DROP OWNED BY "+role+"; DROP ROLE "+role)
			return err
		}))
	})
	as := url + "&role=" + role
	found := examine(t, as)
	require.Equal(t, VerdictProblem, check(t, found, "schema").Verdict, "not even the version may be read: %+v", check(t, found, "schema"))
	for table, privileges := range usedTables() {
		execute(t, url, fmt.Sprintf("GRANT %s ON %s TO %s", privileges, table, role))
	}
	found = examine(t, as)
	require.Zero(t, found.Count(VerdictProblem), "%+v", found)
	require.Equal(t, VerdictWarning, check(t, found, "ownership").Verdict)
	tradeAs(t, as)
	execute(t, url, "REVOKE UPDATE ON stock FROM "+role)
	require.Contains(t, check(t, examine(t, as), "privileges").Found, "UPDATE on stock")
}

// tradeAs does what a server does: the fast way and the careful way, transitions, keys, reads and purges.
func tradeAs(t *testing.T, url string) {
	t.Helper()
	store := openStore(t, url)
	writer, err := store.OpenWriter(t.Context())
	require.NoError(t, err)
	w := storetest.NewWorkload(1)
	w.Epoch = writer.Epoch()
	var res persistence.Result
	commit := func(entries ...*commerce.Entry) {
		require.NoError(t, writer.Commit(t.Context(), w.Batch(writer.NextSeq(), entries...), &res))
	}
	product := w.Product("SKU", 10)
	commit(product)
	line := storetest.Line{Product: product.Product.Row, Quantity: 1}
	order := w.Order("ann", "key", line)
	commit(order)
	commit(w.Order("ann", "key", line), w.Transition(order.Order.Row, commerce.StatusPaid, "pay"), w.Adjust(product.Product.Row.ID, 1, "adjust"))
	require.Equal(t, commerce.Replay, res.Outcomes[0].Kind)
	require.Equal(t, commerce.Applied, res.Outcomes[2].Kind)
	report, err := store.Verify(t.Context(), nil)
	require.NoError(t, err)
	require.True(t, report.OK())
	require.NoError(t, withConn(t.Context(), url, func(conn *pgx.Conn) error { return store.keep.purgeKeys(t.Context(), conn) }))
}
