package commerce_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
)

func auditRecord() commerce.AuditRecord {
	return commerce.AuditRecord{
		At:    time.Date(2026, 7, 14, 9, 0, 0, 123_456_789, time.FixedZone("KST", 9*3600)),
		Actor: "merchant", Action: commerce.AuditStockAdjusted, Target: "product", Before: `{"a":1}`, After: `{"a":2}`, Correlation: "request",
	}
}

func TestAuditRecord_IsSealedBehindTheOneBefore(t *testing.T) {
	t.Parallel()
	first, second := auditRecord(), auditRecord()
	first.Seal(0, [32]byte{})
	require.EqualValues(t, 1, first.Seq)
	require.Equal(t, time.Date(2026, 7, 14, 0, 0, 0, 123_456_000, time.UTC), first.At, "as it is stored")
	second.Seal(first.Seq, first.Hash)
	require.Zero(t, first.Previous)
	require.EqualValues(t, 2, second.Seq)
	require.Equal(t, first.Hash, second.Previous)
	require.NotEqual(t, first.Hash, second.Hash, "although both say the same")
	again := second
	again.Seal(first.Seq, first.Hash)
	require.Equal(t, second, again, "a record that is sealed again, because its batch is tried again, is the same")
}

func TestAuditRecord_ShowsEveryChange(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*commerce.AuditRecord){
		"at":                  func(r *commerce.AuditRecord) { r.At = r.At.Add(time.Microsecond) },
		"actor":               func(r *commerce.AuditRecord) { r.Actor = "clerk" },
		"action":              func(r *commerce.AuditRecord) { r.Action = commerce.AuditKeyCreated },
		"target":              func(r *commerce.AuditRecord) { r.Target = "" },
		"before":              func(r *commerce.AuditRecord) { r.Before = "" },
		"after":               func(r *commerce.AuditRecord) { r.After += " " },
		"correlation":         func(r *commerce.AuditRecord) { r.Correlation = "other" },
		"number":              func(r *commerce.AuditRecord) { r.Seq++ },
		"previous":            func(r *commerce.AuditRecord) { r.Previous[31]++ },
		"hash":                func(r *commerce.AuditRecord) { r.Hash[0]++ },
		"text moved by field": func(r *commerce.AuditRecord) { r.Actor, r.Action = "merchants", "tock.adjusted" },
		"before and after":    func(r *commerce.AuditRecord) { r.Before, r.After = r.After, r.Before },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := auditRecord()
			r.Seal(6, [32]byte{1})
			require.True(t, r.Sealed())
			change(&r)
			require.False(t, r.Sealed())
		})
	}
}

func TestSealAudit_TellsWhatStockWas(t *testing.T) {
	t.Parallel()
	record := auditRecord()
	e := &commerce.Entry{
		Audit: &record,
		Movements: []commerce.Movement{{
			OnHandDelta: -4, Reason: "lost <&>", Level: commerce.Stock{OnHand: 6, Allocated: 2},
		}},
	}
	e.SealAudit(1, [32]byte{2})
	require.EqualValues(t, 2, record.Seq)
	require.Equal(t, [32]byte{2}, record.Previous)
	require.True(t, record.Sealed(), "with what stock was")
	require.Equal(t, `{"on_hand":10,"allocated":2}`, record.Before)
	require.JSONEq(t, `{"on_hand":6,"allocated":2,"reason":"lost <&>"}`, record.After)

	record = auditRecord()
	record.Action = commerce.AuditProductUpdated
	e.SealAudit(1, [32]byte{2})
	require.Equal(t, `{"a":1}`, record.Before, "what its maker has said")
	require.True(t, json.Valid([]byte(record.After)))
}
