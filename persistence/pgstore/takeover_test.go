package pgstore

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/pgtest"
	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/storetest"
)

// shopOn opens a store with a writer on a server of its own, whose settings are not those of the others.
func shopOn(t *testing.T, settings map[string]string, opts Options) *shop {
	t.Helper()
	server, err := pgtest.Start(t.Context(), pgtest.Options{Settings: settings})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	opts.URL, opts.Logger = server.URL("postgres"), slog.New(slog.DiscardHandler)
	require.NoError(t, migrate(t.Context(), opts.URL))
	store, err := Open(t.Context(), opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	s := &shop{T: t, url: opts.URL, store: store, w: storetest.NewWorkload(1)}
	s.open()
	return s
}

func TestARetryIsNotAnsweredBeforeTheStandbyHasIt(t *testing.T) {
	t.Parallel()
	s := shopOn(t, nil, Options{AttemptTimeout: time.Second})
	p := s.product(1000)
	admin := connect(t, s.url)
	_, err := admin.Exec(t.Context(), `ALTER SYSTEM SET synchronous_standby_names = 'nobody'`)
	require.NoError(t, err)
	_, err = admin.Exec(t.Context(), `SELECT pg_reload_conf()`)
	require.NoError(t, err)
	waiting := func() bool {
		n := execute(t, s.url, `SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep'`)
		return n > 0
	}

	orders := int64(0)
	var batch *persistence.Batch
	for err = nil; err == nil; orders++ { // until the server has taken notice
		batch = s.w.Batch(s.writer.NextSeq(), s.w.Order("ann", fmt.Sprint(orders), storetest.Line{Product: p, Quantity: 1}))
		err = s.writer.Commit(t.Context(), batch, &s.res)
	}
	require.ErrorIs(t, err, persistence.ErrUnknown, "no standby has taken it")
	require.Eventually(t, waiting, 10*time.Second, time.Millisecond)
	// The first attempt ends, so that its rows can be seen, though no standby has them.
	execute(t, s.url, `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE wait_event = 'SyncRep'`)
	require.ErrorIs(t, s.writer.Commit(t.Context(), batch, &s.res), persistence.ErrUnknown, "still none has")

	_, err = admin.Exec(t.Context(), `ALTER SYSTEM RESET synchronous_standby_names`)
	require.NoError(t, err)
	_, err = admin.Exec(t.Context(), `SELECT pg_reload_conf()`)
	require.NoError(t, err)
	require.NoError(t, s.writer.Commit(t.Context(), batch, &s.res))
	require.Equal(t, orders, s.verify().Orders)
}

func TestAnErrorAfterTheCommitIsNoRefusal(t *testing.T) {
	t.Parallel()
	// A commit that takes long can be cancelled when it is done: the server then complains of the cancelling.
	s := shopOn(t, map[string]string{"commit_delay": "50000", "commit_siblings": "0", "log_min_duration_statement": "0"}, Options{})
	p := s.product(1000)
	admin := connect(t, s.url)
	for i := range 10 {
		batch := s.w.Batch(s.writer.NextSeq(), s.w.Order("ann", fmt.Sprint(i), storetest.Line{Product: p, Quantity: 1}),
			s.w.Order("ben", fmt.Sprint(i), storetest.Line{Product: p, Quantity: 10_000})) // refused: the careful way
		done := make(chan error, 1)
		pid := s.writer.conn.PgConn().PID()
		go func() { done <- s.writer.Commit(t.Context(), batch, &s.res) }()
		var err error
		for running := true; running; {
			select {
			case err = <-done:
				running = false
			default:
				_, failed := admin.Exec(t.Context(), `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND query = 'COMMIT' AND state = 'active'`, pid)
				require.NoError(t, failed)
			}
		}
		for err != nil {
			require.ErrorIs(t, err, persistence.ErrUnknown)
			err = s.writer.Commit(t.Context(), batch, &s.res)
		}
		require.Equal(t, commerce.Applied, s.res.Outcomes[0].Kind)
		require.EqualValues(t, i+1, s.verify().Orders)
	}
}

func TestABatchThatArrivedByHalvesDoesNotBlockItsWriter(t *testing.T) {
	t.Parallel()
	s := setupShop(t, direct)
	p := s.product(10)
	// Another session of the same writer has moved its row, and is silent.
	config := s.store.config.Copy()
	config.RuntimeParams["application_name"] = s.writer.application()
	stuck, err := connectWriter(t.Context(), config)
	require.NoError(t, err)
	_, err = stuck.Exec(t.Context(), `BEGIN; UPDATE writers SET seq = seq`)
	require.NoError(t, err)
	batch := s.w.Batch(s.writer.NextSeq(), s.w.Order("ann", "", storetest.Line{Product: p, Quantity: 1}))
	require.ErrorIs(t, s.writer.Commit(t.Context(), batch, &s.res), persistence.ErrUnavailable)
	require.NoError(t, s.writer.Commit(t.Context(), batch, &s.res))
	require.Error(t, stuck.Ping(t.Context()), "it was ended")
	s.verify()
}

func TestAConnectionThatIsOfNoUseIsReplaced(t *testing.T) {
	t.Parallel()
	s := setupShop(t, direct)
	p := s.product(10)
	_, err := s.writer.conn.Exec(t.Context(), `DEALLOCATE ALL`)
	require.NoError(t, err)
	batch := s.w.Batch(s.writer.NextSeq(), s.w.Order("ann", "", storetest.Line{Product: p, Quantity: 1}))
	require.ErrorIs(t, s.writer.Commit(t.Context(), batch, &s.res), persistence.ErrUnavailable)
	require.NoError(t, s.writer.Commit(t.Context(), batch, &s.res))
}

func TestCloseDoesNotWaitForAServerThatIsSilent(t *testing.T) {
	t.Parallel()
	s, proxy := setupProxied(t)
	batch := s.w.Batch(1, s.w.Product("", 1))
	proxy.Pause()
	t.Cleanup(proxy.Resume)
	done := make(chan error, 1)
	go func() { done <- s.writer.Commit(t.Context(), batch, &s.res) }()
	require.Eventually(t, func() bool { return len(s.writer.turn) == 1 }, 10*time.Second, time.Millisecond)
	start := time.Now()
	go func() { _ = s.store.writers.close() }()
	require.ErrorIs(t, <-done, persistence.ErrUnknown)
	require.Less(t, time.Since(start), s.store.opts.AttemptTimeout/2)
}
