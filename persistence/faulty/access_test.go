package faulty_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/faulty"
)

func TestChangesWithoutAWriterFailAsCommitsDo(t *testing.T) {
	t.Parallel()
	s := openShop(t, faulty.Options{
		Seed: 3, RefuseRate: 0.2, VanishRate: 0.2, LostAnswerRate: 0.2, SlowCommitRate: 0.1, CommitDelayMax: time.Microsecond,
	})
	before, err := s.store.AuditHead(t.Context())
	require.NoError(t, err)
	answers := make(map[error]int)
	for range 200 {
		err := s.store.RecordAudit(t.Context(), &commerce.AuditRecord{Actor: "ann", Action: commerce.AuditBooksVerified})
		for _, kind := range []error{persistence.ErrUnavailable, persistence.ErrUnknown, nil} {
			if errors.Is(err, kind) {
				answers[kind]++
			}
		}
	}
	require.Greater(t, answers[persistence.ErrUnavailable], 20)
	require.Greater(t, answers[persistence.ErrUnknown], 40)
	require.Greater(t, answers[nil], 40)
	report, err := persistence.VerifyAudit(t.Context(), s.store, before, nil)
	require.NoError(t, err)
	require.True(t, report.OK(), "%v", report.Fault)
	written := int(report.Records - before.Seq)
	require.Greater(t, written, answers[nil], "some whose answer was lost were written")
	require.Less(t, written, answers[nil]+answers[persistence.ErrUnknown], "and some were not")

	s.store.SetFaults(false)
	key := &persistence.AccessKey{ID: s.w.ID(), Name: "till", Subject: "till", CreatedAt: s.w.Now(), Version: 1}
	require.NoError(t, s.store.PutAccessKey(t.Context(), key, &commerce.AuditRecord{Action: commerce.AuditKeyCreated}))
}
