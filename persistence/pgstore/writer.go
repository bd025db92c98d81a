package pgstore

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/planted"
	"github.com/penstock-dev/penstock/persistence"
)

// writer is a persistence.Writer: a row of the table writers, and a connection to move it with. Its id
// is fresh, so that no other process, past or future, can take its row for its own.
type writer struct {
	store  *Store
	number int64 // the epoch it was opened with: its name in ledger and events
	id     [16]byte

	// turn is held by a Commit, and by Close. It guards what follows.
	turn   chan struct{}
	conn   *pgx.Conn // nil when there is none
	seq    uint64    // of the last batch known to be committed
	fenced error     // why it can never write again
	closed bool
	// socket is conn's, for those who do not hold the turn: closing it ends a wait, without asking the
	// server to cancel anything.
	socket atomic.Pointer[net.Conn]
	// doubt is the batch that was sent and not answered.
	doubt    batchName
	changes  *changes
	state    *commerce.State
	epochs   map[int]uint64   // by partition, for state
	expired  []commerce.KeyID // bindings that stand in the way of the batch's keys
	used     time.Time        // when conn was last known to work
	pipeline pipeline
}

// batchName tells a batch from all others of its writer.
type batchName struct {
	seq uint64
	id  [16]byte
}

// writerSet is the writers of a store.
type writerSet struct {
	mu     sync.Mutex
	open   []*writer
	closed bool
}

// OpenWriter implements persistence.Store. It raises the epoch of all partitions and of all older
// writers, one after another with other processes that do the same. An older writer's batch that is
// running is waited for; one whose process has gone silent in the middle has its connection ended.
func (s *Store) OpenWriter(ctx context.Context) (persistence.Writer, error) {
	if s.closed.Load() {
		return nil, fmt.Errorf("open writer: %w", persistence.ErrClosed)
	}
	w, err := s.openWriter(ctx)
	switch {
	case err == nil:
		return w, nil
	case isLost(err):
		return nil, fmt.Errorf("open writer: %w: %w", persistence.ErrUnavailable, err)
	default:
		return nil, fmt.Errorf("open writer: %w", err)
	}
}

func (s *Store) openWriter(ctx context.Context) (*writer, error) {
	w := &writer{
		store: s, id: uuid.New(), turn: make(chan struct{}, 1), changes: newChanges(), epochs: make(map[int]uint64),
	}
	w.state = commerce.NewState(func(product commerce.ID) uint64 { return w.epochs[product.Partition()] })
	if err := w.connect(ctx); err != nil {
		return nil, err
	}
	if err := makeMonths(ctx, w.conn, time.Now().UTC()); err != nil {
		s.opts.Logger.Warn("partitions of coming months could not be made; rows go to the default partition when their month comes",
			"error", err, "hint", "let the tables' owner run: penstock migrate up")
	}
	err := w.takeOver(ctx)
	if failure := refusal(err); failure != nil && failure.Code == codeLockTimeout {
		// Whoever holds an older writer's row has had time enough to finish.
		s.opts.Logger.Warn("an older process holds the store in the middle of a batch; its connection is ended")
		if err = w.endOlder(ctx); err == nil {
			err = w.takeOver(ctx)
		}
	}
	if err != nil {
		return nil, errors.Join(err, w.disconnect())
	}
	if !s.writers.add(w) {
		return nil, errors.Join(persistence.ErrClosed, w.disconnect())
	}
	s.keep.start()
	return w, nil
}

// takeOver makes this the newest writer.
func (w *writer) takeOver(ctx context.Context) error {
	if planted.Is(planted.ForeignBatch) {
		if adopted, err := w.plantAdopt(ctx); adopted || err != nil {
			return err
		}
	}
	return pgx.BeginFunc(ctx, w.conn, func(tx pgx.Tx) error {
		var err error
		if w.number, err = raiseEpoch(ctx, tx); err != nil {
			return err
		}
		if err := refuseHalfCopied(ctx, tx); err != nil {
			return err
		}
		if err := fenceOlder(ctx, tx, w.number); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO writers (number, id, epoch, opened_by) VALUES ($1::bigint, $2::uuid, $1::bigint, $3::text)`,
			w.number, w.id, thisProcess()); err != nil {
			return err
		}
		if err := beginSales(ctx, tx, w.number); err != nil {
			return err
		}
		if err := w.changes.lag.learn(ctx, tx); err != nil {
			return err
		}
		if err := w.learnAudit(ctx, tx); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE partitions SET owner = $1::bigint, epoch = $1::bigint`, w.number)
		return err
	})
}

// learnAudit looks where the audit log ends, so that the first audited batch need not. It is not locked: should it move,
// that batch finds out.
func (w *writer) learnAudit(ctx context.Context, tx pgx.Tx) error {
	head, err := readAuditHead(tx.QueryRow(ctx, sqlAuditHead))
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err == nil {
		w.changes.audit.learn(auditEnd{head, head})
	}
	return err
}

// raiseEpoch takes the next epoch of the store. The row of engine comes first of all: who takes the store
// over waits here for others that do.
func raiseEpoch(ctx context.Context, tx pgx.Tx) (epoch int64, err error) {
	err = tx.QueryRow(ctx, `UPDATE engine SET epoch = epoch + 1 RETURNING epoch`).Scan(&epoch)
	return epoch, err
}

// fenceOlder takes the store from every writer that has it, for the one with the number given.
func fenceOlder(ctx context.Context, tx pgx.Tx, number int64) error {
	_, err := tx.Exec(ctx, `
		UPDATE writers SET epoch = $1::bigint, fenced_by = $1::bigint, fenced_at = clock_timestamp()
		 WHERE fenced_by IS NULL`, number)
	return err
}

// thisProcess names the process for operators: nothing goes by it.
func thisProcess() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	return fmt.Sprintf("%s, process %d", host, os.Getpid())
}

// endOlder ends the connections of writers that are not fenced yet. A batch of theirs that has reached
// its commit is committed all the same.
func (w *writer) endOlder(ctx context.Context) error {
	_, err := w.conn.Exec(ctx, `
		SELECT pg_terminate_backend(a.pid, 5000) FROM writers w JOIN pg_stat_activity a
		    ON a.datname = current_database() AND a.application_name = 'penstock writer ' || w.id
		 WHERE w.fenced_by IS NULL`)
	if err != nil {
		return fmt.Errorf("end older writers' connections: %w", err)
	}
	return nil
}

// connect opens the writer's connection.
func (w *writer) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	config := w.store.config.Copy()
	config.RuntimeParams["application_name"] = w.application()
	conn, err := connectWriter(ctx, config)
	if err != nil {
		return err
	}
	w.store.stats.connects.Add(1)
	w.conn, w.used = conn, time.Now()
	socket := conn.PgConn().Conn()
	w.socket.Store(&socket)
	if err := prepareBatches(ctx, conn); err != nil {
		return errors.Join(err, w.disconnect())
	}
	return nil
}

func (w *writer) disconnect() error {
	conn := w.conn
	w.conn = nil
	if conn == nil || conn.IsClosed() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return conn.Close(ctx)
}

// Epoch implements persistence.Writer.
func (w *writer) Epoch() uint64 { return uint64(w.number) }

// NextSeq implements persistence.Writer.
func (w *writer) NextSeq() uint64 {
	w.turn <- struct{}{}
	defer w.giveTurn()
	return w.seq + 1
}

func (w *writer) takeTurn(ctx context.Context) error {
	select {
	case w.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *writer) giveTurn() { <-w.turn }

// Commit implements persistence.Writer. A lost connection is replaced at the next call: the caller
// decides when to try again.
func (w *writer) Commit(ctx context.Context, batch *persistence.Batch, res *persistence.Result) error {
	if err := w.takeTurn(ctx); err != nil {
		return fmt.Errorf("wait for a turn to commit: %w: %w", persistence.ErrUnavailable, err)
	}
	defer w.giveTurn()
	switch {
	case w.closed:
		return fmt.Errorf("commit: %w", persistence.ErrClosed)
	case w.fenced != nil:
		return w.fenced
	case len(batch.Entries) > persistence.BatchEntriesMax:
		return fmt.Errorf("commit: the batch holds %d entries, more than %d", len(batch.Entries), persistence.BatchEntriesMax)
	}
	name := batchName{batch.Seq, batch.ID}
	if err := w.ready(); err != nil {
		return w.failed(name, false, err)
	}
	start := time.Now()
	watchdog := time.AfterFunc(w.store.opts.AttemptTimeout, w.giveUp)
	sent, err := w.attempt(batch, res)
	watchdog.Stop()
	w.store.stats.writeNano.Add(uint64(time.Since(start)))
	if err != nil {
		w.changes.forget()
		return w.failed(name, sent, err)
	}
	w.seq, w.doubt, w.used = batch.Seq, batchName{}, time.Now()
	w.store.sales.note(w.number, batch, res.Outcomes)
	w.store.stats.batches.Add(1)
	return nil
}

const (
	// idleMax is how long a connection may have been silent before it is tried: a server that restarted
	// meanwhile would otherwise put the next batch in doubt.
	idleMax     = time.Second
	pingTimeout = time.Second
)

// ready sees to it that there is a connection.
func (w *writer) ready() error {
	if w.conn != nil && time.Since(w.used) > idleMax {
		ctx, cancel := context.WithTimeout(context.Background(), pingTimeout)
		defer cancel()
		if w.conn.Ping(ctx) != nil {
			if err := w.disconnect(); err != nil {
				w.store.opts.Logger.Debug("a connection that had been lost was closed", "error", err)
			}
		}
	}
	if w.conn != nil {
		return nil
	}
	if err := w.connect(context.Background()); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	return nil
}

// attempt tries to commit a batch, first as if all of it applied. sent says that, if the connection was
// lost, the batch may have been committed.
func (w *writer) attempt(batch *persistence.Batch, res *persistence.Result) (sent bool, err error) {
	if w.changes.gather(batch.Entries, true) {
		sent, err = w.commitAll(batch, res)
		failure := refusal(err)
		if err == nil || failure == nil || !needsCare(failure) {
			return sent, err
		}
	}
	w.store.stats.careful.Add(1)
	w.changes.forget()
	return w.commitCarefully(batch, res)
}

// failed says what a failed attempt means. An attempt that was sent and not answered leaves the batch in
// doubt until a later one tells.
func (w *writer) failed(name batchName, sent bool, err error) error {
	if errors.Is(err, persistence.ErrFenced) {
		w.fenced = err
		return errors.Join(err, w.disconnect())
	}
	refused := refusal(err)
	switch {
	case refused != nil && refused.Code == codeLockTimeout:
		err = errors.Join(err, w.endLeftovers())
	case refused != nil && (needsCare(refused) || isOutside(refused)):
	default:
		// It may be half open, or of no use any more: its statements forgotten, its server a standby now.
		err = errors.Join(err, w.disconnect())
	}
	if sent && refused == nil && !planted.Is(planted.UnknownAsRefused) {
		w.store.stats.unknown.Add(1)
		w.doubt = name
	}
	if w.doubt == name {
		return fmt.Errorf("commit batch %d: %w: %w", name.seq, persistence.ErrUnknown, err)
	}
	return fmt.Errorf("commit batch %d: %w: %w", name.seq, persistence.ErrUnavailable, err)
}

// endLeftovers ends the sessions of this writer's earlier connections: one that was cut off in the middle of
// a batch holds the writer's row until its server notices.
func (w *writer) endLeftovers() error {
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	_, err := w.conn.Exec(ctx, `SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = $1::text AND pid <> pg_backend_pid()`, w.application())
	if err != nil {
		return fmt.Errorf("end earlier connections: %w", err)
	}
	return nil
}

// application is the name of the writer's connections, which tells them from all others.
func (w *writer) application() string { return "penstock writer " + uuid.UUID(w.id).String() }

// turnParams are the parameters of stmtTurn for a batch. outcomes is nil when all entries apply.
func (w *writer) turnParams(batch *persistence.Batch, outcomes []byte) [][]byte {
	number := int8Param(w.number)
	return [][]byte{number, w.id[:], number, int8Param(int64(batch.Seq)), batch.ID[:], outcomes}
}

// giveUp ends a wait for the server: whoever waits is told that the connection is lost.
func (w *writer) giveUp() {
	if socket := w.socket.Load(); socket != nil {
		_ = (*socket).Close() // fails only when it is closed already
	}
}

// closePatience is how long a running commit may take before it is given up: nobody waits for it any more.
const closePatience = 2 * time.Second

// close ends the writer after a running commit.
func (w *writer) close() error {
	impatient := time.AfterFunc(closePatience, w.giveUp)
	w.turn <- struct{}{}
	impatient.Stop()
	defer w.giveTurn()
	w.closed = true
	return w.disconnect()
}

func (s *writerSet) add(w *writer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.open = append(s.open, w)
	return true
}

func (s *writerSet) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	var errs []error
	for _, w := range s.open {
		errs = append(errs, w.close())
	}
	return errors.Join(errs...)
}

// plantAdopt is a planted bug: a writer that goes by the number of its predecessor's row and believes
// that whatever batch stands there is its own.
func (w *writer) plantAdopt(ctx context.Context) (bool, error) {
	var id string
	err := w.conn.QueryRow(ctx, `SELECT number, seq, encode(uuid_send(id), 'hex') FROM writers ORDER BY number DESC LIMIT 1`).
		Scan(&w.number, &w.seq, &id)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err == nil {
		_, err = hex.Decode(w.id[:], []byte(id))
	}
	return true, err
}
