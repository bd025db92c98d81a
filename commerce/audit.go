package commerce

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"time"
)

// AuditAction says what was done, as a word of the audit log.
type AuditAction string

// The actions of the audit log.
const (
	AuditProductCreated  AuditAction = "product.created"
	AuditProductUpdated  AuditAction = "product.updated"
	AuditProductArchived AuditAction = "product.archived"
	AuditStockAdjusted   AuditAction = "stock.adjusted"
	AuditKeyCreated      AuditAction = "key.created"
	AuditKeyRotated      AuditAction = "key.rotated"
	AuditKeyRevoked      AuditAction = "key.revoked"
	AuditOrdersExported  AuditAction = "orders.exported"
	AuditBooksVerified   AuditAction = "books.verified"
	AuditBenchmarkRun    AuditAction = "benchmark.run"
)

// AuditRecord is one line of the audit log: who did what to what, and what that changed. The log is
// append-only, and each line names the hash of the line before it, so that a line cannot be changed, taken
// out or put in without changing every later one.
//
// Who makes a record fills in what stands above the line; the store that writes it seals it.
type AuditRecord struct {
	At          time.Time // to the microsecond, in UTC
	Actor       string    // the principal's subject
	Action      AuditAction
	Target      string // the id of the product or key, or ""
	Before      string // what it was: a compact JSON object, or ""
	After       string // what it is now, or what was asked for
	Correlation string // the correlation id of the request, or ""

	Seq      uint64 // 1, 2, 3 without a gap
	Previous [32]byte
	Hash     [32]byte
}

// Seal gives the record its place in the log, after the record whose number and hash are given (zero for
// the first).
func (r *AuditRecord) Seal(seq uint64, hash [32]byte) {
	r.At = r.At.UTC().Truncate(time.Microsecond)
	r.Seq, r.Previous = seq+1, hash
	r.Hash = r.digest()
}

// Sealed reports whether the record says what it said when it was sealed. What stands before it in the log
// is for persistence.VerifyAudit to say.
func (r *AuditRecord) Sealed() bool { return r.Hash == r.digest() }

// digest is the SHA-256 of everything in the record but the hash itself. Texts are preceded by their
// lengths, so that no two records give the same bytes.
func (r *AuditRecord) digest() [32]byte {
	b := make([]byte, 0, 512)
	b = append(b, r.Previous[:]...)
	b = binary.BigEndian.AppendUint64(b, r.Seq)
	b = binary.BigEndian.AppendUint64(b, uint64(r.At.UnixMicro()))
	for _, text := range [...]string{r.Actor, string(r.Action), r.Target, r.Before, r.After, r.Correlation} {
		b = appendText(b, text)
	}
	return sha256.Sum256(b)
}

// SealAudit completes the entry's audit record with what the decision has found out, and seals it. A store
// calls it once an entry that has one is known to apply and its movements' levels are set.
// REQUIRES: e.Audit is not nil.
func (e *Entry) SealAudit(seq uint64, hash [32]byte) {
	if e.Audit.Action == AuditStockAdjusted {
		m := &e.Movements[0]
		e.Audit.Before = auditStock(m.Level.OnHand-m.OnHandDelta, m.Level.Allocated, "")
		e.Audit.After = auditStock(m.Level.OnHand, m.Level.Allocated, m.Reason)
	}
	e.Audit.Seal(seq, hash)
}

func auditStock(onHand, allocated int64, reason Reason) string {
	return auditJSON(struct {
		OnHand    int64  `json:"on_hand"`
		Allocated int64  `json:"allocated"`
		Reason    Reason `json:"reason,omitempty"`
	}{onHand, allocated, reason})
}

// auditProduct is what the audit log says of a product. The description, which can be long, is told by its
// hash.
func auditProduct(p *Product, onHand *int64) string {
	description := ""
	if p.Description != "" {
		digest := sha256.Sum256([]byte(p.Description))
		description = hex.EncodeToString(digest[:])
	}
	said := struct {
		Name        string `json:"name"`
		SKU         string `json:"sku,omitempty"`
		Category    string `json:"category,omitempty"`
		Price       int64  `json:"price"`
		Currency    string `json:"currency"`
		Archived    bool   `json:"archived,omitempty"`
		Version     uint64 `json:"version"`
		Attributes  string `json:"attributes,omitempty"`
		Description string `json:"description_sha256,omitempty"`
		OnHand      *int64 `json:"on_hand,omitempty"`
	}{
		Name: p.Name, SKU: p.SKU, Category: p.Category, Price: p.Price.Amount, Currency: p.Price.Currency.String(),
		Archived: p.Archived, Version: p.Version, Attributes: p.Attributes, Description: description, OnHand: onHand,
	}
	return auditJSON(said)
}

// auditJSON writes a struct of texts and numbers, which cannot fail.
func auditJSON(value any) string {
	text, _ := json.Marshal(value)
	return string(text)
}
