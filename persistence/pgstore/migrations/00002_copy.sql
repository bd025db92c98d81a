-- A copy of another store on its way into this one: `penstock copy`. While it is not finished nobody may
-- write.

-- +goose Up

-- At most one row. Rows that were copied carry the number of the copy's writer, and batch 0.
CREATE TABLE copies (
    one         boolean PRIMARY KEY DEFAULT true CHECK (one),
    source      text        NOT NULL, -- which store, and in what state it was
    writer      bigint      NOT NULL,
    begun_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz           -- NULL: unfinished
);

-- How far each part of a copy has come. A chunk of rows and its mark here are one transaction.
CREATE TABLE copy_sections (
    name    text PRIMARY KEY,
    at_id   uuid    NOT NULL, -- the last row copied, in the section's order
    at_seq  bigint  NOT NULL,
    rows    bigint  NOT NULL,
    done    boolean NOT NULL
);

-- +goose Down
DROP TABLE copies, copy_sections;
