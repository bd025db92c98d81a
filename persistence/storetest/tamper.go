package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// forgery is one way to tamper with an audit log. edit returns the number of the record that verification must
// name: the first that is not what it was, or that does not fit what was put before it.
type forgery struct {
	name string
	edit func(f *forger) (wrong uint64)
	// whole says that the log is whole in itself afterwards, so that only an anchor tells.
	whole bool
	// heals says that the next record makes the log whole again: what was wrong was that the head was behind.
	heals bool
}

// forger edits rows, at places that its chance chooses.
type forger struct {
	*AuditRows
	rng *rand.Rand
}

// place chooses a record that has some before and behind it.
func (f *forger) place() int { return 2 + f.rng.IntN(len(f.Records)-4) }

// reseal seals the records from one place to another again, as a forger who knows how it is done.
func (f *forger) reseal(from, to int) {
	for i := from; i < to; i++ {
		f.Records[i].Seal(f.Records[i-1].Seq, f.Records[i-1].Hash)
	}
}

func (f *forger) end() persistence.AuditHead {
	last := &f.Records[len(f.Records)-1]
	return persistence.AuditHead{Seq: last.Seq, Hash: last.Hash}
}

// change changes one field of a record.
func (f *forger) change(r *commerce.AuditRecord) {
	switch f.rng.IntN(9) {
	case 0:
		r.At = r.At.Add(time.Microsecond)
	case 1:
		r.Actor += "e"
	case 2:
		r.Action = commerce.AuditBenchmarkRun
	case 3:
		r.Target = commerce.ID{1}.String()
	case 4:
		r.Before, r.After = r.After+" ", r.Before
	case 5:
		r.After = `{"rows":0}`
	case 6:
		r.Correlation = ""
	case 7:
		r.Previous[f.rng.IntN(32)] ^= 1
	default:
		r.Hash[f.rng.IntN(32)] ^= 1
	}
}

// forgeries lists what can be done to a log. Where the rest of the log is sealed again, the next difference is that
// of the head, or nothing but an anchor shows it.
func forgeries() []forgery {
	return []forgery{
		{name: "a record is changed", edit: forgeChange},
		{name: "a record is changed and sealed again", edit: forgeResealed},
		{name: "a record is changed, and it and all behind it sealed again", edit: forgeChain},
		{name: "the same, and the head with them", edit: forgeAll, whole: true},
		{name: "a record is taken out", edit: forgeGone},
		{name: "a record is taken out, and those behind it moved up", edit: forgeMovedUp},
		{name: "two records change places", edit: forgeSwap},
		{name: "a record is put in", edit: forgeInsert},
		{name: "a record stands there twice", edit: forgeTwice},
		{name: "a record is put behind the end", edit: forgeBehind, heals: true},
		{name: "the end is cut off", edit: forgeCut},
		{name: "the end is cut off, and the head moved back", edit: forgeCutHead, whole: true},
		{name: "the head says more", edit: func(f *forger) uint64 { f.Head.Seq += 3; return f.Head.Seq - 2 }},
		{name: "the head says less", edit: func(f *forger) uint64 { f.Head.Seq -= 3; return f.Head.Seq }, heals: true},
		{name: "the head has another hash", edit: func(f *forger) uint64 { f.Head.Hash[7] ^= 1; return f.Head.Seq }},
		{name: "the beginning is taken out", edit: func(f *forger) uint64 { f.Records = f.Records[3:]; return 1 }},
		{name: "everything is taken out but the head", edit: func(f *forger) uint64 { f.Records = nil; return 1 }},
		{name: "everything is taken out", edit: func(f *forger) uint64 { *f.AuditRows = AuditRows{}; return 1 }, whole: true},
	}
}

func forgeChange(f *forger) uint64 {
	r := &f.Records[f.place()]
	f.change(r)
	return r.Seq
}

func forgeResealed(f *forger) uint64 {
	at := f.place()
	f.change(&f.Records[at])
	f.Records[at].Actor = "nobody"
	f.reseal(at, at+1)
	return f.Records[at+1].Seq
}

func forgeChain(f *forger) uint64 {
	at := f.place()
	f.Records[at].Actor = "nobody"
	f.reseal(at, len(f.Records))
	return f.Head.Seq
}

func forgeAll(f *forger) uint64 {
	forgeChain(f)
	f.Head = f.end()
	return f.Head.Seq
}

func forgeGone(f *forger) uint64 {
	at := f.place()
	wrong := f.Records[at].Seq
	f.Records = slices.Delete(f.Records, at, at+1)
	return wrong
}

func forgeMovedUp(f *forger) uint64 {
	wrong := forgeGone(f)
	f.number()
	return wrong
}

// number makes the numbers of records what their places say.
func (f *forger) number() {
	for i := range f.Records {
		f.Records[i].Seq = uint64(i + 1)
	}
}

func forgeSwap(f *forger) uint64 {
	at := f.place()
	f.Records[at], f.Records[at+1] = f.Records[at+1], f.Records[at]
	f.number()
	return uint64(at + 1)
}

func forgeInsert(f *forger) uint64 {
	at := f.place()
	r := commerce.AuditRecord{At: f.Records[at].At, Actor: "nobody", Action: commerce.AuditKeyRevoked}
	r.Seal(f.Records[at-1].Seq, f.Records[at-1].Hash)
	f.Records = slices.Insert(f.Records, at, r)
	f.number()
	return uint64(at + 2) // the one put in fits; those behind it say that they are others
}

func forgeTwice(f *forger) uint64 {
	at := f.place()
	f.Records = slices.Insert(f.Records, at, f.Records[at])
	f.number()
	return uint64(at + 2)
}

func forgeBehind(f *forger) uint64 {
	r := commerce.AuditRecord{At: f.Records[0].At, Actor: "nobody", Action: commerce.AuditKeyRevoked}
	r.Seal(f.Head.Seq, f.Head.Hash)
	f.Records = append(f.Records, r)
	return r.Seq
}

func forgeCut(f *forger) uint64 {
	at := f.place()
	wrong := f.Records[at].Seq
	f.Records = f.Records[:at]
	return wrong
}

func forgeCutHead(f *forger) uint64 {
	wrong := forgeCut(f)
	f.Head = f.end()
	return wrong
}

// forgeriesTried is how many forgeries auditTampered tries.
const forgeriesTried = 100

func auditTampered(b *bundle) {
	if b.place.Tamper == nil {
		b.Logf("not tried: rows cannot be changed behind this store's back")
		return
	}
	sound := b.fillLog()
	all := forgeries()
	for i := range forgeriesTried {
		kind := all[i%len(all)]
		name := fmt.Sprintf("forgery %d: %s", i, kind.name)
		rng := rand.New(rand.NewPCG(uint64(i), 1))
		var wrong uint64
		b.tamper(func(rows *AuditRows) {
			*rows = AuditRows{Records: slices.Clone(sound.Records), Head: sound.Head}
			wrong = kind.edit(&forger{AuditRows: rows, rng: rng})
		})
		alone := b.audits(persistence.AuditHead{})
		if kind.whole {
			require.True(b, alone.OK(), "%s: %v", name, alone.Fault)
		} else {
			require.NotNil(b, alone.Fault, name)
			require.Equal(b, wrong, alone.Fault.Seq, "%s: %v", name, alone.Fault)
			require.Equal(b, wrong-1, alone.Records, name)
		}
		anchored := b.audits(sound.Head)
		require.NotNil(b, anchored.Fault, name)
		require.LessOrEqual(b, anchored.Fault.Seq, sound.Head.Seq+1, name)
	}
	b.tamper(func(rows *AuditRows) { *rows = *sound })
	for _, anchor := range []persistence.AuditHead{{}, sound.Head, {Seq: 5, Hash: sound.Records[4].Hash}} {
		report := b.audits(anchor)
		require.True(b, report.OK(), "an untouched log is clean: %v", report.Fault)
		require.Equal(b, sound.Head, report.Head)
		require.EqualValues(b, len(sound.Records), report.Records)
	}
}

// fillLog makes a log of batches, keys and records, and returns what is stored.
func (b *bundle) fillLog() *AuditRows {
	for range 6 {
		b.apply(b.audited(""), b.audited(""))
		require.NoError(b, b.put(b.newKey()))
		require.NoError(b, b.store.RecordAudit(b.Context(), b.note(commerce.AuditOrdersExported)))
	}
	var sound AuditRows
	want := b.log()
	b.tamper(func(rows *AuditRows) { sound = AuditRows{Records: slices.Clone(rows.Records), Head: rows.Head} })
	require.Equal(b, want, sound.Records)
	return &sound
}

func (b *bundle) tamper(edit func(*AuditRows)) {
	b.Helper()
	b.place = b.place.Tamper(b, edit)
	b.store = b.place.Store
}

func (b *bundle) audits(anchor persistence.AuditHead) persistence.AuditReport {
	b.Helper()
	report, err := persistence.VerifyAudit(b.Context(), b.store, anchor, nil)
	require.NoError(b, err)
	return report
}

// auditGoesOn shows that a forgery stops nobody, and that what is appended after it overwrites nothing.
func auditGoesOn(b *bundle) {
	if b.place.Tamper == nil {
		b.Logf("not tried: rows cannot be changed behind this store's back")
		return
	}
	sound := b.fillLog()
	for _, kind := range forgeries() {
		b.tamper(func(rows *AuditRows) {
			*rows = AuditRows{Records: slices.Clone(sound.Records), Head: sound.Head}
			kind.edit(&forger{AuditRows: rows, rng: rand.New(rand.NewPCG(1, 2))})
		})
		var before AuditRows
		b.tamper(func(rows *AuditRows) { before = AuditRows{Records: slices.Clone(rows.Records), Head: rows.Head} })
		b.openWriter()
		e, record := b.audited(""), b.note(commerce.AuditOrdersExported)
		b.apply(e)
		require.NoError(b, b.store.RecordAudit(b.Context(), record), kind.name)
		var after AuditRows
		b.tamper(func(rows *AuditRows) { after = AuditRows{Records: slices.Clone(rows.Records), Head: rows.Head} })
		require.Equal(b, append(before.Records, *e.Audit, *record), after.Records, kind.name)
		report := b.audits(sound.Head)
		require.Equal(b, kind.heals, report.OK(), "%s: %v", kind.name, report.Fault)
	}
}
