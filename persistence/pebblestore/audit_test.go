package pebblestore

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// audited makes a batch of two products with records.
func (s *shop) audited() *persistence.Batch {
	var entries []*commerce.Entry
	for range 2 {
		e := s.w.Product("", 1)
		e.Audit = &commerce.AuditRecord{At: s.w.Now(), Action: commerce.AuditProductCreated, Target: e.Product.Row.ID.String()}
		entries = append(entries, e)
	}
	return s.w.Batch(s.writer.NextSeq(), entries...)
}

// untilTold repeats what the store may refuse while its disk fails.
func (s *shop) untilTold(do func() error) {
	s.Helper()
	for range 500 {
		err := do()
		if err == nil {
			return
		}
		require.True(s, errors.Is(err, persistence.ErrUnknown) || errors.Is(err, persistence.ErrUnavailable), "%v", err)
	}
	require.FailNow(s, "the store does not come back")
}

// TestDiskFailsAtRandomUnderTheAuditLog fails the log's writes and fsyncs now and then: each product is audited once,
// each record without a writer that was acknowledged is there once, and the chain holds, now and after a power cut.
func TestDiskFailsAtRandomUnderTheAuditLog(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			s := openShop(t, newFailingDisk())
			dice := newDice(seed)
			s.disk.failWith(func(op errorfs.Op) error {
				if dice.throw() < 0.02 && onFile([]errorfs.OpKind{errorfs.OpFileWrite, errorfs.OpFileSync, errorfs.OpFileSyncData}, ".log")(op) {
					return syscall.EIO
				}
				return nil
			})
			acknowledged := make(map[string]bool) // targets of batches, correlation ids of records
			for i := range 120 {
				batch := s.audited()
				s.untilTold(func() error { return s.writer.Commit(t.Context(), batch, &s.res) })
				for _, e := range batch.Entries {
					acknowledged[e.Audit.Target] = true
				}
				name := fmt.Sprint("record ", i)
				err := s.store.RecordAudit(t.Context(), &commerce.AuditRecord{Action: commerce.AuditBooksVerified, Correlation: name})
				if err == nil {
					acknowledged[name] = true
				}
				key := &persistence.AccessKey{ID: s.w.ID(), CreatedAt: s.w.Now(), Version: 1}
				if err := s.store.PutAccessKey(t.Context(), key, &commerce.AuditRecord{Target: key.ID.String()}); err == nil {
					acknowledged[key.ID.String()] = true
				}
			}
			s.disk.failWith(nil)
			require.Positive(t, s.disk.hits.Load())
			batch := s.audited()
			s.untilTold(func() error { return s.writer.Commit(t.Context(), batch, &s.res) })
			s.checkLog(s.store, acknowledged)
			crashed := s.opts
			crashed.FS = s.disk.mem.CrashClone(vfs.CrashCloneCfg{})
			again, err := Open(t.Context(), crashed)
			require.NoError(t, err)
			s.checkLog(again, acknowledged)
			require.NoError(t, again.Close())
		})
	}
}

// checkLog requires that the chain holds, that everything acknowledged stands in it once, and that keys and their
// records are there together.
func (s *shop) checkLog(store *Store, acknowledged map[string]bool) {
	s.Helper()
	report, err := persistence.VerifyAudit(s.Context(), store, persistence.AuditHead{}, nil)
	require.NoError(s, err)
	require.True(s, report.OK(), "%v", report.Fault)
	count := make(map[string]int)
	records, err := store.AuditRecords(s.Context(), 0, persistence.PageMax)
	require.NoError(s, err)
	for _, r := range records {
		count[r.Target+r.Correlation]++
	}
	for name := range acknowledged {
		require.Equal(s, 1, count[name], name)
	}
	keys, err := store.AccessKeys(s.Context())
	require.NoError(s, err)
	for _, key := range keys {
		require.Equal(s, 1, count[key.ID.String()])
	}
	version, err := store.AccessVersion(s.Context())
	require.NoError(s, err)
	require.EqualValues(s, len(keys), version)
}

func TestAForgedRecordThatCannotBeReadIsAnError(t *testing.T) {
	t.Parallel()
	s := openShop(t, newFailingDisk())
	require.NoError(t, s.store.RecordAudit(t.Context(), &commerce.AuditRecord{Actor: "ann"}))
	head, err := s.store.AuditHead(t.Context())
	require.NoError(t, err)
	require.NoError(t, s.store.mu.instance.put(auditKey(head.Seq), []byte{rowVersion, 1, 2}))
	_, err = s.store.AuditRecords(t.Context(), 0, 10)
	require.ErrorIs(t, err, errCorrupt)
}

func FuzzDecodeAccess(f *testing.F) {
	record := commerce.AuditRecord{Actor: "ann", After: "{}"}
	record.Seal(1, [32]byte{1})
	f.Add(encodeAudit(&record))
	f.Add(encodeAuditHead(persistence.AuditHead{Seq: 1}))
	f.Add(encodeAccessKey(&persistence.AccessKey{Name: "till", Secrets: make([]persistence.AccessSecret, 2), Version: 3}))
	f.Fuzz(func(t *testing.T, row []byte) {
		if r, err := decodeAudit(7, row); err == nil {
			again, err := decodeAudit(7, encodeAudit(&r))
			require.NoError(t, err)
			require.Equal(t, r, again)
		}
		if h, err := decodeAuditHead(row); err == nil {
			require.Equal(t, row, encodeAuditHead(h), "of a fixed length")
		}
		if k, err := decodeAccessKey(commerce.ID{1}, row); err == nil {
			again, err := decodeAccessKey(commerce.ID{1}, encodeAccessKey(&k))
			require.NoError(t, err)
			require.Equal(t, k.Name+k.Subject, again.Name+again.Subject) // times are cut to the microsecond
			require.Len(t, again.Secrets, len(k.Secrets))
		}
	})
}

// dice is chance for several goroutines: a disk's operations come from all of them.
type dice struct {
	turn chan *rand.Rand
}

func newDice(seed uint64) *dice {
	d := &dice{turn: make(chan *rand.Rand, 1)}
	d.turn <- rand.New(rand.NewPCG(seed, 1))
	return d
}

func (d *dice) throw() float64 {
	rng := <-d.turn
	defer func() { d.turn <- rng }()
	return rng.Float64()
}
