package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/pebblestore"
	"github.com/penstock-dev/penstock/persistence/pgstore"
)

// record appends n records to a store's audit log and closes the store.
func record(t *testing.T, store persistence.Store, n int) {
	t.Helper()
	for i := range n {
		require.NoError(t, store.RecordAudit(t.Context(), &commerce.AuditRecord{
			At: time.Date(2026, 7, 14, 9, 0, i, 0, time.UTC), Actor: "ann", Action: commerce.AuditOrdersExported,
			After: fmt.Sprintf(`{"rows":%d}`, i), Correlation: "request-1",
		}))
	}
	require.NoError(t, store.Close())
}

// headOf finds the head that a verification printed.
func headOf(t *testing.T, printed string) string {
	t.Helper()
	head := regexp.MustCompile(`\bhead (\d+:[0-9a-f]{64})\n`).FindStringSubmatch(printed)
	require.NotNil(t, head, printed)
	return head[1]
}

func TestAudit_OfADirectory(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	open := func() persistence.Store {
		store, err := pebblestore.Open(t.Context(), pebblestore.Options{Dir: data, Logger: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		return store
	}
	record(t, open(), 3)
	penstock := func(code int, args ...string) string {
		t.Helper()
		got, stdout, stderr := runCommand(t, []string{"PENSTOCK_DATA=" + data}, append([]string{"audit"}, args...)...)
		require.Equal(t, code, got, stdout+stderr)
		return stdout + stderr
	}
	first := penstock(exitOK, "verify")
	require.Contains(t, first, "checked 3 records: the chain holds\nhead 3:")
	head := headOf(t, first)

	lines := strings.Split(strings.TrimSpace(penstock(exitOK, "list", "--after", "1")), "\n")
	require.Equal(t, []string{
		`2 2026-07-14T09:00:01Z ann orders.exported - request-1 → {"rows":1}`,
		`3 2026-07-14T09:00:02Z ann orders.exported - request-1 → {"rows":2}`,
	}, lines)
	var listed struct {
		Seq  int    `json:"seq"`
		Hash string `json:"hash"`
	}
	require.NoError(t, json.Unmarshal([]byte(penstock(exitOK, "list", "--after", "2", "--json")), &listed))
	require.Equal(t, head, fmt.Sprintf("%d:%s", listed.Seq, listed.Hash))

	record(t, open(), 2)
	require.Contains(t, penstock(exitOK, "verify", "--head", head), "checked 5 records", "the log has grown since")
	require.Contains(t, penstock(exitFailed, "verify", "--head", "9"+head[1:]), "record 6: is missing: it once reached record 9\n5 records before it hold\n")
	other := strings.Replace(head, head[len(head)-4:], "0000", 1)
	require.Contains(t, penstock(exitFailed, "verify", "--head", other), "record 3: has another hash than it once had")
	require.Contains(t, penstock(exitUsage, "verify", "--head", "3"), "is not the head of an audit log")
}

func TestAudit_OfADatabaseInUse(t *testing.T) {
	t.Parallel()
	url := newDatabase(t)
	open := func() persistence.Store {
		store, err := pgstore.Open(t.Context(), pgstore.Options{URL: url, Logger: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		return store
	}
	using := open()
	writer, err := using.OpenWriter(t.Context())
	require.NoError(t, err)
	record(t, open(), 4)
	penstock := func(code int, args ...string) string {
		t.Helper()
		got, stdout, stderr := runCommand(t, []string{"PENSTOCK_DATABASE_URL=" + url}, append([]string{"audit"}, args...)...)
		require.Equal(t, code, got, stdout+stderr)
		return stdout + stderr
	}
	require.Contains(t, penstock(exitOK, "verify"), "checked 4 records: the chain holds\n")
	require.Contains(t, penstock(exitOK, "list"), "1 2026-07-14T09:00:00Z ann")
	var res persistence.Result
	require.NoError(t, writer.Commit(t.Context(), &persistence.Batch{Seq: writer.NextSeq(), ID: [16]byte{1}, At: time.Now()}, &res),
		"whoever writes there still does")
	require.NoError(t, using.Close())

	execute(t, url, `SET session_replication_role = replica; UPDATE audit_log SET actor = 'nobody' WHERE seq = 3`)
	require.Contains(t, penstock(exitFailed, "verify"), "record 3: was changed: its hash is not that of what it says\n2 records before it hold\nhead 2:")
	var result auditVerified
	require.NoError(t, json.Unmarshal([]byte(penstock(exitFailed, "verify", "--json")), &result))
	require.False(t, result.OK)
	require.EqualValues(t, 2, result.Records)
	require.EqualValues(t, 3, result.Fault.Seq)
}

func TestAudit_OfAServer(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir(), "--demo")
	<-s.demoShown
	penstock := func(code int, args ...string) string {
		t.Helper()
		got, stdout, stderr := runCommand(t, []string{"PENSTOCK_TARGET=" + s.target}, append([]string{"audit"}, args...)...)
		require.Equal(t, code, got, stdout+stderr)
		return stdout + stderr
	}
	first := penstock(exitOK, "verify")
	require.Contains(t, first, ": the chain holds\n")
	require.Contains(t, penstock(exitOK, "verify", "--head", headOf(t, first)), ": the chain holds\n")
	require.Contains(t, penstock(exitOK, "list"), "product.created")
}
