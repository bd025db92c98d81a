-- The tables of the store. Ids are UUIDs of version 7, which sort by time of making. Money is in minor
-- units, times are UTC. No foreign keys: every row is written by a batch that has decided it by the
-- rules of the engine, and they would cost that batch half as much again; `penstock verify` proves
-- what they would have proved.

-- +goose Up

-- The store itself: one row. epoch is that of the newest writer.
CREATE TABLE engine (
    one   boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch bigint  NOT NULL
);
INSERT INTO engine (epoch) VALUES (0);

-- Who may write. A writer is one connection of one start of a process. Its batches are numbered without
-- a gap: a transaction moves seq from n to n+1 first of all, and does so only while epoch is still the
-- one it was opened with. Whoever takes the store over raises epoch.
CREATE TABLE writers (
    number    bigint PRIMARY KEY, -- names the writer in the ledger and in events
    id        uuid        NOT NULL,
    epoch     bigint      NOT NULL,
    seq       bigint      NOT NULL DEFAULT 0,
    batch     uuid,       -- id of the batch numbered seq
    outcomes  json,       -- of that batch; NULL when every entry applied
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    opened_by text        NOT NULL,
    fenced_by bigint,     -- number of the writer that took over
    fenced_at timestamptz
) WITH (fillfactor = 10);

-- Who owns which products. A grant carries its partition's epoch; a batch proves the epochs of its
-- grants last of all. On one node every partition belongs to the newest writer.
CREATE TABLE partitions (
    id    smallint PRIMARY KEY,
    owner bigint, -- number of a writer
    epoch bigint NOT NULL
) WITH (fillfactor = 50);
INSERT INTO partitions (id, epoch) SELECT i, 0 FROM generate_series(0, 255) i;

CREATE TABLE products (
    id          uuid PRIMARY KEY,
    name        text        NOT NULL,
    description text        NOT NULL,
    category    text        NOT NULL,
    sku         text        NOT NULL,
    price       bigint      NOT NULL,
    currency    text        NOT NULL,
    attributes  json,       -- as the merchant wrote it
    archived    boolean     NOT NULL,
    version     bigint      NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL
);
CREATE UNIQUE INDEX products_sku ON products (sku) WHERE sku <> '';

-- Units of products, one narrow row each. No index on what changes and half of each page free, so that
-- an update stays on its page. The check is the last line of defence: no unit is sold twice.
CREATE TABLE stock (
    product   uuid PRIMARY KEY,
    on_hand   bigint NOT NULL,
    allocated bigint NOT NULL,
    version   bigint NOT NULL, -- counts the movements
    CONSTRAINT stock_bounds CHECK (on_hand >= allocated AND allocated >= 0 AND on_hand <= 1000000000)
) WITH (fillfactor = 50);

-- The ledger. A line has the level that it reached, so that the check refuses what is too much at any
-- line, not only at the end of a batch.
CREATE TABLE stock_movements (
    product         uuid        NOT NULL,
    version         bigint      NOT NULL, -- the line's number, 1 and up without a gap
    order_id        uuid,
    on_hand_delta   bigint      NOT NULL,
    allocated_delta bigint      NOT NULL,
    on_hand         bigint      NOT NULL,
    allocated       bigint      NOT NULL,
    reason          text        NOT NULL,
    actor           text        NOT NULL,
    at              timestamptz NOT NULL,
    epoch           bigint      NOT NULL, -- of the product's partition when the units were granted
    writer          bigint      NOT NULL,
    batch           bigint      NOT NULL,
    PRIMARY KEY (product, version),
    CONSTRAINT stock_movements_bounds CHECK (on_hand >= allocated AND allocated >= 0 AND on_hand <= 1000000000)
);

-- status: 1 pending, 2 paid, 3 processing, 4 shipped, 5 delivered, 6 completed, 7 cancelled.
CREATE TABLE orders (
    id              uuid        PRIMARY KEY,
    customer        text        NOT NULL,
    status          smallint    NOT NULL,
    total           bigint      NOT NULL,
    currency        text        NOT NULL,
    placed_at       timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    carrier         text        NOT NULL,
    tracking_number text        NOT NULL,
    cancel_reason   text        NOT NULL,
    version         bigint      NOT NULL, -- the seq of its newest event
    detail          json        NOT NULL  -- what never changes: items, address, note
) PARTITION BY RANGE (id);
CREATE INDEX orders_customer ON orders (customer, id);
CREATE INDEX orders_status ON orders (status, id);
CREATE TABLE orders_default PARTITION OF orders DEFAULT;

-- What happened to orders and to products: timeline, live updates and outbox are the same row.
-- type: 1 to 7 an order's states as above, 8 product created, 9 updated, 10 archived.
CREATE TABLE order_events (
    entity uuid        NOT NULL, -- an order or a product
    seq    bigint      NOT NULL, -- its version: without a gap
    type   smallint    NOT NULL,
    at     timestamptz NOT NULL,
    actor  text        NOT NULL,
    data   json,
    writer bigint      NOT NULL,
    batch  bigint      NOT NULL,
    PRIMARY KEY (entity, seq)
) PARTITION BY RANGE (entity);
CREATE TABLE order_events_default PARTITION OF order_events DEFAULT;

-- id is a digest of caller, operation, resource and key. Not partitioned: it must be unique. No index by
-- expiry: expired rows are found by reading a stretch of the table now and then, page after page.
CREATE TABLE idempotency_keys (
    id         uuid PRIMARY KEY,
    request    bytea       NOT NULL, -- a digest of what the command said
    operation  smallint    NOT NULL, -- 1 place order, 2 transition order, 3 create product, 4 adjust stock
    resource   uuid        NOT NULL,
    version    bigint      NOT NULL,
    expires_at timestamptz NOT NULL
);

-- Raises PS001 when a statement of a batch has not done what the batch took for granted, which takes
-- the whole batch back.
-- +goose StatementBegin
CREATE FUNCTION penstock_expect(got bigint, want bigint, what text) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    IF got <> want THEN
        RAISE EXCEPTION '% of % %', got, want, what USING ERRCODE = 'PS001';
    END IF;
    RETURN got;
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION penstock_expect;
DROP TABLE idempotency_keys, order_events, orders, stock_movements, stock, products, partitions, writers, engine;
