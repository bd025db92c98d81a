package pgstore

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	commitSlow = 20 * time.Millisecond
	// commitTimeout is when a commit is given up. What it was to write may still become durable: it is
	// of no consequence.
	commitTimeout = 3 * time.Second

	maxWALSizeGood = 4 << 30
	buffersGood    = 512 << 20
	checkpointGood = 15 * time.Minute
	// hugeBuffers is from which size on buffers profit from huge pages: smaller ones fit what a processor remembers
	// of addresses.
	hugeBuffers = 1 << 30
)

// durabilityLooks are about what a promise of durability rests on.
func (x *examiner) durabilityLooks() []look {
	return []look{
		{"fsync", x.lookFsync},
		{"full_page_writes", x.lookPages},
		{"synchronous_commit", x.lookSynchronousCommit},
		{"standbys", x.lookStandbys},
		{"commit", x.lookCommit},
		{"data checksums", x.lookChecksums},
		{"wal_level", x.lookWALLevel},
		{"max_wal_size", x.lookWALSize},
		{"checkpoint_timeout", x.lookCheckpoints},
		{"shared_buffers", x.lookBuffers},
		{"huge_pages", x.lookHugePages},
		{"autovacuum", x.lookAutovacuum},
	}
}

func (x *examiner) lookFsync(context.Context) (Check, error) {
	if x.settings.text("fsync") != "on" {
		return problem("off: a power cut loses orders that were acknowledged, and may destroy the database",
			"Set fsync = on in postgresql.conf and reload (SELECT pg_reload_conf())."), nil
	}
	return ok("on"), nil
}

func (x *examiner) lookPages(context.Context) (Check, error) {
	if x.settings.text("full_page_writes") != "on" {
		return problem("off: a power cut can leave torn pages behind, which nothing repairs",
			"Set full_page_writes = on in postgresql.conf and reload (SELECT pg_reload_conf())."), nil
	}
	return ok("on"), nil
}

func (x *examiner) lookSynchronousCommit(context.Context) (Check, error) {
	switch value := x.settings.text("synchronous_commit"); value {
	case "on", "remote_apply":
		return ok("%s", value), nil
	default:
		return ok("%s for this role and database; Penstock's own sessions set it to on", value), nil
	}
}

func (x *examiner) lookStandbys(ctx context.Context) (Check, error) {
	if x.standby {
		return ok("not asked of a standby"), nil
	}
	var connected, synchronous int
	err := x.conn.QueryRow(ctx, `
		SELECT count(*), count(*) FILTER (WHERE sync_state IN ('sync', 'quorum')) FROM pg_stat_replication`).Scan(&connected, &synchronous)
	if err != nil {
		return Check{}, err
	}
	names := x.settings.text("synchronous_standby_names")
	visible, err := x.seesOthers(ctx)
	switch {
	case err != nil:
		return Check{}, err
	case names != "" && connected == 0:
		return problem(fmt.Sprintf("commits wait for %s, and no standby is connected", names),
			"Connect the standby, or take it out of synchronous_standby_names: until then no order is answered."), nil
	case names != "" && visible && synchronous == 0:
		return problem(fmt.Sprintf("commits wait for %s, and none of %d connected standbys is one of them", names, connected),
			"Compare synchronous_standby_names with the standbys' application_name: until one fits no order is answered."), nil
	case names != "":
		return ok("commits wait for %s; %d connected", names, connected), nil
	case connected > 0:
		return warning(fmt.Sprintf("%d connected, and commits wait for none of them", connected),
			"Failing over to one of them can lose the newest acknowledged orders. Set synchronous_standby_names where that must not be."), nil
	default:
		return ok("none: what is acknowledged is safe on this server's disk, and nowhere else"), nil
	}
}

// seesOthers reports whether this role may see what sessions of other roles do.
func (x *examiner) seesOthers(ctx context.Context) (may bool, err error) {
	err = x.conn.QueryRow(ctx, `SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')`).Scan(&may)
	return may, err
}

// lookCommit writes a message of a few bytes into the write-ahead log, in a transaction of its own, and
// waits until it is as durable as an order would be. No table is touched and no reader of the database sees
// it. It has a connection of its own: one whose commit gets no answer cannot be used any more.
func (x *examiner) lookCommit(ctx context.Context) (Check, error) {
	if x.standby {
		return ok("not measured on a standby"), nil
	}
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	var took []time.Duration
	err := withConfig(ctx, x.config, func(conn *pgx.Conn) (err error) {
		if _, err = conn.Exec(ctx, `SET synchronous_commit = on`); err != nil {
			return err
		}
		took, err = probe(ctx, func(ctx context.Context) error {
			_, err := conn.Exec(ctx, `SELECT pg_logical_emit_message(true, 'penstock doctor', 'measures a commit')`)
			return err
		})
		return err
	})
	switch {
	case ctx.Err() != nil:
		return problem(fmt.Sprintf("a commit was not answered within %s", commitTimeout),
			"Look for a synchronous standby that is away, a full disk, or a disk that does not answer."), nil
	case err != nil:
		return Check{}, err
	}
	median, worst := rounded(took[len(took)/2]), rounded(took[len(took)-1])
	if median > commitSlow {
		return warning(fmt.Sprintf("durable after %s, at worst %s", median, worst),
			"Every order waits for one commit. Put the write-ahead log on a disk with a fast fsync, and look at how far a synchronous standby is."), nil
	}
	return ok("durable after %s, at worst %s; measured without touching a table", median, worst), nil
}

func (x *examiner) lookChecksums(context.Context) (Check, error) {
	if x.settings.text("data_checksums") != "on" {
		return warning("off: a disk that returns something else than was written is not noticed",
			"Stop the server at a quiet time and run pg_checksums --enable, or make the next cluster with initdb --data-checksums."), nil
	}
	return ok("on"), nil
}

func (x *examiner) lookWALLevel(context.Context) (Check, error) {
	level := x.settings.text("wal_level")
	if level == "minimal" {
		return warning("minimal: neither base backups nor standbys are possible",
			"Set wal_level = replica and restart the server, unless pg_dump is all the backup there shall be."), nil
	}
	return ok("%s", level), nil
}

func (x *examiner) lookWALSize(context.Context) (Check, error) {
	if bytes := x.settings.bytes("max_wal_size"); bytes < maxWALSizeGood {
		return warning(size(bytes)+": under load checkpoints come early, and each makes the log grow by whole pages",
			fmt.Sprintf("Set max_wal_size = 4GB or more (%s is advised), where the disk has the room.", size(maxWALSizeGood))), nil
	}
	return ok("%s", size(x.settings.bytes("max_wal_size"))), nil
}

func (x *examiner) lookCheckpoints(context.Context) (Check, error) {
	timeout := x.settings.duration("checkpoint_timeout")
	if timeout < checkpointGood {
		return warning(timeout.String(), "Set checkpoint_timeout = 15min: fewer checkpoints write fewer whole pages into the log. A start after a crash takes longer by that."), nil
	}
	return ok("%s", timeout), nil
}

func (x *examiner) lookBuffers(context.Context) (Check, error) {
	bytes := x.settings.bytes("shared_buffers")
	if bytes < buffersGood {
		return warning(size(bytes), "Set shared_buffers to a quarter of the machine's memory, and to at least 512MB: stock, and the newest pages of every index, should stay in it."), nil
	}
	return ok("%s", size(bytes)), nil
}

// lookHugePages asks whether large buffers lie on huge pages. Measured with 4 GB of them, it takes an eighth off what
// an order costs the database: nine descents of B-trees each, at random places. Before version 17 a server that only
// tries does not tell whether it got any.
func (x *examiner) lookHugePages(context.Context) (Check, error) {
	buffers, asked, got := x.settings.bytes("shared_buffers"), x.settings.text("huge_pages"), x.settings.text("huge_pages_status")
	switch {
	case buffers < hugeBuffers:
		return ok("%s; shared_buffers of %s need none", asked, size(buffers)), nil
	case got == "on", got == "" && asked == "on":
		return ok("on"), nil
	}
	found := "the server has none"
	if got == "" && asked != "off" {
		found = "the server does not say whether it has any"
	}
	enough := ""
	if pages := x.settings.number("shared_memory_size_in_huge_pages"); pages > 0 {
		enough = fmt.Sprintf(" to %d", pages)
	}
	return warning(asked+": "+found, fmt.Sprintf("Set the kernel's vm.nr_hugepages%s or more, then huge_pages = on, and restart the server: "+
		"orders cost the database about a tenth less.", enough)), nil
}

func (x *examiner) lookAutovacuum(context.Context) (Check, error) {
	if x.settings.text("autovacuum") != "on" || x.settings.text("track_counts") != "on" {
		return problem("off: tables grow, plans go wrong, and one day the server stops taking writes to save itself",
			"Set autovacuum = on and track_counts = on, and reload."), nil
	}
	return ok("on"), nil
}
