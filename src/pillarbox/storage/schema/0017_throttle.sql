-- Throttles of the outbound queue. Entries that are held back by the same ones are a lane of their own: `throttle` is a
-- digest of which those are, '' for none.
ALTER TABLE outbox ADD COLUMN throttle TEXT NOT NULL DEFAULT '';
DROP INDEX outbox_lane;
CREATE INDEX outbox_lane ON outbox (queue, destination, throttle, rank, due_at) WHERE destination <> '';

-- `waits_for` is what a lane that is due waits for: a throttle's name, or a place at its destination. Whoever gives one
-- back wakes the lane that has waited the longest; next_at is when it is looked at even if nobody does.
DROP TABLE lane;
CREATE TABLE lane (
    destination TEXT NOT NULL,
    queue TEXT NOT NULL,
    throttle TEXT NOT NULL,
    next_at BIGINT NOT NULL,
    waits_for TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (destination, queue, throttle)
) WITHOUT ROWID;
CREATE INDEX lane_next ON lane (queue, next_at);
CREATE INDEX lane_waits ON lane (waits_for, queue, next_at) WHERE waits_for <> '';
INSERT INTO lane (destination, queue, throttle, next_at)
    SELECT destination, queue, '', MIN(due_at) FROM outbox WHERE destination <> '' GROUP BY destination, queue;

ALTER TABLE lease ADD COLUMN throttle TEXT NOT NULL DEFAULT '';

-- What a throttle has let through, as a bucket: when it is full again, what one takes to come back (both in microseconds)
-- and how many it holds. At next_at (milliseconds) lanes that wait for it are woken.
CREATE TABLE throttle (
    name TEXT PRIMARY KEY,
    full_us BIGINT NOT NULL,
    step_us BIGINT NOT NULL,
    size BIGINT NOT NULL,
    next_at BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX throttle_next ON throttle (next_at);
