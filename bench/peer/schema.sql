-- The books of a peer on PostgreSQL: the same facts as Penstock's, in a row each.

CREATE TABLE products (
    id          uuid        NOT NULL,
    name        text        NOT NULL,
    description text        NOT NULL,
    category    text        NOT NULL,
    sku         text        NOT NULL,
    price       bigint      NOT NULL,
    currency    text        NOT NULL,
    attributes  text        NOT NULL,
    archived    boolean     NOT NULL,
    version     bigint      NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    search      tsvector GENERATED ALWAYS AS (to_tsvector('simple', name || ' ' || description)) STORED
);

-- A narrow row, with room on its page, so that an update needs no other page and no index.
CREATE TABLE stock (
    product   uuid   NOT NULL,
    on_hand   bigint NOT NULL,
    allocated bigint NOT NULL,
    version   bigint NOT NULL,
    CONSTRAINT stock_bounds CHECK (on_hand >= allocated AND allocated >= 0)
) WITH (fillfactor = 50);

CREATE TABLE stock_movements (
    product         uuid        NOT NULL,
    version         bigint      NOT NULL,
    order_id        uuid,
    on_hand_delta   bigint      NOT NULL,
    allocated_delta bigint      NOT NULL,
    on_hand         bigint      NOT NULL,
    allocated       bigint      NOT NULL,
    reason          text        NOT NULL,
    actor           text        NOT NULL,
    at              timestamptz NOT NULL
);

-- An order with its items as arrays: one row is half the work of three.
CREATE TABLE orders (
    id              uuid        NOT NULL,
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
    version         bigint      NOT NULL,
    note            text        NOT NULL,
    address         text[]      NOT NULL, -- recipient, phone, street, street2, city, state, postal code, country
    products        uuid[]      NOT NULL,
    names           text[]      NOT NULL,
    skus            text[]      NOT NULL,
    quantities      bigint[]    NOT NULL,
    prices          bigint[]    NOT NULL
);

CREATE TABLE order_events (
    order_id uuid        NOT NULL,
    seq      bigint      NOT NULL,
    type     smallint    NOT NULL,
    at       timestamptz NOT NULL,
    actor    text        NOT NULL,
    reason   text        NOT NULL
);

CREATE TABLE idempotency_keys (
    id         uuid        NOT NULL,
    request    bytea       NOT NULL,
    order_id   uuid        NOT NULL,
    expires_at timestamptz NOT NULL
);
