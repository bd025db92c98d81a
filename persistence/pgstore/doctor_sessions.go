package pgstore

import (
	"context"
	"fmt"
	"time"
)

// sessionLooks are about connections.
func (x *examiner) sessionLooks() []look {
	return []look{
		{"connections", x.lookConnections},
		{"timeouts", x.lookTimeouts},
	}
}

// lookConnections compares what may be opened with what a server needs; twice that while one takes over
// from another.
func (x *examiner) lookConnections(ctx context.Context) (Check, error) {
	var used, roleLimit, databaseLimit int64
	var superuser bool
	err := x.conn.QueryRow(ctx, `
		SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()),
		       r.rolconnlimit, d.datconnlimit, r.rolsuper
		  FROM pg_roles r, pg_database d WHERE r.rolname = current_user AND d.datname = current_database()`).
		Scan(&used, &roleLimit, &databaseLimit, &superuser)
	if err != nil {
		return Check{}, err
	}
	most, reserved := x.settings.number("max_connections"), int64(0)
	if !superuser {
		reserved = x.settings.number("superuser_reserved_connections") + x.settings.number("reserved_connections")
	}
	need := int64(x.opts.Connections)
	found := fmt.Sprintf("%d of %d are in use, %d are reserved; a server takes up to %d", used, most, reserved, need)
	for _, limit := range []struct {
		of  string
		max int64
	}{{"role", roleLimit}, {"database", databaseLimit}} {
		if limit.max >= 0 && !superuser && limit.max < 2*need {
			return warning(fmt.Sprintf("the %s may have %d; a server takes up to %d, and two while one takes over", limit.of, limit.max, need),
				fmt.Sprintf("Raise the limit to %d (ALTER %s … CONNECTION LIMIT), or lower --postgres-connections.", 2*need, limit.of)), nil
		}
	}
	switch free := most - reserved - used; {
	case free < need && used < need: // those in use are hardly a server's own
		return problem(found, "Raise max_connections, or lower --postgres-connections, or let others hold fewer."), nil
	case most-reserved < 2*need:
		return warning(found, fmt.Sprintf("Raise max_connections to %d or more: two servers are connected while one takes over.", 2*need+reserved+5)), nil
	case free < need:
		return warning(found, "Fewer are free than a server takes. If none of those in use are Penstock's, raise max_connections."), nil
	default:
		return ok("%s", found), nil
	}
}

// lookTimeouts names the timeouts that Penstock does not set in its own sessions and that would cut them.
func (x *examiner) lookTimeouts(context.Context) (Check, error) {
	if idle := x.settings.duration("idle_session_timeout"); idle > 0 {
		return warning(fmt.Sprintf("idle_session_timeout is %s: connections of a quiet shop are cut, and made anew", idle),
			"Reset it for this role: ALTER ROLE … SET idle_session_timeout = 0."), nil
	}
	if whole := x.settings.duration("transaction_timeout"); whole > 0 {
		return warning(fmt.Sprintf("transaction_timeout is %s: a verification or a copy that takes longer is cut", whole),
			"Reset it for this role: ALTER ROLE … SET transaction_timeout = 0."), nil
	}
	if statement := x.settings.duration("statement_timeout"); statement > 0 && statement < time.Minute {
		return warning(fmt.Sprintf("statement_timeout is %s: Penstock's server sets its own, a migration does not", statement),
			"Let migrations run under a role without it, or with PGOPTIONS='-c statement_timeout=0'."), nil
	}
	return ok("none that would cut Penstock's sessions"), nil
}
