package storetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

func auditClaims() []claim {
	return []claim{
		{"a new store has an empty log", auditEmpty},
		{"entries are audited in their order", auditOrder},
		{"a refused entry leaves no record", auditRefused},
		{"a stock change says what it was, and what it is", auditStock},
		{"the same batch again writes no record twice", auditAgain},
		{"a record without a writer stands in the same chain", auditBetween},
		{"an older writer's record is refused with its batch", auditFenced},
		{"batches, records and keys at the same time make one chain", auditBeside},
		{"the log is read page by page", auditPages},
		{"texts are read as they were written", auditTexts},
		{"verification finds whatever was done to the log", auditTampered},
		{"a log goes on after a forgery, and loses nothing more", auditGoesOn},
	}
}

// The correlation ids of records that come with an entry, and of those that come without a writer.
const (
	requestOfEntry = "request-1"
	requestOfNote  = "request-2"
)

// audit gives an entry a record for the audit log.
func audit(e *commerce.Entry, action commerce.AuditAction, at time.Time) *commerce.Entry {
	e.Audit = &commerce.AuditRecord{
		At: at, Actor: "merchant", Action: action, Before: `{"name":"a"}`, After: `{"name":"b"}`, Correlation: requestOfEntry,
	}
	switch {
	case e.Product != nil:
		e.Audit.Target = e.Product.Row.ID.String()
	case len(e.Movements) > 0:
		e.Audit.Target = e.Movements[0].Product.String()
	}
	return e
}

// audited makes a product, with a record.
func (b *bundle) audited(sku string) *commerce.Entry {
	return audit(b.w.Product(sku, 10), commerce.AuditProductCreated, b.w.Now())
}

func (b *bundle) note(action commerce.AuditAction) *commerce.AuditRecord {
	return &commerce.AuditRecord{At: b.w.Now(), Actor: "operator", Action: action, After: `{"rows":12}`, Correlation: requestOfNote}
}

// log returns the whole audit log, which must hold.
func (b *bundle) log() []commerce.AuditRecord {
	b.Helper()
	return wholeLog(b, b.store)
}

func wholeLog(t T, store persistence.Store) (all []commerce.AuditRecord) {
	t.Helper()
	for {
		page, err := store.AuditRecords(t.Context(), uint64(len(all)), persistence.PageMax)
		require.NoError(t, err)
		if len(page) == 0 {
			break
		}
		all = append(all, page...)
	}
	report, err := persistence.VerifyAudit(t.Context(), store, persistence.AuditHead{}, nil)
	require.NoError(t, err)
	require.True(t, report.OK(), "%v", report.Fault)
	require.EqualValues(t, len(all), report.Records)
	return all
}

func auditEmpty(b *bundle) {
	require.Empty(b, b.log())
	head, err := b.store.AuditHead(b.Context())
	require.NoError(b, err)
	require.Zero(b, head)
}

func auditOrder(b *bundle) {
	p := b.product(10)
	before := len(b.log())
	var want []commerce.AuditRecord
	for round := range 3 {
		entries := []*commerce.Entry{
			b.audited(""), b.w.Order("ann", "", Line{p, 1}), b.audited(b.w.SKU()),
			audit(rename(b, p, fmt.Sprint(round)), commerce.AuditProductUpdated, b.w.Now()),
		}
		p = entries[3].Product.Row
		b.apply(entries...)
		for _, i := range []int{0, 2, 3} {
			want = append(want, *entries[i].Audit)
		}
		b.apply(b.w.Order("ann", "", Line{p, 1}))
	}
	require.Equal(b, want, b.log()[before:])
}

func auditRefused(b *bundle) {
	p := b.product(1)
	before := b.log()
	taken := b.audited("LAMP")
	b.apply(taken)
	sold := audit(b.w.Adjust(p.ID, -2, ""), commerce.AuditStockAdjusted, b.w.Now())
	stale := audit(rename(b, p, "new"), commerce.AuditProductUpdated, b.w.Now())
	b.apply(audit(rename(b, p, "newer"), commerce.AuditProductUpdated, b.w.Now()))
	good := b.audited("")
	require.Equal(b,
		[]commerce.OutcomeKind{commerce.SKUTaken, commerce.Insufficient, commerce.VersionConflict, commerce.Applied},
		b.kinds(b.audited("LAMP"), sold, stale, good))
	got := b.log()[len(before):]
	require.Len(b, got, 3)
	require.Equal(b, *taken.Audit, got[0])
	require.Equal(b, *good.Audit, got[2])
	require.Equal(b, []commerce.OutcomeKind{commerce.SKUTaken}, b.kinds(b.audited("LAMP")), "of which nothing applies")
	require.Len(b, b.log(), len(before)+3)
}

func auditStock(b *bundle) {
	p := b.product(10)
	b.order("ann", "", Line{p, 3})
	before := len(b.log())
	adjust := func(delta int64, key string) *commerce.Entry {
		return audit(b.w.Adjust(p.ID, delta, key), commerce.AuditStockAdjusted, b.w.Now())
	}
	b.apply(adjust(5, ""))
	b.apply(adjust(-1, ""), b.w.Order("ann", "", Line{p, 2}), adjust(-2, ""))
	b.apply(adjust(20, "key"))
	type level struct {
		OnHand    int64  `json:"on_hand"`
		Allocated int64  `json:"allocated"`
		Reason    string `json:"reason"`
	}
	var got []level
	for _, r := range b.log()[before:] {
		require.Equal(b, commerce.AuditStockAdjusted, r.Action)
		var was, is level
		require.NoError(b, json.Unmarshal([]byte(r.Before), &was))
		require.NoError(b, json.Unmarshal([]byte(r.After), &is))
		is.Reason = ""
		got = append(got, was, is)
	}
	require.Equal(b, []level{
		{OnHand: 10, Allocated: 3},
		{OnHand: 15, Allocated: 3},
		{OnHand: 15, Allocated: 3},
		{OnHand: 14, Allocated: 3},
		{OnHand: 14, Allocated: 5},
		{OnHand: 12, Allocated: 5},
		{OnHand: 12, Allocated: 5},
		{OnHand: 32, Allocated: 5},
	}, got)
}

func auditAgain(b *bundle) {
	p := b.product(3)
	before := len(b.log())
	batch := b.batch(b.audited("LAMP"), b.audited("LAMP"), audit(b.w.Adjust(p.ID, 1, "key"), commerce.AuditStockAdjusted, b.w.Now()))
	require.NoError(b, b.writer.Commit(b.Context(), batch, &b.res))
	want := b.log()
	require.Len(b, want, before+2)
	for range 2 { // from memory, then from the tables
		require.NoError(b, b.writer.Commit(b.Context(), batch, &b.res))
		require.Equal(b, want, b.log())
		b.verify()
	}
	replay := audit(b.w.Adjust(p.ID, 1, "key"), commerce.AuditStockAdjusted, b.w.Now())
	require.Equal(b, []commerce.OutcomeKind{commerce.Replay}, b.kinds(replay))
	require.Equal(b, want, b.log())
	b.apply(b.audited(""))
	require.Len(b, b.log(), before+3)
}

func auditBetween(b *bundle) {
	before := len(b.log())
	var want []commerce.AuditRecord
	for range 3 {
		e := b.audited("")
		b.apply(e)
		record := b.note(commerce.AuditOrdersExported)
		require.NoError(b, b.store.RecordAudit(b.Context(), record))
		want = append(want, *e.Audit, *record)
	}
	require.Equal(b, want, b.log()[before:])
	head, err := b.store.AuditHead(b.Context())
	require.NoError(b, err)
	last := want[len(want)-1]
	require.Equal(b, persistence.AuditHead{Seq: last.Seq, Hash: last.Hash}, head)
}

func auditFenced(b *bundle) {
	b.apply(b.audited(""))
	before := b.log()
	old := b.writer
	batch := b.batch(b.audited(""))
	b.openWriter()
	require.ErrorIs(b, old.Commit(b.Context(), batch, &b.res), persistence.ErrFenced)
	require.Equal(b, before, b.log())
	b.apply(b.audited(""))
	require.Len(b, b.log(), len(before)+1)
}

// auditBeside lets a writer, an operator and somebody who exports race.
func auditBeside(b *bundle) {
	const rounds = 25
	var wait sync.WaitGroup
	errs := make([]error, 3)
	ids := make([]commerce.ID, rounds)
	notes := make([]commerce.AuditRecord, 3*rounds) // a record each, made before the race: the workload is one goroutine's
	for i := range rounds {
		ids[i] = b.w.ID()
	}
	for i := range notes {
		notes[i] = *b.note(commerce.AuditOrdersExported)
	}
	for i := range 2 {
		wait.Go(func() {
			for n := range rounds {
				errs[i] = errors.Join(errs[i], b.store.RecordAudit(b.Context(), &notes[i*rounds+n]))
			}
		})
	}
	wait.Go(func() {
		for n, id := range ids {
			key := &persistence.AccessKey{ID: id, Name: "race", Subject: "ann", CreatedAt: id.Time(), Version: 1}
			errs[2] = errors.Join(errs[2], b.store.PutAccessKey(b.Context(), key, &notes[2*rounds+n]))
		}
	})
	p := b.product(100)
	for i := range rounds {
		b.apply(b.w.Order("ann", "", Line{p, 1}), b.audited(""), b.audited(""))
		if i%5 == 0 {
			report := b.audits(persistence.AuditHead{})
			require.True(b, report.OK(), "beside those who append: %v", report.Fault)
		}
	}
	wait.Wait()
	require.NoError(b, errors.Join(errs...))
	count := make(map[string]int)
	for _, r := range b.log() {
		count[r.Correlation]++
	}
	require.Equal(b, 3*rounds, count[requestOfNote])
	require.Equal(b, 2*rounds, count[requestOfEntry])
	b.verify()
}

func auditPages(b *bundle) {
	for range 30 {
		require.NoError(b, b.store.RecordAudit(b.Context(), b.note(commerce.AuditBooksVerified)))
	}
	all := b.log()
	for _, limit := range []int{1, 7, persistence.PageMax + 1} {
		var got []commerce.AuditRecord
		for {
			page, err := b.store.AuditRecords(b.Context(), uint64(len(got)), limit)
			require.NoError(b, err)
			require.LessOrEqual(b, len(page), min(limit, persistence.PageMax))
			if len(page) == 0 {
				break
			}
			got = append(got, page...)
		}
		require.Equal(b, all, got, "in pages of %d", limit)
	}
	for _, limit := range []int{0, -1} {
		none, err := b.store.AuditRecords(b.Context(), 0, limit)
		require.NoError(b, err)
		require.Empty(b, none)
	}
	none, err := b.store.AuditRecords(b.Context(), 1<<63-1, 10)
	require.NoError(b, err)
	require.Empty(b, none)
}

func auditTexts(b *bundle) {
	for _, text := range []string{`\`, `"`, `'; --`, "$1", "a\tb\r\nc", "é e\u0301", "조명 💡", `{"a":" \u0000 \u2028 <&>"}`, ""} {
		e := b.audited("")
		e.Audit.Actor, e.Audit.Before, e.Audit.After, e.Audit.Correlation = text, text, text, text
		record := *e.Audit
		b.apply(e)
		require.NoError(b, b.store.RecordAudit(b.Context(), &record))
		all := b.log()
		require.Equal(b, []commerce.AuditRecord{*e.Audit, record}, all[len(all)-2:])
	}
}

// auditSurvives crashes after every few changes: an entry and its record are both there.
func auditSurvives(b *bundle) {
	var made []commerce.ID
	var want []commerce.AuditRecord
	keys := 0
	for round := range 6 {
		for i := range 1 + round%3 {
			e := b.audited("")
			b.apply(e)
			made, want = append(made, e.Product.Row.ID), append(want, *e.Audit)
			record := b.note(commerce.AuditOrdersExported)
			require.NoError(b, b.store.RecordAudit(b.Context(), record))
			want = append(want, *record)
			if i == 1 {
				record := b.note(commerce.AuditKeyCreated)
				require.NoError(b, b.store.PutAccessKey(b.Context(), b.newKey(), record))
				want = append(want, *record)
				keys++
			}
		}
		b.crash()
		require.Equal(b, want, b.log(), "round %d", round)
		for _, id := range made {
			_, err := b.store.Product(b.Context(), id)
			require.NoError(b, err)
		}
		stored, err := b.store.AccessKeys(b.Context())
		require.NoError(b, err)
		require.Len(b, stored, keys)
		version, err := b.store.AccessVersion(b.Context())
		require.NoError(b, err)
		require.EqualValues(b, keys, version)
		b.openWriter()
	}
}
