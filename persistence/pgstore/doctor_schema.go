package pgstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// schemaLooks are about the tables and what the role may do with them.
func (x *examiner) schemaLooks() []look {
	return []look{
		{"schema", x.lookSchema},
		{"copy", x.patiently(x.lookCopy)},
		{"privileges", x.lookPrivileges},
		{"ownership", x.lookOwnership},
		{"months ahead", x.lookMonths},
		{"default partitions", x.patiently(x.lookDefaults)},
	}
}

// noSchema is what a check says that needs the tables.
func noSchema() (Check, error) { return ok("not looked at without the schema"), nil }

func (x *examiner) lookSchema(ctx context.Context) (Check, error) {
	err := checkSchema(ctx, x.conn)
	mismatch, isMismatch := errors.AsType[*SchemaError](err)
	switch {
	case err == nil:
		x.schema = true
		newest, err := newestMigration()
		return ok("version %d, the one that this program works with", newest), err
	case isMismatch && mismatch.Found > mismatch.Want:
		return problem(mismatch.Error(), "Run the newer program that made it; there is no way back."), nil
	case isMismatch && mismatch.Found == 0:
		return x.judgeEmpty(ctx, mismatch)
	case isMismatch:
		return problem(mismatch.Error(), "As the tables' owner run: penstock migrate up"), nil
	case ObstacleOf(err) == NotAllowed:
		return problem("the role may not read it", grantAdvice), nil
	default:
		return Check{}, err
	}
}

// judgeEmpty says whether this role could make the tables in a database without them.
func (x *examiner) judgeEmpty(ctx context.Context, missing *SchemaError) (Check, error) {
	var schema, path, role string
	var may bool
	err := x.conn.QueryRow(ctx, `
		SELECT coalesce(quote_ident(current_schema()), ''), current_setting('search_path'), quote_ident(current_user),
		       coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)`).Scan(&schema, &path, &role, &may)
	switch {
	case err != nil:
		return Check{}, err
	case schema == "":
		return problem(fmt.Sprintf("no schema of the search_path (%s) exists, or the role may not use it", path),
			"Make it (CREATE SCHEMA), or name another in search_path."), nil
	case !may:
		return problem(fmt.Sprintf("%s, and %s may not make tables in the schema %s", missing, role, schema),
			fmt.Sprintf("Make the role the database's owner (ALTER DATABASE … OWNER TO %[1]s), or run as the schema's owner: GRANT CREATE ON SCHEMA %[2]s TO %[1]s. "+
				"Then run: penstock migrate up. If others own the tables, let the owner grant the least that docs/postgres.md lists.", role, schema)), nil
	default:
		return problem(missing.Error(), "As the tables' owner run: penstock migrate up"), nil
	}
}

func (x *examiner) lookCopy(ctx context.Context) (Check, error) {
	if !x.schema {
		return noSchema()
	}
	var source string
	var finished *time.Time
	err := x.conn.QueryRow(ctx, `SELECT source, finished_at FROM copies`).Scan(&source, &finished)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return ok("nothing was copied into this database"), nil
	case err != nil:
		return Check{}, err
	case finished == nil:
		return problem("an unfinished copy of "+source, "Run the same penstock copy again: it goes on where it ended. With --restart it begins again."), nil
	default:
		return ok("copied from %s, finished at %s", source, finished.UTC().Format(time.RFC3339)), nil
	}
}

// usedTables lists the tables that a server uses, with the privileges it needs.
func usedTables() map[string]string {
	return map[string]string{
		"engine": "SELECT, UPDATE", "writers": "SELECT, INSERT, UPDATE, DELETE", "partitions": "SELECT, UPDATE",
		"products": "SELECT, INSERT, UPDATE", "stock": "SELECT, INSERT, UPDATE", "stock_movements": "SELECT, INSERT",
		"orders": "SELECT, INSERT, UPDATE", "order_events": "SELECT, INSERT", "idempotency_keys": "SELECT, INSERT, UPDATE, DELETE",
		"access_keys": "SELECT, INSERT, UPDATE", "access_state": "SELECT, UPDATE",
		"audit_log": "SELECT, INSERT", "audit_head": "SELECT, INSERT, UPDATE",
		"copies": "SELECT", versionTable: "SELECT",
		"sales_state": "SELECT, UPDATE", "sales_marks": "SELECT, INSERT, UPDATE, DELETE", "sales_numbers": "SELECT, INSERT",
		"sales_deltas": "SELECT, INSERT, DELETE", "sales_rows": "SELECT, INSERT, UPDATE", "ledger_lag": "SELECT, UPDATE",
	}
}

// grantAdvice is what to do about missing privileges.
const grantAdvice = "Let the tables' owner grant them: docs/postgres.md lists the least that are needed."

func (x *examiner) lookPrivileges(ctx context.Context) (Check, error) {
	if !x.schema {
		return noSchema()
	}
	var names, privileges []string
	for name, needed := range usedTables() {
		for privilege := range strings.SplitSeq(needed, ", ") {
			names, privileges = append(names, name), append(privileges, privilege)
		}
	}
	rows, err := x.conn.Query(ctx, `
		SELECT privilege || ' on ' || name FROM unnest($1::text[], $2::text[]) AS u (name, privilege)
		 WHERE NOT has_table_privilege(name, privilege) ORDER BY 1`, names, privileges)
	if err != nil {
		return Check{}, err
	}
	missing, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return Check{}, err
	}
	if len(missing) > 0 {
		return problem("the role lacks "+strings.Join(missing, ", "),
			grantAdvice), nil
	}
	return ok("the role may read and write every table it needs to"), nil
}

func (x *examiner) lookOwnership(ctx context.Context) (Check, error) {
	if !x.schema {
		return noSchema()
	}
	var owner bool
	err := x.conn.QueryRow(ctx, `
		SELECT bool_and(pg_has_role(c.relowner, 'USAGE') AND has_schema_privilege(c.relnamespace, 'CREATE'))
		  FROM pg_class c WHERE c.oid IN ('orders'::regclass, 'order_events'::regclass)`).Scan(&owner)
	if err != nil {
		return Check{}, err
	}
	if !owner {
		return warning("the role cannot make the partitions of coming months",
			"Let the tables' owner run penstock migrate up once a month, which makes them; or make the role a member of the owner's."), nil
	}
	return ok("the role can make the partitions of coming months"), nil
}

func (x *examiner) lookMonths(ctx context.Context) (Check, error) {
	if !x.schema {
		return noSchema()
	}
	now := time.Now().UTC()
	ahead := monthsAhead
	for i := range monthsAhead + 1 {
		for _, table := range partitionedTables() {
			name := table + "_" + monthOf(now.AddDate(0, i, 1-now.Day())).suffix
			var there bool
			if err := x.conn.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, name).Scan(&there); err != nil {
				return Check{}, err
			}
			if !there {
				ahead = min(ahead, i-1)
			}
		}
	}
	const advice = "Let the tables' owner run: penstock migrate up. A server whose role owns them makes them by itself."
	switch {
	case ahead < 0:
		return warning("this month has no partition: its rows go to the default partitions", advice), nil
	case ahead == 0:
		return warning("no partition of the coming month", advice), nil
	default:
		return ok("partitions of this month and of %d to come", ahead), nil
	}
}

// partitionedTables are those with a partition for each month.
func partitionedTables() []string { return []string{"orders", "order_events"} }

// defaultRowsMax bounds the counting of rows in default partitions.
const defaultRowsMax = 1000

func (x *examiner) lookDefaults(ctx context.Context) (Check, error) {
	if !x.schema {
		return noSchema()
	}
	var found []string
	for _, table := range partitionedTables() {
		var rows int
		sql := fmt.Sprintf(`SELECT count(*) FROM (SELECT FROM %s_default LIMIT %d) r`, table, defaultRowsMax+1)
		err := x.conn.QueryRow(ctx, sql).Scan(&rows)
		if ObstacleOf(err) == NotAllowed { // a server reads them as parts of the whole
			return ok("not looked at: the role may not read them by themselves"), nil
		}
		switch {
		case err != nil:
			return Check{}, err
		case rows > defaultRowsMax:
			found = append(found, fmt.Sprintf("more than %d rows in %s_default", defaultRowsMax, table))
		case rows > 0:
			found = append(found, fmt.Sprintf("%d rows in %s_default", rows, table))
		}
	}
	if len(found) > 0 {
		return warning(strings.Join(found, ", ")+": of months that had no partition, or of a wrong clock",
			"They are read and verified like all others. But a month's partition cannot be made while the default one holds rows of that month: see docs/postgres.md."), nil
	}
	return ok("empty"), nil
}
