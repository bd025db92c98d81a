-- Sums of sales, for analytics: see docs/analytics.md. No batch writes to any of these tables. A server adds what its
-- writer has committed about once a second, as one delta, and notes how far that goes; what lies between that and now
-- is read from the events. Rows hold many sums each, packed by the program: a row for each sum would be millions.

-- +goose Up

-- One row: how far the orders are added up that were there before their writers kept marks.
CREATE TABLE sales_state (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    cut      bigint,           -- the first writer that keeps a mark; NULL: there was none yet
    at_order uuid    NOT NULL, -- older orders are added up to this one
    complete boolean NOT NULL  -- all of them are
);
INSERT INTO sales_state (at_order, complete)
SELECT '00000000-0000-0000-0000-000000000000', NOT EXISTS (SELECT FROM orders);

-- Up to which of its batches a writer's events are in the sums.
CREATE TABLE sales_marks (
    writer bigint PRIMARY KEY,
    batch  bigint NOT NULL
) WITH (fillfactor = 50);

-- What products are called in the packed sums.
CREATE TABLE sales_numbers (
    number   integer PRIMARY KEY, -- from 0 without a gap
    product  uuid NOT NULL,
    currency text NOT NULL
);

-- What was added lately.
CREATE TABLE sales_deltas (
    number   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    buckets  bytea NOT NULL,
    products bytea NOT NULL
);

-- The sums. kind: 1 orders of a day, 2 products of a day, 3 products of a month. Days and months of UTC are counted
-- from 1970 on. Packed numbers do not get smaller by compressing them, so that nobody tries.
CREATE TABLE sales_rows (
    kind   smallint NOT NULL,
    period integer  NOT NULL,
    chunk  integer  NOT NULL, -- which products: a row for some thousands each
    data   bytea    NOT NULL,
    PRIMARY KEY (kind, period, chunk)
) WITH (toast_tuple_target = 8160);
ALTER TABLE sales_deltas ALTER buckets SET STORAGE EXTERNAL, ALTER products SET STORAGE EXTERNAL;
ALTER TABLE sales_rows ALTER data SET STORAGE EXTERNAL;

-- +goose Down
DROP TABLE sales_state, sales_marks, sales_numbers, sales_deltas, sales_rows;
