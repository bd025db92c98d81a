package pgstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// change appends a record, and does what it tells of, in a transaction of its own on one of the pool's
// connections. The log's end is locked first of all, so that such changes come one after another; nothing of what
// they lock is locked by a batch before it locks that too.
func (s *Store) change(
	ctx context.Context, what string, record *commerce.AuditRecord, do func(context.Context, pgx.Tx) error,
) error {
	if !storableAudit(record) {
		return fmt.Errorf("%s: a text of the record cannot be stored", what)
	}
	var err error
	for range readTriesMax {
		if s.closed.Load() {
			return fmt.Errorf("%s: %w", what, persistence.ErrClosed)
		}
		committing := false
		err = s.lend(ctx, func(conn *pgx.Conn) (err error) {
			committing, err = s.tryChange(ctx, conn, record, do)
			return err
		})
		switch {
		case err == nil:
			return nil
		case committing && refusal(err) == nil:
			return fmt.Errorf("%s: %w: %w", what, persistence.ErrUnknown, err)
		case !isLost(err) || ctx.Err() != nil:
			return s.unchanged(what, err)
		}
		s.pool.Reset() // the others of the pool are as old
	}
	return s.unchanged(what, err)
}

// unchanged says why nothing was written.
func (s *Store) unchanged(what string, err error) error {
	failure := refusal(err)
	switch {
	case s.closed.Load():
		return fmt.Errorf("%s: %w", what, persistence.ErrClosed)
	case isLost(err), isCanceled(err), failure != nil && failure.Code == codeLockTimeout:
		return fmt.Errorf("%s: %w: %w", what, persistence.ErrUnavailable, err)
	default:
		return fmt.Errorf("%s: %w", what, err)
	}
}

// tryChange is one attempt. committing says that the server may have been told to commit. A commit is not cancelled, and
// the server sets it no limit: where it waits for a standby, it would be made visible without one.
func (s *Store) tryChange(
	ctx context.Context, conn *pgx.Conn, record *commerce.AuditRecord, do func(context.Context, pgx.Tx) error,
) (committing bool, err error) {
	tx, err := conn.Begin(ctx)
	if err != nil {
		return false, err
	}
	defer func() {
		if err == nil {
			return
		}
		if failed := tx.Rollback(context.WithoutCancel(ctx)); !errors.Is(failed, pgx.ErrTxClosed) {
			err = errors.Join(err, failed)
		}
	}()
	if _, err := tx.Exec(ctx, `SET LOCAL statement_timeout = 0`); err != nil {
		return false, err
	}
	end, err := lockAudit(ctx, tx)
	if err != nil {
		return false, err
	}
	if err := refuseHalfCopied(ctx, tx); err != nil {
		return false, err
	}
	if err := do(ctx, tx); err != nil {
		return false, err
	}
	if err := appendAudit(ctx, tx, end, record); err != nil {
		return false, err
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.opts.AttemptTimeout)
	defer cancel()
	return true, tx.Commit(last)
}

// PutAccessKey implements persistence.AccessStore.
func (s *Store) PutAccessKey(ctx context.Context, key *persistence.AccessKey, record *commerce.AuditRecord) error {
	const what = "put access key"
	if err := key.Check(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return s.change(ctx, what, record, func(ctx context.Context, tx pgx.Tx) error {
		if err := s.writeKey(ctx, tx, key); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE access_state SET version = version + 1`)
		return err
	})
}

func (s *Store) writeKey(ctx context.Context, tx pgx.Tx, key *persistence.AccessKey) error {
	args := []any{
		[16]byte(key.ID), key.Name, key.Subject, int64(key.Scopes), appendSecrets([]byte{}, key.Secrets), key.CreatedAt,
		timeOrNull(key.ExpiresAt), timeOrNull(key.RevokedAt), number(key.Version),
	}
	if key.Version > 1 {
		tag, err := tx.Exec(ctx, `
			UPDATE access_keys SET name = $2, subject = $3, scopes = $4, secrets = $5, created_at = $6, expires_at = $7,
				revoked_at = $8, version = $9
			 WHERE id = $1 AND version = $9 - 1`, args...)
		if err == nil && tag.RowsAffected() == 0 {
			err = fmt.Errorf("%w: there is no key %s at version %d", persistence.ErrConflict, key.ID, key.Version-1)
		}
		return err
	}
	tag, err := tx.Exec(ctx, `
		INSERT INTO access_keys (`+accessColumns+`) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9
		 WHERE (SELECT count(*) FROM access_keys) < $10 ON CONFLICT (id) DO NOTHING`, append(args, s.opts.accessKeysMax)...)
	if err == nil && tag.RowsAffected() == 0 {
		err = fmt.Errorf("%w: there is a key %s, or there are %d and no more are kept", persistence.ErrConflict, key.ID, s.opts.accessKeysMax)
	}
	return err
}

// AccessKeys implements persistence.AccessStore.
func (s *Store) AccessKeys(ctx context.Context) (list []persistence.AccessKey, err error) {
	err = s.read(ctx, "access keys", func(conn *pgx.Conn) (err error) {
		list, err = query(ctx, conn, readAccessKey, `SELECT `+accessColumns+` FROM access_keys ORDER BY id`)
		return err
	})
	return list, err
}

// AccessVersion implements persistence.AccessStore.
func (s *Store) AccessVersion(ctx context.Context) (version uint64, err error) {
	err = s.read(ctx, "version of access keys", func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, `SELECT version FROM access_state`).Scan(&version)
	})
	return version, err
}

const accessColumns = `id, name, subject, scopes, secrets, created_at, expires_at, revoked_at, version`

func readAccessKey(row pgx.CollectableRow) (k persistence.AccessKey, err error) {
	var secrets []byte
	var expires, revoked *time.Time
	err = row.Scan((*[16]byte)(&k.ID), &k.Name, &k.Subject, (*uint32)(&k.Scopes), &secrets, &k.CreatedAt, &expires, &revoked, &k.Version)
	if err != nil {
		return k, err
	}
	k.CreatedAt, k.ExpiresAt, k.RevokedAt = k.CreatedAt.UTC(), timeOf(expires), timeOf(revoked)
	k.Secrets, err = decodeSecrets(secrets)
	return k, err
}

// secretBytes is what a secret takes: its digest, and when it expires.
const secretBytes = 32 + 8

// appendSecrets packs secrets. One that expires with its key has the time 0.
func appendSecrets(b []byte, secrets []persistence.AccessSecret) []byte {
	for i := range secrets {
		micros := int64(0)
		if at := secrets[i].ExpiresAt; !at.IsZero() {
			micros = at.UnixMicro()
		}
		b = append(b, secrets[i].Digest[:]...)
		b = binary.BigEndian.AppendUint64(b, uint64(micros))
	}
	return b
}

func decodeSecrets(b []byte) (secrets []persistence.AccessSecret, err error) {
	for ; len(b) >= secretBytes; b = b[secretBytes:] {
		var s persistence.AccessSecret
		copy(s.Digest[:], b)
		if micros := int64(binary.BigEndian.Uint64(b[len(s.Digest):])); micros != 0 {
			s.ExpiresAt = time.UnixMicro(micros).UTC()
		}
		secrets = append(secrets, s)
	}
	if len(b) > 0 {
		return nil, errors.New("the secrets of an access key are cut off")
	}
	return secrets, nil
}

func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
