package torture_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/bench"
	"github.com/penstock-dev/penstock/internal/pgtest"
	"github.com/penstock-dev/penstock/internal/torture"
)

// writerName begins the application_name of the connection that writes.
const writerName = "penstock writer"

// breakable starts a PostgreSQL that is there to be broken, and makes a database in it.
func breakable(t *testing.T, options pgtest.Options) (server *pgtest.Server, url string) {
	t.Helper()
	server, err := pgtest.Start(t.Context(), options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	require.NoError(t, server.CreateDatabase(t.Context(), "shop"))
	require.NoError(t, migrate(t.Context(), server.URL("shop")))
	return server, server.URL("shop")
}

// cutter stands before a database and cuts connections.
func cutter(t *testing.T, url string) *pgtest.Proxy {
	t.Helper()
	proxy, err := pgtest.NewProxy(url)
	require.NoError(t, err)
	t.Cleanup(proxy.Close)
	return proxy
}

// backendKilled kills one of the processes that serve connections, whatever it is doing: PostgreSQL ends all
// others and recovers by itself.
func backendKilled(server *pgtest.Server) torture.Outage {
	return torture.Outage{
		Kind: "backend killed",
		Strike: func(ctx context.Context, rng *rand.Rand) error {
			_, err := server.KillBackend(ctx, func(all []pgtest.Backend) pgtest.Backend { return all[rng.IntN(len(all))] })
			return err
		},
		Mend: server.WaitReady,
	}
}

// postmasterKilled kills the parent of them all, and starts it again.
func postmasterKilled(server *pgtest.Server) torture.Outage {
	return torture.Outage{
		Kind:   "postmaster killed",
		Strike: func(ctx context.Context, _ *rand.Rand) error { return server.Kill(ctx) },
		Mend:   server.Restart,
	}
}

// commitCut cuts the writer's connection while it commits a batch.
func commitCut(proxy *pgtest.Proxy, mode pgtest.CutMode) torture.Outage {
	return torture.Outage{
		Kind: "cut " + mode.String(),
		Strike: func(ctx context.Context, rng *rand.Rand) error {
			select {
			case <-proxy.CutCommit(pgtest.Cut{Application: writerName, Mode: mode, Part: rng.Float64()}):
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		},
		Mend: func(context.Context) (time.Time, error) { return time.Now(), nil },
	}
}

// silence lets nothing through between server and database for a while: no connection is lost, no answer
// comes.
func silence(proxy *pgtest.Proxy) torture.Outage {
	return torture.Outage{
		Kind:   "network silent",
		Stands: true,
		Strike: func(context.Context, *rand.Rand) error {
			proxy.Pause()
			return nil
		},
		Mend: func(context.Context) (time.Time, error) {
			proxy.Resume()
			return time.Now(), nil
		},
	}
}

// diskFault lets a fault of the disk stand until requests have been turned away, and starts PostgreSQL again
// when it has ended over it.
func diskFault(server *pgtest.Server, fault pgtest.Fault, name string) torture.Outage {
	return torture.Outage{
		Kind:   name,
		Stands: true,
		Strike: func(context.Context, *rand.Rand) error { return server.SetFault(fault) },
		Mend: func(ctx context.Context) (time.Time, error) {
			if err := server.SetFault(pgtest.FaultNone); err != nil {
				return time.Time{}, err
			}
			ready, err := server.WaitReady(ctx)
			if err != nil { // it could not recover while the fault stood
				return server.Restart(ctx)
			}
			return ready, nil
		},
	}
}

// logFull fills the disk, and moves the write-ahead log on until it needs a new file: PostgreSQL panics, and
// cannot recover.
func logFull(server *pgtest.Server, url string) torture.Outage {
	outage := diskFault(server, pgtest.FaultFull, "disk full, log too")
	fill := outage.Strike
	outage.Strike = func(ctx context.Context, rng *rand.Rand) error {
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close(ctx) }() // PostgreSQL has closed it
		if err := fill(ctx, rng); err != nil {
			return err
		}
		for !conn.IsClosed() && ctx.Err() == nil {
			_, _ = conn.Exec(ctx, "SELECT pg_logical_emit_message(false, 'torture', 'x'), pg_switch_wal()") // ends by an error
		}
		return ctx.Err()
	}
	return outage
}

func times(n int, outage torture.Outage) []torture.Outage {
	all := make([]torture.Outage, n)
	for i := range all {
		all[i] = outage
	}
	return all
}

// survive runs a campaign of outages against a server on the database.
func survive(t *testing.T, server *torture.Server, campaign *torture.Outages) *torture.OutagesReport {
	t.Helper()
	campaign.Start, campaign.Seed, campaign.Log = server.Start, seed(t), t.Logf
	report, err := campaign.Run(t.Context())
	require.NoError(t, err, report)
	require.NoError(t, server.Verify(t.Context(), &report.Faults))
	t.Log(report)
	require.Zero(t, report.Faults.Total(), &report.Faults)
	require.Equal(t, len(campaign.Outages), report.Total())
	return report
}

// TestOutagesNotice proves that the campaign sees what it looks for, with outages that do nothing to a
// database.
func TestOutagesNotice(t *testing.T) {
	t.Parallel()
	binary := build(t, "")
	// campaign runs one outage; its strike is given the server's process.
	campaign := func(t *testing.T, strike func(*bench.Process), since time.Duration) *torture.Faults {
		server := onPebble.server(t, binary)
		var process *bench.Process
		campaign := &torture.Outages{Seed: seed(t), Orders: 50, Outages: []torture.Outage{{
			Strike: func(context.Context, *rand.Rand) error {
				strike(process)
				return nil
			},
			Mend: func(context.Context) (time.Time, error) { return time.Now().Add(-since), nil },
		}}}
		campaign.Start = func(ctx context.Context) (_ *bench.Process, err error) {
			process, err = server.Start(ctx)
			return process, err
		}
		report, err := campaign.Run(t.Context())
		require.NoError(t, err)
		return &report.Faults
	}
	nothing := func(*bench.Process) {}
	t.Run("nothing where there is nothing", func(t *testing.T) {
		t.Parallel()
		faults := campaign(t, nothing, 0)
		require.Zero(t, faults.Total(), faults)
	})
	t.Run("a first order that comes late", func(t *testing.T) {
		t.Parallel()
		faults := campaign(t, nothing, 3*time.Second)
		require.True(t, faults.Has(torture.FaultSlow), faults)
	})
	t.Run("a server that ends", func(t *testing.T) {
		t.Parallel()
		faults := campaign(t, (*bench.Process).Kill, 0)
		require.True(t, faults.Has(torture.FaultServer), faults)
	})
}

func TestDatabaseFailsBelowTheServer(t *testing.T) {
	t.Parallel()
	binary := build(t, "")
	t.Run("processes are killed and connections cut during a commit", func(t *testing.T) {
		t.Parallel()
		database, url := breakable(t, pgtest.Options{})
		proxy := cutter(t, url)
		var outages []torture.Outage
		outages = append(outages, times(size(t, "backends"), backendKilled(database))...)
		outages = append(outages, times(size(t, "postmasters"), postmasterKilled(database))...)
		for i := range size(t, "cuts") {
			outages = append(outages, commitCut(proxy, pgtest.CutMode(i%(int(pgtest.CutDuringAnswer)+1))))
		}
		outages = append(outages, times(size(t, "silences"), silence(proxy))...)
		server := &torture.Server{
			Binary: binary, Database: proxy.URL(), Flags: []string{"--engine-command-timeout", "2s"}, // so that silences need not be long, nor a busy machine be taken for one
		}
		report := survive(t, server, &torture.Outages{Outages: outages, Orders: size(t, "orders") / 3, AuditEvery: 5})
		if cuts := size(t, "cuts"); cuts >= 20 { // fewer say nothing
			require.Positive(t, report.Committed, "no cut fell between a commit and its answer")
			require.Less(t, report.Committed, report.Doubts, "no cut fell before a commit")
		}
	})
	t.Run("the disk is full or refuses to sync", func(t *testing.T) {
		t.Parallel()
		database, url := breakable(t, pgtest.Options{Faults: true, Settings: map[string]string{"min_wal_size": "32MB", "max_wal_size": "32MB"}})
		var outages []torture.Outage
		for range size(t, "disks") {
			outages = append(outages,
				diskFault(database, pgtest.FaultFullTables, "tables' disk full"),
				diskFault(database, pgtest.FaultFull, "disk full"),
				logFull(database, url),
				diskFault(database, pgtest.FaultSync, "fsync refused"))
		}
		survive(t, &torture.Server{Binary: binary, Database: url}, &torture.Outages{
			Outages: outages, Orders: size(t, "orders"),
		})
	})
}
