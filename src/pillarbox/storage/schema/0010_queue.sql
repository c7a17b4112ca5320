-- The outbound queue: entries of the outbox that go to another server, one for each recipient. `queue` is a virtual queue
-- with its own share of connections, `destination` where the mail goes, `rank` the order in which priorities go, `message`
-- what the recipients of one message share, `lease` whoever is sending it; `due_at` is then when the lease ends.
ALTER TABLE outbox ADD COLUMN queue TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN destination TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN rank INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN message TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN lease TEXT NOT NULL DEFAULT '';
CREATE INDEX outbox_lane ON outbox (queue, destination, rank, due_at) WHERE destination <> '';
CREATE INDEX outbox_message ON outbox (account, message, destination) WHERE destination <> '';

-- A lane is what one virtual queue has for one destination. It is looked at no sooner than next_at, so that a destination
-- that is blocked costs nothing, however much waits for it.
CREATE TABLE lane (
    destination TEXT NOT NULL,
    queue TEXT NOT NULL,
    next_at BIGINT NOT NULL,
    PRIMARY KEY (destination, queue)
) WITHOUT ROWID;
CREATE INDEX lane_next ON lane (queue, next_at);

-- Who sends now, until when: after that, whoever held it is taken for dead and its entries are due again.
CREATE TABLE lease (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    queue TEXT NOT NULL,
    destination TEXT NOT NULL,
    ends_at BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX lease_queue ON lease (queue, ends_at);
CREATE INDEX lease_destination ON lease (destination, ends_at);

-- What is remembered of a destination that does not take mail.
CREATE TABLE destination (
    name TEXT PRIMARY KEY,
    failures INTEGER NOT NULL,
    blocked_until BIGINT NOT NULL,
    reason TEXT NOT NULL
) WITHOUT ROWID;
