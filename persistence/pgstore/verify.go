package pgstore

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-dev/penstock/persistence"
)

// Verify implements persistence.Store. The sums are made by the database, in statements that each return
// what is wrong and nothing else, on one snapshot. They only read: nothing waits for them, and they wait
// for nobody. While they run, the database keeps the dead rows that they may still have to see.
//
// They run on one core: a million orders of two items, with their keys, take it some twenty seconds. Rows
// of large tables are read in the order of their primary keys or added up by product, so that memory and
// temporary files grow with the catalogue and not with the orders; only keys and orders are joined by
// hashes.
func (s *Store) Verify(ctx context.Context, progress func(rows int64)) (report *persistence.Report, err error) {
	told := int64(0)
	tell := func(rows int64) {
		if told = max(told, rows); progress != nil { // a lost connection begins anew
			progress(told)
		}
	}
	err = s.read(ctx, "books", func(conn *pgx.Conn) error {
		v := &verifier{report: &persistence.Report{At: time.Now().UTC()}}
		report = v.report
		options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
		return pgx.BeginTxFunc(ctx, conn, options, func(tx pgx.Tx) error {
			v.tx = tx
			return v.run(ctx, tell)
		})
	})
	if err != nil {
		return nil, err
	}
	return report, nil
}

// verifySettings holds for the transaction. The planner is free again to choose what suits whole tables.
const verifySettings = `
	SET LOCAL statement_timeout = 0;
	SET LOCAL idle_in_transaction_session_timeout = 0;
	SET LOCAL work_mem = '64MB';
	SET LOCAL max_parallel_workers_per_gather = 0;
	SET LOCAL jit = off;
	SET LOCAL plan_cache_mode = force_custom_plan;
	SET LOCAL enable_seqscan = on;
	SET LOCAL enable_sort = on;
	SET LOCAL enable_incremental_sort = on`

// verifier is one run of Verify.
type verifier struct {
	tx     pgx.Tx
	report *persistence.Report
	rows   int64 // checked so far
}

// pass is one look at some tables.
type pass struct {
	check func(context.Context) error
	reads map[string]*int64 // tables, and where the number of their rows goes
}

func (v *verifier) run(ctx context.Context, tell func(rows int64)) error {
	if _, err := v.tx.Exec(ctx, verifySettings); err != nil {
		return fmt.Errorf("set up the session: %w", err)
	}
	r := v.report
	for _, p := range []pass{
		{v.checkLedger, map[string]*int64{"stock_movements": &r.Movements}},
		{v.checkBooks, map[string]*int64{"products": &r.Products, "orders": &r.Orders}},
		{v.checkTimelines, map[string]*int64{"order_events": &r.Events}},
		{v.checkSales, nil},
		{v.checkKeys, map[string]*int64{"idempotency_keys": &r.Keys}},
	} {
		for table, rows := range p.reads {
			if err := v.tx.QueryRow(ctx, "SELECT count(*) FROM "+table).Scan(rows); err != nil {
				return fmt.Errorf("count %s: %w", table, err)
			}
			v.rows += *rows
		}
		if err := p.check(ctx); err != nil {
			return err
		}
		tell(v.rows)
	}
	return nil
}

// find runs a statement that returns faults: kind, entity, detail and, in each row, how many there are in
// all. Its first parameter is how many rows it may return.
func (v *verifier) find(ctx context.Context, what, sql string, args ...any) (faults []persistence.Fault, all int64, err error) {
	faults, err = query(ctx, v.tx.Conn(), func(row pgx.CollectableRow) (f persistence.Fault, err error) {
		err = row.Scan(&f.Kind, &f.Entity, &f.Detail, &all)
		return f, err
	}, sql, append([]any{persistence.FaultsMax}, args...)...)
	if err != nil {
		return nil, 0, fmt.Errorf("check %s: %w", what, err)
	}
	return faults, all, nil
}

// note adds what find found to the report.
func (v *verifier) note(faults []persistence.Fault, all int64) {
	for _, f := range faults {
		v.report.Add(f.Kind, f.Entity, f.Detail)
	}
	v.report.FaultsAll += all - int64(len(faults))
}

// check notes what a statement finds.
func (v *verifier) check(ctx context.Context, what, sql string, args ...any) error {
	faults, all, err := v.find(ctx, what, sql, args...)
	v.note(faults, all)
	return err
}
