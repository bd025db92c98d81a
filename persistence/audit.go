package persistence

import (
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/penstock-dev/penstock/commerce"
)

// AuditReport is what VerifyAudit found.
type AuditReport struct {
	// Records is how many records hold, from the first one on without a gap.
	Records uint64
	// Head is where the records that hold end. Written down elsewhere, it is the anchor of a later
	// verification.
	Head AuditHead
	// Fault is the first thing that is wrong; nil when the log holds.
	Fault *AuditFault
}

// OK reports whether the log holds.
func (r AuditReport) OK() bool { return r.Fault == nil }

// AuditFault is the first thing that is wrong in an audit log.
type AuditFault struct {
	Seq    uint64 // number of the first record that is wrong, or missing
	Detail string
}

// String names the record and what is wrong with it.
func (f *AuditFault) String() string { return fmt.Sprintf("record %d: %s", f.Seq, f.Detail) }

// VerifyAudit walks the whole log and finds the first record that was changed, taken out, put in or moved.
// It may run beside writers: what they append meanwhile is checked too. progress, when not nil, is called
// now and then with the records checked so far.
//
// A log that was cut, and whose head was moved back to the cut, is whole in itself; so is one that was written
// anew from some record on. Only somebody who remembers an earlier head can tell: that is the anchor. The
// zero AuditHead is none.
func VerifyAudit(ctx context.Context, log AuditLog, anchor AuditHead, progress func(records uint64)) (AuditReport, error) {
	w := auditWalk{log: log, anchor: anchor, progress: progress}
	if w.progress == nil {
		w.progress = func(uint64) {}
	}
	if err := w.run(ctx); err != nil {
		return AuditReport{}, fmt.Errorf("verify the audit log: %w", err)
	}
	if w.fault == nil && anchor.Seq > w.at.Seq {
		w.blame(w.at.Seq+1, "is missing: it once reached record %d", anchor.Seq)
	}
	return AuditReport{Records: w.at.Seq, Head: w.at, Fault: w.fault}, nil
}

// auditWalk is one run of VerifyAudit. at is the last record that holds.
type auditWalk struct {
	log      AuditLog
	anchor   AuditHead
	progress func(records uint64)
	at       AuditHead
	fault    *AuditFault
}

func (w *auditWalk) blame(seq uint64, format string, args ...any) {
	w.fault = &AuditFault{Seq: seq, Detail: fmt.Sprintf(format, args...)}
}

// run walks until the log has nothing more to say, or a fault is found. The head is read before the records
// that it speaks of, and again when there are more: a record and the head that it moves are written at once,
// so that a head seen after a record is not behind it.
func (w *auditWalk) run(ctx context.Context) error {
	head, err := w.log.AuditHead(ctx)
	if err != nil {
		return err
	}
	for {
		page, err := w.log.AuditRecords(ctx, w.at.Seq, PageMax)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			w.close(head)
			return nil
		}
		if w.check(page, head); w.fault != nil {
			return nil
		}
		w.progress(w.at.Seq)
		if w.at.Seq <= head.Seq {
			continue
		}
		moved, err := w.log.AuditHead(ctx)
		if err != nil {
			return err
		}
		if moved.Seq < w.at.Seq {
			w.at = head
			w.blame(moved.Seq+1, "stands behind the end of the log, which is said to be record %d", moved.Seq)
			return nil
		}
		head = moved
	}
}

// check walks a page. A head, or the anchor, that is passed on the way must be the record's.
func (w *auditWalk) check(page []commerce.AuditRecord, head AuditHead) {
	for i := range page {
		r := &page[i]
		switch {
		case r.Seq > w.at.Seq+1:
			w.blame(w.at.Seq+1, "is missing: the next one is record %d", r.Seq)
		case r.Seq != w.at.Seq+1:
			w.blame(w.at.Seq+1, "is missing: record %d stands in its place", r.Seq)
		case !r.Sealed():
			w.blame(r.Seq, "was changed: its hash is not that of what it says")
		case r.Previous != w.at.Hash:
			w.blame(r.Seq, "does not follow the record before it: one of the two was replaced")
		case r.Seq == head.Seq && r.Hash != head.Hash:
			w.blame(r.Seq, "is not the one that the log is said to end with")
		case r.Seq == w.anchor.Seq && r.Hash != w.anchor.Hash:
			w.blame(r.Seq, "has another hash than it once had: it, or one before it, was replaced")
		}
		if w.fault != nil {
			return
		}
		w.at = AuditHead{Seq: r.Seq, Hash: r.Hash}
	}
}

// close compares the head with the end of the records.
func (w *auditWalk) close(head AuditHead) {
	switch {
	case head.Seq > w.at.Seq:
		w.blame(w.at.Seq+1, "is missing: the log is said to end with record %d", head.Seq)
	case head != w.at:
		w.blame(w.at.Seq, "is not the one that the log is said to end with")
	}
}

// String writes a head as people write it down, SEQ:HASH.
func (h AuditHead) String() string {
	return strconv.FormatUint(h.Seq, 10) + ":" + hex.EncodeToString(h.Hash[:])
}

// ParseAuditHead reads what String wrote.
func ParseAuditHead(text string) (AuditHead, error) {
	var h AuditHead
	seq, hash, _ := strings.Cut(text, ":")
	n, err := strconv.ParseUint(seq, 10, 63)
	if err == nil && len(hash) != hex.EncodedLen(len(h.Hash)) {
		err = hex.ErrLength
	}
	if err == nil {
		_, err = hex.Decode(h.Hash[:], []byte(hash))
	}
	if err != nil {
		return AuditHead{}, fmt.Errorf("%q is not the head of an audit log: a number, a colon and 64 hexadecimal digits", text)
	}
	h.Seq = n
	return h, nil
}
