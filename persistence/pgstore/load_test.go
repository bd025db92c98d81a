package pgstore

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/storetest"
)

func tryLoader(t *testing.T, url, source string, restart bool) (*Loader, error) {
	t.Helper()
	return OpenLoader(t.Context(), Options{URL: url, Logger: slog.New(slog.DiscardHandler)}, source, restart)
}

func mustOpenLoader(t *testing.T, url string) *Loader {
	t.Helper()
	l, err := tryLoader(t, url, "a shop", false)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

// loadStock loads the stock rows of so many products that do not exist: loading does not look.
func loadStock(t *testing.T, l *Loader, w *storetest.Workload, rows int) Mark {
	t.Helper()
	chunk := l.NewRows(TableStock)
	var mark Mark
	for range rows {
		mark.ID = w.ID()
		chunk.Stock(commerce.Stock{Product: mark.ID, OnHand: 7, Version: 1})
	}
	require.NoError(t, l.Load(t.Context(), "stock", chunk, mark))
	return mark
}

func TestALoaderGoesOnAtItsMark(t *testing.T) {
	t.Parallel()
	url, w := newDatabase(t), storetest.NewWorkload(1)
	l := mustOpenLoader(t, url)
	require.Zero(t, l.Mark("stock"))
	loadStock(t, l, w, 3)
	mark := loadStock(t, l, w, 2)
	mark.Rows = 5
	require.Equal(t, mark, l.Mark("stock"))
	require.NoError(t, l.Close())

	l = mustOpenLoader(t, url)
	require.Equal(t, mark, l.Mark("stock"))
	require.Zero(t, l.Mark("orders"))
	d, err := l.Digest(t.Context(), TableStock, time.Now())
	require.NoError(t, err)
	require.EqualValues(t, 5, d.Rows)
	require.NoError(t, l.Finish(t.Context()))
	_, err = openStore(t, url).OpenWriter(t.Context())
	require.NoError(t, err)
}

func TestAChunkIsLoadedWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	l := mustOpenLoader(t, newDatabase(t))
	chunk := l.NewRows(TableStock)
	chunk.Stock(commerce.Stock{Product: commerce.ID{1}, OnHand: 7, Version: 1})
	chunk.Stock(commerce.Stock{Product: commerce.ID{2}, OnHand: 7, Allocated: 8, Version: 1}) // more than there are
	require.Error(t, l.Load(t.Context(), "stock", chunk, Mark{ID: commerce.ID{2}}))
	require.Zero(t, l.Mark("stock"))
	d, err := l.Digest(t.Context(), TableStock, time.Now())
	require.NoError(t, err)
	require.Equal(t, Digest{}, d)
}

func TestALoaderIsRefused(t *testing.T) {
	t.Parallel()

	t.Run("where there is a shop", func(t *testing.T) {
		t.Parallel()
		url := newDatabase(t)
		store := openStore(t, url)
		writer, err := store.OpenWriter(t.Context())
		require.NoError(t, err)
		w := storetest.NewWorkload(1)
		w.Epoch = writer.Epoch()
		var res persistence.Result
		require.NoError(t, writer.Commit(t.Context(), w.Batch(writer.NextSeq(), w.Product("", 1)), &res))
		_, err = tryLoader(t, url, "a shop", false)
		require.ErrorIs(t, err, ErrNotEmpty)
		require.NoError(t, writer.Commit(t.Context(), w.Batch(writer.NextSeq(), w.Product("", 1)), &res), "nobody was fenced")
		_, err = tryLoader(t, url, "a shop", true)
		require.ErrorIs(t, err, ErrNotEmpty, "only an unfinished copy is thrown away")
	})

	t.Run("where another source is half copied, unless that is thrown away", func(t *testing.T) {
		t.Parallel()
		url, w := newDatabase(t), storetest.NewWorkload(1)
		l := mustOpenLoader(t, url)
		loadStock(t, l, w, 3)
		require.NoError(t, l.Close())
		_, err := tryLoader(t, url, "another shop", false)
		require.ErrorIs(t, err, ErrOtherCopy)
		require.ErrorContains(t, err, "it is of a shop; this is another shop")

		l, err = tryLoader(t, url, "another shop", true)
		require.NoError(t, err)
		require.Zero(t, l.Mark("stock"))
		d, err := l.Digest(t.Context(), TableStock, time.Now())
		require.NoError(t, err)
		require.Zero(t, d.Rows)
		require.NoError(t, l.Finish(t.Context()))
		require.NoError(t, l.Close())
	})

	t.Run("where a copy is finished", func(t *testing.T) {
		t.Parallel()
		url, w := newDatabase(t), storetest.NewWorkload(1)
		l := mustOpenLoader(t, url)
		loadStock(t, l, w, 1)
		require.NoError(t, l.Finish(t.Context()))
		require.NoError(t, l.Close())
		_, err := tryLoader(t, url, "a shop", true)
		require.ErrorIs(t, err, ErrNotEmpty)
		require.ErrorContains(t, err, "it holds a finished copy of a shop")
	})

	t.Run("while another one is at work", func(t *testing.T) {
		t.Parallel()
		url := newDatabase(t)
		mustOpenLoader(t, url)
		_, err := tryLoader(t, url, "a shop", false)
		require.ErrorIs(t, err, ErrCopyRunning)
	})

	t.Run("without the schema", func(t *testing.T) {
		t.Parallel()
		_, err := tryLoader(t, shared.Database(t), "a shop", false)
		require.Equal(t, OtherSchema, ObstacleOf(err))
	})
}

func TestALoaderFencesWhoServes(t *testing.T) {
	t.Parallel()
	url := newDatabase(t)
	store := openStore(t, url)
	writer, err := store.OpenWriter(t.Context())
	require.NoError(t, err)
	mustOpenLoader(t, url)
	w := storetest.NewWorkload(1)
	w.Epoch = writer.Epoch()
	var res persistence.Result
	err = writer.Commit(t.Context(), w.Batch(writer.NextSeq(), w.Product("", 1)), &res)
	require.ErrorIs(t, err, persistence.ErrFenced)
	_, err = store.OpenWriter(t.Context())
	require.ErrorIs(t, err, ErrHalfCopied)
}

// TestDigestsAgree compares the digest that rows have here with that of the server, and shows that it
// changes with every column.
func TestDigestsAgree(t *testing.T) {
	t.Parallel()
	w := storetest.NewWorkload(1)
	product := w.Product("SKU", 5)
	order := w.Order("ann", "key", storetest.Line{Product: product.Product.Row, Quantity: 2})
	ship := w.Transition(order.Order.Row, commerce.StatusPaid, "")
	archived := *product.Product.Row
	archived.ID, archived.SKU, archived.Attributes, archived.Archived = w.ID(), "", "", true
	fill := map[Table]func(*testing.T, *Rows){
		TableProducts: func(_ *testing.T, r *Rows) { r.Product(product.Product.Row); r.Product(&archived) },
		TableStock:    func(_ *testing.T, r *Rows) { r.Stock(commerce.Stock{Product: w.ID(), OnHand: 3, Version: 2}) },
		TableMovements: func(_ *testing.T, r *Rows) {
			for i, m := range append(product.Movements, order.Movements...) {
				m.Level = commerce.Stock{Product: m.Product, OnHand: 5, Version: uint64(2*i + 1)}
				r.Movement(&m)
			}
		},
		TableOrders: func(_ *testing.T, r *Rows) { r.Order(order.Order.Row) },
		TableEvents: func(t *testing.T, r *Rows) {
			for _, e := range []*commerce.Event{product.Event, order.Event, ship.Event} {
				require.NoError(t, r.Event(e))
			}
		},
		TableKeys: func(_ *testing.T, r *Rows) { r.Key(order.Key) },
		TableAccess: func(_ *testing.T, r *Rows) {
			r.AccessKey(&persistence.AccessKey{
				ID: w.ID(), Name: "till", Subject: "ann", Scopes: commerce.ScopesAll, CreatedAt: w.Now(), ExpiresAt: w.Now(), RevokedAt: w.Now(),
				Secrets: []persistence.AccessSecret{{Digest: [32]byte{1}}, {Digest: [32]byte{2}, ExpiresAt: w.Now()}}, Version: 3,
			})
			r.AccessKey(&persistence.AccessKey{ID: w.ID(), CreatedAt: w.Now(), Version: 1})
		},
		TableAudit: func(_ *testing.T, r *Rows) {
			record := commerce.AuditRecord{At: w.Now(), Actor: "ann", Action: commerce.AuditKeyCreated, After: `{"a":1}`}
			record.Seal(0, [32]byte{})
			r.Audit(&record)
		},
	}
	for _, table := range loadedTables() {
		t.Run(string(table), func(t *testing.T) {
			t.Parallel()
			l := mustOpenLoader(t, newDatabase(t))
			rows := l.NewRows(table)
			fill[table](t, rows)
			require.Positive(t, rows.Len())
			require.NoError(t, l.Load(t.Context(), "section", rows, Mark{Done: true}))
			here := rows.Digest()
			there, err := l.Digest(t.Context(), table, time.Now())
			require.NoError(t, err)
			require.Equal(t, here, there)
			for _, c := range table.columns() {
				requireDigestChanges(t, l, table, c)
			}
		})
	}
}

// requireDigestChanges changes one column of one row in a transaction that is taken back.
func requireDigestChanges(t *testing.T, l *Loader, table Table, c column) {
	t.Helper()
	others := map[string]string{
		"uuid_send": "gen_random_uuid()", "textsend": "%s || 'x'", "int8send": "%s + 1", "int2send": "%s + 1",
		"timestamptz_send": "%s + interval '1 microsecond'", "json_send": `'{"other":1}'`, "boolsend": "NOT %s",
		"byteasend": `%s || '\x00'`,
	}
	before, err := l.Digest(t.Context(), table, time.Now())
	require.NoError(t, err)
	tx, err := l.conn.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `SET LOCAL session_replication_role = replica`) // the audit log's trigger sleeps
	require.NoError(t, err)
	change := strings.ReplaceAll(others[c.send], "%s", c.name)
	tag, err := tx.Exec(t.Context(), "UPDATE "+string(table)+" SET "+c.name+" = "+change+
		" WHERE ctid = (SELECT min(ctid) FROM "+string(table)+")")
	require.NoError(t, err, c.name)
	require.EqualValues(t, 1, tag.RowsAffected())
	after, err := l.Digest(t.Context(), table, time.Now())
	require.NoError(t, err)
	require.NotEqual(t, before, after, c.name)
	require.NoError(t, tx.Rollback(t.Context()))
}
