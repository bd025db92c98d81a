package persistence_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// memoryLog is an audit log in memory, to which something may happen between two reads.
type memoryLog struct {
	records []commerce.AuditRecord
	head    persistence.AuditHead
	limit   int    // of a page
	between func() // called after each page
	err     error
}

func newLog(n int) *memoryLog {
	l := &memoryLog{limit: 3, between: func() {}}
	l.grow(n)
	return l
}

func (l *memoryLog) grow(n int) {
	for range n {
		r := commerce.AuditRecord{Actor: "ann", Action: commerce.AuditBooksVerified}
		r.Seal(l.head.Seq, l.head.Hash)
		l.records = append(l.records, r)
		l.head = persistence.AuditHead{Seq: r.Seq, Hash: r.Hash}
	}
}

func (l *memoryLog) AuditRecords(_ context.Context, after uint64, limit int) (page []commerce.AuditRecord, err error) {
	for _, r := range l.records {
		if r.Seq > after && len(page) < min(limit, l.limit) {
			page = append(page, r)
		}
	}
	l.between()
	return page, l.err
}

func (l *memoryLog) AuditHead(context.Context) (persistence.AuditHead, error) { return l.head, nil }

func TestVerifyAudit_GoesOnWithWhatIsAppendedMeanwhile(t *testing.T) {
	t.Parallel()
	l := newLog(7)
	left := 10
	l.between = func() {
		if left > 0 {
			left--
			l.grow(1)
		}
	}
	var told []uint64
	report, err := persistence.VerifyAudit(t.Context(), l, persistence.AuditHead{}, func(n uint64) { told = append(told, n) })
	require.NoError(t, err)
	require.True(t, report.OK(), "%v", report.Fault)
	require.EqualValues(t, 17, report.Records)
	require.Equal(t, l.head, report.Head)
	require.IsIncreasing(t, told)
	require.EqualValues(t, 17, told[len(told)-1])
}

func TestVerifyAudit_AnEmptyLogHolds(t *testing.T) {
	t.Parallel()
	l := newLog(0)
	report, err := persistence.VerifyAudit(t.Context(), l, persistence.AuditHead{}, nil)
	require.NoError(t, err)
	require.Equal(t, persistence.AuditReport{}, report)
	report, err = persistence.VerifyAudit(t.Context(), l, persistence.AuditHead{Seq: 2}, nil)
	require.NoError(t, err)
	require.Equal(t, "record 1: is missing: it once reached record 2", report.Fault.String())
}

func TestVerifyAudit_SaysWhenTheLogCannotBeRead(t *testing.T) {
	t.Parallel()
	l := newLog(2)
	l.err = errors.New("the disk is gone")
	_, err := persistence.VerifyAudit(t.Context(), l, persistence.AuditHead{}, nil)
	require.ErrorIs(t, err, l.err)
}

func TestAuditHead_IsReadAsItIsWritten(t *testing.T) {
	t.Parallel()
	l := newLog(3)
	got, err := persistence.ParseAuditHead(l.head.String())
	require.NoError(t, err)
	require.Equal(t, l.head, got)
	for _, wrong := range []string{"", "3", "3:", "3:ab", ":" + l.head.String(), "-3" + l.head.String()[1:], l.head.String() + "0", "x" + l.head.String()[1:]} {
		_, err := persistence.ParseAuditHead(wrong)
		require.ErrorContains(t, err, "is not the head of an audit log", wrong)
	}
}

func FuzzParseAuditHead(f *testing.F) {
	f.Add(persistence.AuditHead{Seq: 1 << 62, Hash: [32]byte{1}}.String())
	f.Fuzz(func(t *testing.T, text string) {
		head, err := persistence.ParseAuditHead(text)
		if err != nil {
			return
		}
		again, err := persistence.ParseAuditHead(head.String())
		require.NoError(t, err)
		require.Equal(t, head, again)
	})
}

func TestAccessKey_IsCheckedBeforeItIsStored(t *testing.T) {
	t.Parallel()
	key := persistence.AccessKey{ID: commerce.ID{1}, Version: 1, Secrets: make([]persistence.AccessSecret, persistence.AccessSecretsMax)}
	require.NoError(t, key.Check())
	key.Secrets = append(key.Secrets, persistence.AccessSecret{})
	require.Error(t, key.Check())
	require.Error(t, (&persistence.AccessKey{Version: 1}).Check())
	require.Error(t, (&persistence.AccessKey{ID: commerce.ID{1}}).Check())
}
