package pgstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// outcomeRow is an outcome as the writer's row keeps it, for a batch that comes again.
type outcomeRow struct {
	Kind  commerce.OutcomeKind `json:"kind"`
	Key   *commerce.KeyBinding `json:"key,omitzero"`
	Stock *commerce.Stock      `json:"stock,omitzero"`
}

// encodeOutcomes returns nil when every entry applied.
func encodeOutcomes(outcomes []commerce.Outcome) ([]byte, error) {
	rows := make([]outcomeRow, len(outcomes))
	applied := 0
	for i := range outcomes {
		o := &outcomes[i]
		rows[i].Kind = o.Kind
		if o.Kind == commerce.Applied {
			applied++
		}
		if o.Key != (commerce.KeyBinding{}) {
			rows[i].Key = &o.Key
		}
		if o.Stock != (commerce.Stock{}) {
			rows[i].Stock = &o.Stock
		}
	}
	if applied == len(outcomes) {
		return nil, nil
	}
	b, err := json.Marshal(rows)
	if err != nil {
		return nil, fmt.Errorf("encode outcomes: %w", err)
	}
	return b, nil
}

// decodeOutcomes reads the outcomes of a batch of n entries.
func decodeOutcomes(dst []commerce.Outcome, b []byte, n int) ([]commerce.Outcome, error) {
	if b == nil {
		for range n {
			dst = append(dst, commerce.Outcome{Kind: commerce.Applied})
		}
		return dst, nil
	}
	var rows []outcomeRow
	if err := json.Unmarshal(b, &rows); err != nil {
		return nil, fmt.Errorf("decode outcomes: %w", err)
	}
	if len(rows) != n {
		return nil, fmt.Errorf("%w: the batch has come back with %d entries, it had %d", persistence.ErrFenced, n, len(rows))
	}
	for i := range rows {
		o := commerce.Outcome{Kind: rows[i].Kind}
		if rows[i].Key != nil {
			o.Key = *rows[i].Key
		}
		if rows[i].Stock != nil {
			o.Stock = *rows[i].Stock
		}
		dst = append(dst, o)
	}
	return dst, nil
}

// recall answers a batch that has been committed before: with its outcomes, the levels that its lines
// reached, and the rows of its products as they are now.
func (w *writer) recall(t turn, batch *persistence.Batch, res *persistence.Result) (err error) {
	w.store.stats.again.Add(1)
	if res.Outcomes, err = decodeOutcomes(res.Outcomes[:0], t.outcomes, len(batch.Entries)); err != nil {
		return err
	}
	products, lines := movedBy(batch, res.Outcomes)
	res.Stock = res.Stock[:0]
	levels := make(map[commerce.ID][]commerce.Stock, len(products))
	q := &pgx.Batch{}
	q.Queue(`SELECT product, on_hand, allocated, version FROM stock WHERE product = ANY ($1::uuid[]) ORDER BY product`, products)
	q.Queue(`
		SELECT m.product, m.on_hand, m.allocated, m.version FROM unnest($1::uuid[], $2::bigint[]) AS u (product, lines), LATERAL (
			SELECT * FROM stock_movements WHERE product = u.product AND writer = $3::bigint AND batch = $4::bigint
			 ORDER BY version DESC LIMIT u.lines) m
		 ORDER BY m.product, m.version`, products, lines, w.number, int64(batch.Seq))
	results := w.conn.SendBatch(context.Background(), q)
	defer func() { err = errors.Join(err, results.Close()) }()
	scan := func(use func(commerce.Stock)) func(pgx.Rows) error {
		return func(rows pgx.Rows) error {
			var row commerce.Stock
			err := rows.Scan((*[16]byte)(&row.Product), &row.OnHand, &row.Allocated, &row.Version)
			use(row)
			return err
		}
	}
	if err := loadRows(results, scan(func(row commerce.Stock) { res.Stock = append(res.Stock, row) })); err != nil {
		return err
	}
	if err := loadRows(results, scan(func(row commerce.Stock) { levels[row.Product] = append(levels[row.Product], row) })); err != nil {
		return err
	}
	return restoreLevels(batch, res.Outcomes, levels)
}

// restoreLevels writes the levels into the entries that applied, as Commit had done.
func restoreLevels(batch *persistence.Batch, outcomes []commerce.Outcome, levels map[commerce.ID][]commerce.Stock) error {
	for i, e := range batch.Entries {
		if outcomes[i].Kind != commerce.Applied {
			continue
		}
		for j := range e.Movements {
			m := &e.Movements[j]
			left := levels[m.Product]
			if len(left) == 0 {
				return fmt.Errorf("%w: the ledger of product %s lacks lines of batch %d", persistence.ErrFenced, m.Product, batch.Seq)
			}
			m.Level, levels[m.Product] = left[0], left[1:]
		}
		if e.Key != nil && e.Key.Operation == commerce.OperationAdjustStock {
			e.Key.Version = e.Movements[0].Level.Version
		}
	}
	return nil
}
