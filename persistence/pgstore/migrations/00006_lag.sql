-- How far the ledger is from the order of ids: with that a page of a product's orders is read from where it begins.

-- +goose Up

-- One row. No order whose units a product's ledger moved has an id older by more than ms milliseconds than that of an
-- order before it there. A batch that goes further says so here first. The more, the longer lists of a product's orders take.
CREATE TABLE ledger_lag (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    ms  bigint  NOT NULL
);
INSERT INTO ledger_lag (ms)
SELECT greatest(1000, coalesce(max(newest - made), 0))
  FROM (SELECT made, max(made) OVER (PARTITION BY product ORDER BY version) AS newest
		  FROM (SELECT product, version, ('x' || translate(left(order_id::text, 13), '-', ''))::bit(48)::bigint AS made
				  FROM stock_movements WHERE allocated_delta > 0 AND order_id IS NOT NULL) placed) lines;

-- +goose Down
DROP TABLE ledger_lag;
