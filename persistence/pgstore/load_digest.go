package pgstore

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Digest tells what rows say, whatever their order: two sets of rows with the same digest are the same,
// but for a chance of one in 2⁶⁴. Digests of parts are put together with Add.
type Digest struct {
	Rows int64
	Sum  uint64 // the first eight bytes of each row's SHA-256, by exclusive or: no row is there twice
}

// Add puts the digests of two parts together.
func (d Digest) Add(more Digest) Digest {
	return Digest{Rows: d.Rows + more.Rows, Sum: d.Sum ^ more.Sum}
}

// column is a column that is loaded. send is the function that gives its binary form, that of COPY.
type column struct {
	name, send string
}

// columns lists a table's columns in the order in which Rows writes them.
func (t Table) columns() []column {
	switch t {
	case TableProducts:
		return []column{
			{"id", "uuid_send"},
			{"name", "textsend"},
			{"description", "textsend"},
			{"category", "textsend"},
			{"sku", "textsend"},
			{"price", "int8send"},
			{"currency", "textsend"},
			{"attributes", "json_send"},
			{"archived", "boolsend"},
			{"version", "int8send"},
			{"created_at", "timestamptz_send"},
			{"updated_at", "timestamptz_send"},
		}
	case TableStock:
		return []column{{"product", "uuid_send"}, {"on_hand", "int8send"}, {"allocated", "int8send"}, {"version", "int8send"}}
	case TableMovements:
		return []column{
			{"product", "uuid_send"},
			{"version", "int8send"},
			{"order_id", "uuid_send"},
			{"on_hand_delta", "int8send"},
			{"allocated_delta", "int8send"},
			{"on_hand", "int8send"},
			{"allocated", "int8send"},
			{"reason", "textsend"},
			{"actor", "textsend"},
			{"at", "timestamptz_send"},
			{"epoch", "int8send"},
		}
	case TableOrders:
		return []column{
			{"id", "uuid_send"},
			{"customer", "textsend"},
			{"status", "int2send"},
			{"total", "int8send"},
			{"currency", "textsend"},
			{"placed_at", "timestamptz_send"},
			{"updated_at", "timestamptz_send"},
			{"expires_at", "timestamptz_send"},
			{"carrier", "textsend"},
			{"tracking_number", "textsend"},
			{"cancel_reason", "textsend"},
			{"version", "int8send"},
			{"detail", "json_send"},
		}
	case TableEvents:
		return []column{
			{"entity", "uuid_send"},
			{"seq", "int8send"},
			{"type", "int2send"},
			{"at", "timestamptz_send"},
			{"actor", "textsend"},
			{"data", "json_send"},
		}
	case TableKeys:
		return []column{
			{"id", "uuid_send"},
			{"request", "byteasend"},
			{"operation", "int2send"},
			{"resource", "uuid_send"},
			{"version", "int8send"},
			{"expires_at", "timestamptz_send"},
		}
	default:
		return t.accessColumns()
	}
}

// accessColumns are columns for the tables of access keys and of what was done.
func (t Table) accessColumns() []column {
	switch t {
	case TableAccess:
		return []column{
			{"id", "uuid_send"},
			{"name", "textsend"},
			{"subject", "textsend"},
			{"scopes", "int8send"},
			{"secrets", "byteasend"},
			{"created_at", "timestamptz_send"},
			{"expires_at", "timestamptz_send"},
			{"revoked_at", "timestamptz_send"},
			{"version", "int8send"},
		}
	case TableAudit:
		return []column{
			{"seq", "int8send"},
			{"at", "timestamptz_send"},
			{"actor", "textsend"},
			{"action", "textsend"},
			{"target", "textsend"},
			{"before", "textsend"},
			{"after", "textsend"},
			{"correlation", "textsend"},
			{"previous", "byteasend"},
			{"hash", "byteasend"},
		}
	default:
		return nil
	}
}

// written reports whether a table's rows also name the writer and the batch they came with.
func (t Table) written() bool { return t == TableMovements || t == TableEvents }

// copySQL is the statement that takes the stream of Rows.
func (t Table) copySQL() string {
	var names []string
	for _, c := range t.columns() {
		names = append(names, c.name)
	}
	if t.written() {
		names = append(names, "writer", "batch")
	}
	return fmt.Sprintf("COPY %s (%s) FROM STDIN (FORMAT binary)", t, strings.Join(names, ", "))
}

// digestSQL computes the digest of a table on the server, from the same bytes as Rows does.
func (t Table) digestSQL() string {
	var fields []string
	for _, c := range t.columns() {
		sent := fmt.Sprintf("%s(%s)", c.send, c.name)
		fields = append(fields, fmt.Sprintf(`coalesce(int4send(octet_length(%[1]s)) || %[1]s, '\xffffffff')`, sent))
	}
	return fmt.Sprintf(`
		SELECT count(*), coalesce(bit_xor(('x' || encode(substr(sha256(%s), 1, 8), 'hex'))::bit(64)::bigint), 0)
		  FROM %s`, strings.Join(fields, " || "), t)
}

// Digest computes the digest of a table on the server. Of idempotency keys only those are counted that
// expire after alive: the others may be removed at any time.
func (l *Loader) Digest(ctx context.Context, table Table, alive time.Time) (d Digest, err error) {
	sql := table.digestSQL()
	var args []any
	if table == TableKeys {
		sql += ` WHERE expires_at > $1`
		args = append(args, alive)
	}
	var sum int64
	if err := l.conn.QueryRow(ctx, sql, args...).Scan(&d.Rows, &sum); err != nil {
		return Digest{}, fmt.Errorf("compute the digest of %s: %w", table, err)
	}
	d.Sum = uint64(sum)
	return d, nil
}
