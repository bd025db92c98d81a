-- Events in the order of their commits: for readers that follow all of them, and resume where they were.

-- +goose Up

-- Rows lie in the order in which they were written, so that the batches of a stretch of pages are few and
-- a summary of each stretch finds those of a batch. It costs a write to the summary every 32 pages, where
-- a B-tree would cost one for each event.
CREATE INDEX order_events_stream ON order_events USING brin (writer, batch) WITH (pages_per_range = 32, autosummarize = on);

-- +goose Down
DROP INDEX order_events_stream;
