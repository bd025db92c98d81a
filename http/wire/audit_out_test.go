package wire_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
	"github.com/penstock-dev/penstock/persistence"
)

// sealed seals records one behind the other, and returns where they end.
func sealed(records []commerce.AuditRecord) (head persistence.AuditHead) {
	for i := range records {
		records[i].Seal(head.Seq, head.Hash)
		head = persistence.AuditHead{Seq: records[i].Seq, Hash: records[i].Hash}
	}
	return head
}

func TestAudit_LooksAsItAlwaysDid(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 7, 14, 9, 0, 0, 123_456_789, time.UTC)
	records := []commerce.AuditRecord{
		{
			At: at, Actor: "merchant", Action: commerce.AuditStockAdjusted, Target: "019f0000-0000-7000-8000-000000000001",
			Before: `{"on_hand":10,"allocated":3}`, After: `{"on_hand":15,"allocated":3,"reason":"a \u003cb\u003e"}`, Correlation: "request-1",
		},
		{At: at.Add(time.Second), Actor: "operator", Action: commerce.AuditBooksVerified},
		{At: at, Actor: "a \"forger\"", Action: "made up", Before: `{"a":`, After: `{"a":1} `},
	}
	head := sealed(records)
	golden(t, "audit.json", string(wire.AppendAudit(nil, records, head)))
	golden(t, "audit_none.json", string(wire.AppendAudit(nil, nil, persistence.AuditHead{})))
}

func TestAudit_CanBeVerifiedFromWhatIsWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		records := make([]commerce.AuditRecord, rapid.IntRange(0, 4).Draw(t, "records"))
		for i := range records {
			r := &records[i]
			r.At = time.UnixMicro(rapid.Int64Range(0, 4e15).Draw(t, "at"))
			r.Actor, r.Target = drawText(t, "actor", 0, 20), drawText(t, "target", 0, 20)
			r.Action, r.Correlation = commerce.AuditStockAdjusted, drawText(t, "correlation", 0, 20)
			r.Before = rapid.SampledFrom([]string{"", `{}`, `{"a": 1}`, ` {}`, `"a"`, "null", `{"a":1,"a":2}`, "[1]"}).Draw(t, "before")
			object, err := json.Marshal(map[string]string{"text": drawText(t, "after", 0, 50)})
			require.NoError(t, err)
			r.After = string(object)
		}
		head := sealed(records)
		body := wire.AppendAudit(nil, records, head)
		require.True(t, json.Valid(body), "%s", body)
		got, end, err := wire.DecodeAudit(body)
		require.NoError(t, err)
		require.Equal(t, head, end)
		require.Len(t, got, len(records))
		for i := range got {
			require.Equal(t, records[i], got[i])
			require.True(t, got[i].Sealed())
		}
	})
}

func FuzzDecodeAudit(f *testing.F) {
	records := []commerce.AuditRecord{{Actor: "ann", Action: commerce.AuditKeyCreated, After: `{"a":1}`}}
	f.Add(wire.AppendAudit(nil, records, sealed(records)))
	f.Add([]byte(`{"records":[{"before":"a","hash":"00"}],"head":{"seq":-1}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, head, err := wire.DecodeAudit(body)
		if err != nil {
			return
		}
		again, end, err := wire.DecodeAudit(wire.AppendAudit(nil, got, head))
		require.NoError(t, err)
		require.Equal(t, head, end)
		require.Len(t, again, len(got))
	})
}
