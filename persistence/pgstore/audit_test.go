package pgstore

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/pgtest"
	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/storetest"
)

func (s *shop) note() *commerce.AuditRecord {
	return &commerce.AuditRecord{At: s.w.Now(), Actor: "operator", Action: commerce.AuditBooksVerified, After: `{}`}
}

// audited makes a product, with a record.
func (s *shop) audited() *commerce.Entry {
	e := s.w.Product(s.w.SKU(), 10)
	e.Audit = &commerce.AuditRecord{
		At: s.w.Now(), Actor: "merchant", Action: commerce.AuditProductCreated, Target: e.Product.Row.ID.String(), After: `{"on_hand":10}`,
	}
	return e
}

// log returns the audit log, which must hold.
func (s *shop) log() []commerce.AuditRecord {
	s.Helper()
	report, err := persistence.VerifyAudit(s.Context(), s.store, persistence.AuditHead{}, nil)
	require.NoError(s, err)
	require.True(s, report.OK(), "%v", report.Fault)
	records, err := s.store.AuditRecords(s.Context(), 0, persistence.PageMax)
	require.NoError(s, err)
	return records
}

func TestAuditedBatchesTakeOneRoundTrip(t *testing.T) {
	t.Parallel()
	s := setupShop(t, direct)
	careful := func() uint64 { return s.store.stats.careful.Load() }
	applied := []commerce.OutcomeKind{commerce.Applied}
	for range 3 {
		require.Equal(t, applied, s.commit(s.audited()))
	}
	p := s.product(10)
	adjust := s.w.Adjust(p.ID, 3, "")
	adjust.Audit = &commerce.AuditRecord{Action: commerce.AuditStockAdjusted}
	require.Equal(t, applied, s.commit(adjust), "whose record tells levels that are foreseen")
	require.Equal(t, `{"on_hand":10,"allocated":0}`, adjust.Audit.Before)
	require.Zero(t, careful())
	require.NoError(t, s.store.RecordAudit(t.Context(), s.note()))
	require.Equal(t, applied, s.commit(s.audited()))
	require.EqualValues(t, 1, careful(), "somebody else has moved the log's end")
	require.Equal(t, applied, s.commit(s.audited()))
	require.EqualValues(t, 1, careful(), "which is known again")
	s.log()
}

func TestAnAuditedBatchWhoseAnswerIsLostIsAuditedOnce(t *testing.T) {
	t.Parallel()
	for _, mode := range []pgtest.CutMode{pgtest.CutBeforeRequest, pgtest.CutAfterRequest, pgtest.CutAfterAnswer, pgtest.CutDuringAnswer} {
		t.Run(fmt.Sprint(mode), func(t *testing.T) {
			t.Parallel()
			s, proxy := setupProxied(t)
			s.product(10)
			before := len(s.log())
			var want []commerce.AuditRecord
			for i := range 4 {
				batch := s.w.Batch(s.writer.NextSeq(), s.audited(), s.audited())
				proxy.CutCommit(pgtest.Cut{Application: "penstock writer", Mode: mode, Part: 0.5})
				require.ErrorIs(t, s.writer.Commit(t.Context(), batch, &s.res), persistence.ErrUnknown)
				if i%2 == 1 { // somebody gets in between
					record := s.note()
					require.NoError(t, s.store.RecordAudit(t.Context(), record))
				}
				require.NoError(t, s.writer.Commit(t.Context(), batch, &s.res))
				want = append(want, *batch.Entries[0].Audit, *batch.Entries[1].Audit)
			}
			var got []commerce.AuditRecord
			for _, r := range s.log()[before:] {
				if r.Action == commerce.AuditProductCreated {
					got = append(got, r)
				}
			}
			require.Equal(t, want, got)
			s.verify()
		})
	}
}

func TestARecordWhoseAnswerIsLostIsUnknown(t *testing.T) {
	t.Parallel()
	const never = 1000 // executes: only the commit counts
	for mode, written := range map[pgtest.CutMode]int{pgtest.CutBeforeRequest: 0, pgtest.CutAfterAnswer: 1} {
		t.Run(fmt.Sprint(mode), func(t *testing.T) {
			t.Parallel()
			s := &shop{T: t, url: newDatabase(t), w: storetest.NewWorkload(1)}
			proxy, err := pgtest.NewProxy(s.url)
			require.NoError(t, err)
			t.Cleanup(proxy.Close)
			s.store = openStore(t, proxy.URL()) // without a writer nobody else commits on the pool's connections
			proxy.CutCommit(pgtest.Cut{Application: "penstock reader", Mode: mode, ExecutesMin: never})
			require.ErrorIs(t, s.store.RecordAudit(t.Context(), s.note()), persistence.ErrUnknown)
			require.Len(t, s.log(), written)
			require.NoError(t, s.store.RecordAudit(t.Context(), s.note()))
			require.Len(t, s.log(), written+1)

			key := &persistence.AccessKey{ID: s.w.ID(), Name: "till", Subject: "till", CreatedAt: s.w.Now(), Version: 1}
			proxy.CutCommit(pgtest.Cut{Application: "penstock reader", Mode: mode, ExecutesMin: never})
			require.ErrorIs(t, s.store.PutAccessKey(t.Context(), key, s.note()), persistence.ErrUnknown)
			keys, err := s.store.AccessKeys(t.Context())
			require.NoError(t, err)
			require.Len(t, keys, written)
			require.Len(t, s.log(), 2*written+1, "the key and its record, or neither")
		})
	}
}

func TestNothingIsRecordedWithoutAServer(t *testing.T) {
	t.Parallel()
	s, proxy := setupProxied(t)
	require.NoError(t, s.store.RecordAudit(t.Context(), s.note()))
	proxy.Disconnect()
	require.NoError(t, s.store.RecordAudit(t.Context(), s.note()), "a connection that was lost meanwhile is replaced")
	proxy.Refuse(true)
	proxy.Disconnect()
	require.ErrorIs(t, s.store.RecordAudit(t.Context(), s.note()), persistence.ErrUnavailable)
	proxy.Refuse(false)
	require.Len(t, s.log(), 2)
}

func TestTheAuditLogIsOnlyAppendedTo(t *testing.T) {
	t.Parallel()
	s := setupShop(t, direct)
	require.NoError(t, s.store.RecordAudit(t.Context(), s.note()))
	want := s.log()
	conn := connect(t, s.url)
	for _, sql := range []string{`UPDATE audit_log SET actor = 'nobody'`, `DELETE FROM audit_log`, `TRUNCATE audit_log`} {
		_, err := conn.Exec(t.Context(), sql)
		var refused *pgconn.PgError
		require.ErrorAs(t, err, &refused)
		require.Equal(t, "the audit log is only appended to", refused.Message)
	}
	require.Equal(t, want, s.log())
}

func TestAHeldAuditLogDelaysAuditedBatchesAlone(t *testing.T) {
	t.Parallel()
	s := setupShop(t, direct)
	s.product(10)
	conn := connect(t, s.url)
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	_, err = lockAudit(t.Context(), tx)
	require.NoError(t, err)
	plain := s.w.Product("", 10)
	plain.Audit = nil
	require.Equal(t, []commerce.OutcomeKind{commerce.Applied}, s.commit(plain))
	require.ErrorIs(t, s.store.RecordAudit(t.Context(), s.note()), persistence.ErrUnavailable, "it is waited for, but not for ever")
	require.NoError(t, tx.Rollback(t.Context()))
	require.NoError(t, s.store.RecordAudit(t.Context(), s.note()))
	s.log()
}

func TestAnAuditLogWhoseEndIsGoneGoesOn(t *testing.T) {
	t.Parallel()
	s := setupShop(t, direct)
	s.commit(s.audited())
	execute(t, s.url, `DELETE FROM audit_head`)
	report, err := persistence.VerifyAudit(t.Context(), s.store, persistence.AuditHead{}, nil)
	require.NoError(t, err)
	require.NotNil(t, report.Fault, "it is found out")
	require.Equal(t, []commerce.OutcomeKind{commerce.Applied}, s.commit(s.audited()))
	execute(t, s.url, `DELETE FROM audit_head`)
	require.NoError(t, s.store.RecordAudit(t.Context(), s.note()))
	require.Len(t, s.log(), 3)
}

func TestUnstorableTextsOfRecordsAreRefused(t *testing.T) {
	t.Parallel()
	s := setupShop(t, direct)
	bad, good := s.audited(), s.audited()
	bad.Audit.Correlation = "\x00"
	require.Equal(t, []commerce.OutcomeKind{commerce.Unstorable, commerce.Applied}, s.commit(bad, good))
	record := s.note()
	record.Actor = "\xff"
	require.ErrorContains(t, s.store.RecordAudit(t.Context(), record), "cannot be stored")
	require.Equal(t, []commerce.AuditRecord{*good.Audit}, s.log())
}

func TestNobodyRecordsInAnUnfinishedCopy(t *testing.T) {
	t.Parallel()
	s := setupShop(t, direct)
	mustOpenLoader(t, s.url)
	require.ErrorIs(t, s.store.RecordAudit(t.Context(), s.note()), ErrHalfCopied)
	key := &persistence.AccessKey{ID: s.w.ID(), CreatedAt: time.Now(), Version: 1}
	require.ErrorIs(t, s.store.PutAccessKey(t.Context(), key, s.note()), ErrHalfCopied)
}
