package pebblestore

import (
	"encoding/binary"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence/storetest"
)

// mergeAll ends the store's keeper and merges what is in runs. REQUIRES: everything is folded.
func mergeAll(t storetest.T, s *Store) {
	t.Helper()
	s.keep.close()
	s.opts.ledgerLinesMax = 0 // any run is due
	var m merger
	for more := true; more; {
		var err error
		more, err = s.mergeSlice(t.Context(), &m)
		require.NoError(t, err)
	}
	require.Empty(t, s.mu.runs)
}

// mergeSome does one slice of a merge, of as many products. REQUIRES: the store's keeper has ended.
func mergeSome(t storetest.T, s *Store, products int) (more bool) {
	t.Helper()
	s.opts.ledgerLinesMax, s.opts.mergeProductsMax = 0, products
	more, err := s.mergeSlice(t.Context(), new(merger))
	require.NoError(t, err)
	return more
}

// spoilLedger changes what is stored of a product's ledger. edit gets the lines of pages together and those of each
// part of a run, sorted; what it returns is stored instead. The keeper must not merge meanwhile, so it is ended.
func spoilLedger(t storetest.T, s *Store, product commerce.ID, edit func(lines []runLine) []runLine) {
	t.Helper()
	s.keep.close()
	db := s.mu.instance.db
	var pages []runLine
	var page ledgerPage
	prefix := idKey(nil, tableLedger, product)
	require.NoError(t, scan(t.Context(), db, prefix, func(key, value []byte) error {
		err := page.read(key, value)
		for i, row := range page.rows {
			pages = append(pages, runLine{product: product, version: page.first + uint64(i), row: slices.Clone(row)})
		}
		return err
	}))
	require.NoError(t, db.DeleteRange(prefix, prefixEnd(prefix), pebble.Sync))
	if len(pages) > 0 {
		for _, line := range edit(pages) {
			require.NoError(t, db.Set(numberedKey(nil, tableLedger, product, line.version), line.row, pebble.Sync))
		}
	}
	parts := make(map[string][]byte)
	require.NoError(t, scan(t.Context(), db, []byte{tableRuns}, func(key, part []byte) error {
		var lines, others []runLine
		reader := readRunPart(slices.Clone(part), 0)
		for reader.next() {
			line := runLine{product: reader.product, version: reader.version, row: reader.row}
			if line.product == product {
				lines = append(lines, line)
			} else {
				others = append(others, line)
			}
		}
		if len(lines) > 0 {
			others = append(others, edit(lines)...)
			slices.SortFunc(others, compareRunLines)
			parts[string(key)] = loosePart(others)
		}
		return reader.d.end()
	}))
	for key, part := range parts {
		require.NoError(t, db.Set([]byte(key), part, pebble.Sync))
	}
}

// loosePart is a part of a run in which each line is a group, so that there may be gaps.
func loosePart(lines []runLine) []byte {
	b := []byte{rowVersion}
	for _, line := range lines {
		b = append(b, line.product[:]...)
		b = binary.AppendUvarint(b, line.version)
		b = binary.AppendUvarint(b, 1)
		b = appendBytes(b, line.row)
	}
	return b
}

// spoilPacks changes the orders in a product's packs. edit gets each pack's, the oldest first.
func spoilPacks(t storetest.T, s *Store, product commerce.ID, edit func(orders []commerce.ID) []commerce.ID) {
	t.Helper()
	db := s.mu.instance.db
	var packs [][]commerce.ID
	prefix := idKey(nil, tablePacks, product)
	require.NoError(t, scan(t.Context(), db, prefix, func(key, value []byte) error {
		orders, err := readPack(nil, key, value)
		packs = append(packs, orders)
		return err
	}))
	require.NoError(t, db.DeleteRange(prefix, prefixEnd(prefix), pebble.Sync))
	for _, orders := range packs {
		if orders = edit(orders); len(orders) > 0 {
			last := len(orders) - 1
			require.NoError(t, db.Set(packKey(nil, product, orders[last]), appendPack(nil, orders[:last]), pebble.Sync))
		}
	}
}

// makeOld makes a store one of the format before there were runs. REQUIRES: all runs are merged.
func makeOld(t storetest.T, s *Store) {
	t.Helper()
	db := s.mu.instance.db
	batch := db.NewBatch()
	var page ledgerPage
	require.NoError(t, scan(t.Context(), db, []byte{tableLedger}, func(key, value []byte) error {
		if err := page.read(key, value); err != nil {
			return err
		}
		for i, row := range page.rows { // the first one replaces the page
			key := numberedKey(nil, tableLedger, page.product, page.first+uint64(i))
			require.NoError(t, batch.Set(key, row, nil))
		}
		return nil
	}))
	require.NoError(t, scan(t.Context(), db, []byte{tablePacks}, func(key, value []byte) error {
		orders, err := readPack(nil, key, value)
		for _, order := range orders {
			row := append(productPrefix(nil, commerce.ID(key[1:17])), order[:]...)
			require.NoError(t, batch.Set(row, nil, nil))
		}
		return err
	}))
	require.NoError(t, batch.DeleteRange([]byte{tablePacks}, []byte{tablePacks + 1}, nil))
	require.NoError(t, batch.Delete([]byte(metaMerged), nil))
	require.NoError(t, batch.Set([]byte(metaFormat), appendNumber(nil, formatBeforeRuns), nil))
	require.NoError(t, db.Apply(batch, pebble.Sync))
}
