package pebblestore

import (
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/salesbook"
	"github.com/penstock-dev/penstock/persistence/storetest"
)

// small returns options for stores that tests make by the hundred.
func small(fs vfs.FS) Options {
	return Options{
		Dir: "data", FS: fs, FreeSpaceMin: -1, CacheSize: 1 << 20, MemTableSize: 256 << 10,
		Logger: slog.New(slog.DiscardHandler), accessKeysMax: 30,
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	t.Run("folding now and then", func(t *testing.T) {
		t.Parallel()
		conform(t, func(t storetest.T) *storetest.Place {
			return openPlace(t, small(vfs.NewCrashableMem()))
		})
	})
	t.Run("folding only when it must", func(t *testing.T) {
		t.Parallel()
		conform(t, func(t storetest.T) *storetest.Place {
			opts := small(vfs.NewCrashableMem())
			opts.FoldInterval = time.Hour
			return openPlace(t, opts)
		})
	})
	t.Run("folding and merging all the time", func(t *testing.T) {
		t.Parallel()
		conform(t, func(t storetest.T) *storetest.Place {
			opts := small(vfs.NewCrashableMem())
			opts.FoldEntries, opts.FoldInterval, opts.salesDeltasMax = 1, time.Millisecond, 3
			opts.ledgerLinesMax, opts.mergeProductsMax = 3, 1
			return openPlace(t, opts)
		})
	})
}

func conform(t *testing.T, open storetest.Factory) {
	t.Helper()
	storetest.Run(t, open)
	storetest.RunCrashes(t, open)
}

func openPlace(t storetest.T, opts Options) *storetest.Place {
	t.Helper()
	s, err := Open(t.Context(), opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return &storetest.Place{
		Store: s,
		Crash: func(t storetest.T) *storetest.Place {
			opts := opts
			opts.FS = opts.FS.(*vfs.MemFS).CrashClone(vfs.CrashCloneCfg{})
			return openPlace(t, opts)
		},
		Forget: func(t storetest.T) *storetest.Place {
			require.NoError(t, s.Close())
			forgetSales(t, opts)
			return openPlace(t, opts)
		},
		Tamper: func(t storetest.T, edit func(*storetest.AuditRows)) *storetest.Place {
			tamper(t, s, edit)
			require.NoError(t, s.Close())
			return openPlace(t, opts)
		},
		AccessKeysMax: opts.accessKeysMax,

		Corrupt:     func(t storetest.T, c storetest.Corruption, id commerce.ID) { corrupt(t, s, c, id) },
		Corruptions: storetest.Corruptions(),
	}
}

// corrupt changes the tables directly. REQUIRES: everything is folded.
func corrupt(t storetest.T, s *Store, c storetest.Corruption, id commerce.ID) {
	db := s.mu.instance.db
	read := func(key []byte) (row []byte) {
		found, err := get(db, key, func(b []byte) error { row = append(row, b...); return nil })
		require.NoError(t, err)
		require.True(t, found)
		return row
	}
	set := func(key, row []byte) { require.NoError(t, db.Set(key, row, pebble.Sync)) }
	remove := func(key []byte) {
		read(key)
		require.NoError(t, db.Delete(key, pebble.Sync))
	}
	order := func() *commerce.Order {
		o, err := decodeOrder(id, read(idKey(nil, tableOrders, id)))
		require.NoError(t, err)
		return o
	}
	switch c {
	case storetest.StockRowOff:
		mergeAll(t, s)
		key := idKey(nil, tableStock, id)
		row, err := decodeStock(id, read(key))
		require.NoError(t, err)
		row.OnHand++
		set(key, appendStock(nil, row))
	case storetest.StockRowGone:
		mergeAll(t, s)
		remove(idKey(nil, tableStock, id))
	case storetest.LedgerLineGone:
		spoilLedger(t, s, id, func(lines []runLine) []runLine {
			return slices.DeleteFunc(lines, func(line runLine) bool { return line.version == 2 })
		})
	case storetest.LedgerLineTwice:
		level, err := s.Stock(t.Context(), id)
		require.NoError(t, err)
		spoilLedger(t, s, id, func(lines []runLine) []runLine {
			if last := lines[len(lines)-1]; last.version == level.Version {
				last.version++
				lines = append(lines, last)
			}
			return lines
		})
	case storetest.EventGone:
		remove(numberedKey(nil, tableEvents, id, 2))
	case storetest.OrderGone:
		remove(idKey(nil, tableOrders, id))
	case storetest.OrderStatusWrong:
		o := order()
		o.Status = commerce.StatusShipped
		set(idKey(nil, tableOrders, id), appendOrder(nil, o))
	case storetest.StatusIndexStale:
		remove(append(statusPrefix(nil, order().Status), id[:]...))
		set(append(statusPrefix(nil, commerce.StatusCompleted), id[:]...), nil)
	case storetest.ProductIndexShort:
		mergeAll(t, s)
		spoilPacks(t, s, order().Items[0].Product, func(orders []commerce.ID) []commerce.ID {
			return slices.DeleteFunc(orders, func(order commerce.ID) bool { return order == id })
		})
	case storetest.CustomerIndexGone:
		remove(append(customerPrefix(nil, order().Customer), id[:]...))
	case storetest.KeyOrphan:
		set(bindingKey(nil, commerce.KeyID{1}), appendBinding(nil, &commerce.KeyBinding{
			Operation: commerce.OperationPlaceOrder, Resource: commerce.ID{1}, Version: 1, ExpiresAt: time.Now(),
		}))
	case storetest.KeyDouble:
		set(bindingKey(nil, commerce.KeyID{1}), appendBinding(nil, &commerce.KeyBinding{
			Operation: commerce.OperationPlaceOrder, Resource: id, Version: 1, ExpiresAt: time.Now(),
		}))
	case storetest.SalesOff:
		set(salesDayKey(1), salesbook.AppendBuckets(nil, bogusSale()))
	default:
		t.Errorf("unknown corruption %q", c)
	}
}

// tamper changes the rows of the audit log directly.
func tamper(t storetest.T, s *Store, edit func(*storetest.AuditRows)) {
	t.Helper()
	db := s.mu.instance.db
	var rows storetest.AuditRows
	require.NoError(t, scan(t.Context(), db, []byte{tableAudit}, func(key, value []byte) error {
		r, err := decodeAudit(auditSeq(key), value)
		rows.Records = append(rows.Records, r)
		return err
	}))
	_, err := get(db, []byte(metaAudit), func(row []byte) (err error) {
		rows.Head, err = decodeAuditHead(row)
		return err
	})
	require.NoError(t, err)
	edit(&rows)
	require.NoError(t, db.DeleteRange([]byte{tableAudit}, []byte{tableAudit + 1}, pebble.Sync))
	for i := range rows.Records {
		r := &rows.Records[i]
		require.NoError(t, db.Set(auditKey(r.Seq), encodeAudit(r), pebble.Sync))
	}
	require.NoError(t, db.Set([]byte(metaAudit), encodeAuditHead(rows.Head), pebble.Sync))
}

// bogusSale is a sum of an order that does not exist, on the second of January 1970.
func bogusSale() []salesbook.Bucket {
	key := salesbook.NewBucketKey(persistence.QuartersADay, commerce.DefaultCurrency(), commerce.StatusPaid)
	return []salesbook.Bucket{{Key: key, Orders: 1, Amount: persistence.SumOf(1)}}
}

// forgetSales makes a closed store one from before there were sums of sales.
func forgetSales(t storetest.T, opts Options) {
	db, err := pebble.Open(opts.Dir, &pebble.Options{FS: opts.FS, FormatMajorVersion: formatMajorVersion, Logger: &pebbleLogger{slog: opts.Logger, fuse: newFuse(opts.FS)}})
	require.NoError(t, err)
	require.NoError(t, db.DeleteRange([]byte{tableSales}, []byte{tableSales + 1}, pebble.Sync))
	require.NoError(t, db.Delete([]byte(metaSales), pebble.Sync))
	require.NoError(t, db.Close())
}
