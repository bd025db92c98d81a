package wire

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// auditTime is how the audit log writes times: to the microsecond, because the hash is of that.
const auditTime = "2006-01-02T15:04:05.000000Z"

// AppendAudit appends a page of the audit log and where the log ends. Everything that a hash is of is told
// to the last byte, so that whoever reads it can verify the chain: see DecodeAudit.
func AppendAudit(dst []byte, records []commerce.AuditRecord, head persistence.AuditHead) []byte {
	dst = append(dst, `{"records":[`...)
	for i := range records {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendAuditRecord(dst, &records[i])
	}
	dst = append(dst, `],"head":{"seq":`...)
	dst = strconv.AppendUint(dst, head.Seq, 10)
	dst = fieldDigest(dst, "hash", head.Hash)
	return append(dst, '}', '}')
}

// AppendAuditRecord appends one record, as it stands in a page.
func AppendAuditRecord(dst []byte, r *commerce.AuditRecord) []byte {
	dst = append(dst, `{"seq":`...)
	dst = strconv.AppendUint(dst, r.Seq, 10)
	dst = append(field(dst, "at"), '"')
	dst = r.At.UTC().AppendFormat(dst, auditTime)
	dst = append(dst, '"')
	dst = fieldText(dst, "actor", r.Actor)
	dst = fieldText(dst, "action", string(r.Action))
	dst = fieldText(dst, "target", r.Target)
	dst = appendAuditState(field(dst, "before"), r.Before)
	dst = appendAuditState(field(dst, "after"), r.After)
	dst = fieldText(dst, "correlation_id", r.Correlation)
	dst = fieldDigest(dst, "previous", r.Previous)
	dst = fieldDigest(dst, "hash", r.Hash)
	return append(dst, '}')
}

// appendAuditState appends the JSON object of a record as it stands there, or null. What is no object, which
// nobody but a forger writes, becomes a string, so that the answer is JSON all the same.
func appendAuditState(dst []byte, text string) []byte {
	switch {
	case text == "":
		return append(dst, "null"...)
	case text[0] == '{' && text[len(text)-1] == '}' && jsontext.Value(text).IsValid():
		return append(dst, text...)
	default:
		return appendText(dst, text)
	}
}

func fieldDigest(dst []byte, name string, digest [32]byte) []byte {
	dst = append(field(dst, name), '"')
	dst = hex.AppendEncode(dst, digest[:])
	return append(dst, '"')
}

// auditPage is what AppendAudit writes.
type auditPage struct {
	Records []struct {
		Seq         uint64               `json:"seq"`
		At          time.Time            `json:"at"`
		Actor       string               `json:"actor"`
		Action      commerce.AuditAction `json:"action"`
		Target      string               `json:"target"`
		Before      auditState           `json:"before"`
		After       auditState           `json:"after"`
		Correlation string               `json:"correlation_id"`
		Previous    digest               `json:"previous"`
		Hash        digest               `json:"hash"`
	} `json:"records"`
	Head struct {
		Seq  uint64 `json:"seq"`
		Hash digest `json:"hash"`
	} `json:"head"`
}

// auditState is the text that appendAuditState wrote.
type auditState string

// UnmarshalJSON implements json.Unmarshaler.
func (s *auditState) UnmarshalJSON(b []byte) error {
	switch b[0] {
	case '"':
		return json.Unmarshal(b, (*string)(s))
	case '{':
		*s = auditState(b)
	default:
		*s = ""
	}
	return nil
}

// digest is a SHA-256 in hexadecimal digits.
type digest [32]byte

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *digest) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(d)) {
		return hex.ErrLength
	}
	_, err := hex.Decode(d[:], text)
	return err
}

// DecodeAudit reads what AppendAudit wrote: for whoever verifies the log of a server, which it need not believe.
func DecodeAudit(body []byte) (records []commerce.AuditRecord, head persistence.AuditHead, err error) {
	var page auditPage
	if err := json.Unmarshal(body, &page); err != nil {
		return nil, head, fmt.Errorf("read a page of the audit log: %w", err)
	}
	for _, r := range page.Records {
		records = append(records, commerce.AuditRecord{
			Seq: r.Seq, At: r.At.UTC(), Actor: r.Actor, Action: r.Action, Target: r.Target,
			Before: string(r.Before), After: string(r.After), Correlation: r.Correlation,
			Previous: r.Previous, Hash: r.Hash,
		})
	}
	return records, persistence.AuditHead{Seq: page.Head.Seq, Hash: page.Head.Hash}, nil
}
