package pgstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	probesMax = 9 // of a thing that is measured

	roundTripSlow = 5 * time.Millisecond
	skewWarning   = time.Second
	skewProblem   = 30 * time.Second
)

// serverLooks are about the server as it is reached from here.
func (x *examiner) serverLooks() []look {
	return []look{
		{"round trip", x.lookRoundTrip},
		{"server version", x.lookVersion},
		{"primary", x.lookPrimary},
		{"pooler", x.lookPooler},
		{"clock", x.lookClock},
		{"encoding", x.lookEncoding},
	}
}

// probe measures something several times and returns the times, the least first.
func probe(ctx context.Context, do func(context.Context) error) ([]time.Duration, error) {
	took := make([]time.Duration, probesMax)
	for i := range took {
		start := time.Now()
		if err := do(ctx); err != nil {
			return nil, err
		}
		took[i] = time.Since(start)
	}
	slices.Sort(took)
	return took, nil
}

func (x *examiner) lookRoundTrip(ctx context.Context) (Check, error) {
	took, err := probe(ctx, func(ctx context.Context) error {
		_, err := x.conn.Exec(ctx, `SELECT 1`)
		return err
	})
	if err != nil {
		return Check{}, err
	}
	median := took[len(took)/2]
	if median > roundTripSlow {
		return warning(fmt.Sprintf("%s from here", rounded(median)),
			"Every batch of orders waits for a round trip. Run Penstock near the database: in the same zone, without a slow tunnel."), nil
	}
	return ok("%s from here", rounded(median)), nil
}

func rounded(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }

func (x *examiner) lookVersion(context.Context) (Check, error) {
	version := x.settings.text("server_version")
	switch major := x.settings.number("server_version_num") / 10000; {
	case major < serverVersionMin:
		return problem(version, fmt.Sprintf("The oldest version that Penstock works with is %d. Upgrade the server.", serverVersionMin)), nil
	case major < serverVersionGood:
		return warning(version, fmt.Sprintf("It works, but its maintenance ends soon. Plan an upgrade to %d or newer.", serverVersionGood)), nil
	default:
		return ok("%s", version), nil
	}
}

// serverVersionGood is the oldest version that is advised.
const serverVersionGood = 15

func (x *examiner) lookPrimary(context.Context) (Check, error) {
	switch {
	case x.standby:
		return problem("this is a standby: nothing can be written",
			"Connect to the primary. With several hosts in the URL, target_session_attrs=read-write finds it."), nil
	case x.settings.text("default_transaction_read_only") == "on":
		return problem("transactions are read-only by default here",
			"Reset default_transaction_read_only for this role and database (ALTER ROLE … RESET, ALTER DATABASE … RESET)."), nil
	default:
		return ok("it takes writes"), nil
	}
}

func (x *examiner) lookPooler(ctx context.Context) (Check, error) {
	err := checkPooler(ctx, x.config)
	if errors.Is(err, ErrUnsuitable) {
		return problem("sessions change between transactions: a pooler in transaction or statement mode",
			"Let the pooler pool sessions (in PgBouncer pool_mode = session), or connect to the server itself: Penstock keeps few connections."), nil
	}
	if err != nil {
		return Check{}, err
	}
	return ok("none, or one that pools sessions"), nil
}

// lookClock compares the clocks in the middle of the shortest of several round trips.
func (x *examiner) lookClock(ctx context.Context) (Check, error) {
	var skew, shortest time.Duration
	_, err := probe(ctx, func(ctx context.Context) error {
		var there time.Time
		start := time.Now()
		if err := x.conn.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&there); err != nil {
			return err
		}
		if took := time.Since(start); shortest == 0 || took < shortest {
			shortest, skew = took, there.Sub(start.Add(took/2))
		}
		return nil
	})
	if err != nil {
		return Check{}, err
	}
	return judgeSkew(skew), nil
}

func judgeSkew(skew time.Duration) Check {
	found := fmt.Sprintf("the database's is %s ahead of this machine's", rounded(skew))
	if skew < 0 {
		found = fmt.Sprintf("the database's is %s behind this machine's", rounded(-skew))
	}
	const advice = "Let both machines follow NTP. Payment deadlines and the expiry of idempotency keys go by these clocks."
	switch {
	case skew.Abs() >= skewProblem:
		return problem(found, advice)
	case skew.Abs() >= skewWarning:
		return warning(found, advice)
	default:
		return ok("%s", found)
	}
}

func (x *examiner) lookEncoding(context.Context) (Check, error) {
	encoding := x.settings.text("server_encoding")
	if encoding != "UTF8" {
		return problem(encoding, "Names and addresses of customers would be refused. Make the database anew: createdb --encoding=UTF8 --template=template0."), nil
	}
	return ok("%s", encoding), nil
}
