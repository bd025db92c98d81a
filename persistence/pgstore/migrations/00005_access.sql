-- Who may do what, and what was done: API keys and the audit log. See docs/audit.md.

-- +goose Up

-- API keys. Of a secret nothing is kept but its SHA-256.
CREATE TABLE access_keys (
    id         uuid PRIMARY KEY,
    name       text        NOT NULL,
    subject    text        NOT NULL,
    scopes     bigint      NOT NULL, -- a bit each
    secrets    bytea       NOT NULL, -- 40 bytes each: the SHA-256, then when it expires, in microseconds from 1970 on
    created_at timestamptz NOT NULL,
    expires_at timestamptz,          -- NULL: never
    revoked_at timestamptz,          -- NULL: it has not been revoked
    version    bigint      NOT NULL  -- counts changes
);

-- One row. version grows with every change of a key: servers look at it about once a second.
CREATE TABLE access_state (
    one     boolean PRIMARY KEY DEFAULT true CHECK (one),
    version bigint  NOT NULL
);
INSERT INTO access_state (version) VALUES (0);

-- Who did what. Each record names the hash of the one before it. It is written in the transaction that does what it
-- tells of.
CREATE TABLE audit_log (
    seq         bigint PRIMARY KEY, -- 1 and up without a gap
    at          timestamptz NOT NULL,
    actor       text        NOT NULL,
    action      text        NOT NULL,
    target      text        NOT NULL,
    before      text        NOT NULL, -- JSON, or empty; text, because its very bytes are hashed
    after       text        NOT NULL,
    correlation text        NOT NULL,
    previous    bytea       NOT NULL,
    hash        bytea       NOT NULL
);

-- One row: where the log ends. Whoever appends moves it, and holds it to the end of the transaction: after all other
-- locks of a batch.
CREATE TABLE audit_head (
    one  boolean PRIMARY KEY DEFAULT true CHECK (one),
    seq  bigint NOT NULL,
    hash bytea  NOT NULL
) WITH (fillfactor = 50);
INSERT INTO audit_head (seq, hash) VALUES (0, decode(repeat('00', 32), 'hex'));

-- The log is only appended to. Whoever may change tables can take this wall down, and `penstock audit verify` finds out.
-- An unfinished copy may be thrown away.
-- +goose StatementBegin
CREATE FUNCTION penstock_audit_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' AND EXISTS (SELECT FROM copies WHERE finished_at IS NULL) THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'the audit log is only appended to' USING ERRCODE = 'insufficient_privilege';
END
$$;
-- +goose StatementEnd
CREATE TRIGGER audit_log_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION penstock_audit_stays();

-- +goose Down
DROP TABLE access_keys, access_state, audit_log, audit_head;
DROP FUNCTION penstock_audit_stays;
