package pgstore

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// connected opens a connection of its own.
func connected(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close(context.WithoutCancel(t.Context()))) })
	return conn
}

func TestTheDoctorNamesWhoBlocks(t *testing.T) {
	t.Parallel()
	for application, want := range map[string]Verdict{"penstock writer 1": VerdictProblem, "report": VerdictWarning} {
		t.Run(application, func(t *testing.T) {
			t.Parallel()
			url := newDatabase(t)
			holder, waiter := connected(t, url+"&application_name=somebody"), connected(t, url)
			_, err := waiter.Exec(t.Context(), `SELECT set_config('application_name', $1, false)`, application)
			require.NoError(t, err)
			_, err = holder.Exec(t.Context(), `BEGIN; LOCK TABLE copies,   stock`)
			require.NoError(t, err)
			waited := make(chan error, 1)
			go func() {
				_, err := waiter.Exec(t.Context(), `DELETE FROM stock`)
				waited <- err
			}()
			x := &examiner{conn: connected(t, url)}
			for found := 0; found == 0; {
				blockers, err := x.readBlockers(t.Context())
				require.NoError(t, err)
				found = len(blockers)
			}
			report, err := Examine(t.Context(), Options{URL: url})
			require.NoError(t, err)
			locks := check(t, report, "locks")
			require.Equal(t, want, locks.Verdict)
			require.Regexp(t, `"somebody", idle in transaction, transaction open for \d+s\) holds a lock that 1 wait for; its last query: BEGIN; LOCK TABLE copies, stock$`, locks.Found)
			require.Contains(t, check(t, report, "copy").Advice, "see the check of locks")
			require.Equal(t, VerdictOK, check(t, report, "writers").Verdict, "what is not locked is looked at")
			_, err = holder.Exec(t.Context(), `ROLLBACK`)
			require.NoError(t, err)
			require.NoError(t, <-waited)
		})
	}
}

func TestTheDoctorSaysWhatToGrantBeforeThereIsASchema(t *testing.T) {
	t.Parallel()
	url := shared.Database(t)
	execute(t, url, `REVOKE CREATE ON SCHEMA public FROM PUBLIC`)
	schema := check(t, examine(t, url+"&role=pg_monitor"), "schema")
	require.Equal(t, VerdictProblem, schema.Verdict)
	require.Contains(t, schema.Found, "pg_monitor may not make tables in the schema public")
	require.Contains(t, schema.Advice, "GRANT CREATE ON SCHEMA public TO pg_monitor")
	require.Contains(t, check(t, examine(t, url+"&search_path=nope"), "schema").Found, "no schema of the search_path (nope) exists")
}
