-- The store: four tables for every data type, one index table for Email, blobs, the text index, and the outbox.
-- Every key begins with the account, so that a distributed engine can shard by it.

CREATE TABLE account (
    id TEXT PRIMARY KEY,
    modseq BIGINT NOT NULL
);

-- created, modseq and destroyed are the change log; full_modseq is the last change that was more than counters.
CREATE TABLE record (
    account TEXT NOT NULL,
    type TEXT NOT NULL,
    id TEXT NOT NULL,
    created BIGINT NOT NULL,
    modseq BIGINT NOT NULL,
    full_modseq BIGINT NOT NULL,
    destroyed INTEGER NOT NULL DEFAULT 0,
    unique_key TEXT,
    body BLOB NOT NULL,
    PRIMARY KEY (account, type, id)
) WITHOUT ROWID;
CREATE INDEX record_log ON record (account, type, modseq, id);
CREATE UNIQUE INDEX record_unique ON record (account, type, unique_key) WHERE unique_key IS NOT NULL;

-- What never changes in a record, written once: toggling a keyword does not rewrite it.
CREATE TABLE part (
    account TEXT NOT NULL,
    type TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (account, type, id, name)
);

-- Where protocols meet: a record in a container, with its uid there. Removed rows stay until they are purged.
CREATE TABLE member (
    account TEXT NOT NULL,
    container TEXT NOT NULL,
    uid BIGINT NOT NULL,
    item TEXT NOT NULL,
    type TEXT NOT NULL,
    created BIGINT NOT NULL,
    modseq BIGINT NOT NULL,
    removed INTEGER NOT NULL DEFAULT 0,
    sort_key BIGINT NOT NULL,
    group_id TEXT NOT NULL,
    size BIGINT NOT NULL,
    words TEXT NOT NULL,
    PRIMARY KEY (account, container, uid)
) WITHOUT ROWID;
CREATE INDEX member_order ON member (account, container, sort_key, item, group_id) WHERE removed = 0;
CREATE UNIQUE INDEX member_item ON member (account, container, item) WHERE removed = 0;

CREATE TABLE container (
    account TEXT NOT NULL,
    id TEXT NOT NULL,
    next_uid BIGINT NOT NULL,
    PRIMARY KEY (account, id)
) WITHOUT ROWID;

-- Found by value. For blobs, whatever holds them: type 'Blob', the blob as property, the holder's type as value.
CREATE TABLE lookup (
    account TEXT NOT NULL,
    type TEXT NOT NULL,
    property TEXT NOT NULL,
    value TEXT NOT NULL,
    item TEXT NOT NULL,
    PRIMARY KEY (account, type, property, value, item)
) WITHOUT ROWID;

-- Below the floor of a type, changes are no longer known: destroyed rows were purged.
CREATE TABLE floor (
    account TEXT NOT NULL,
    type TEXT NOT NULL,
    modseq BIGINT NOT NULL,
    PRIMARY KEY (account, type)
) WITHOUT ROWID;

CREATE TABLE email_index (
    doc INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    id TEXT NOT NULL,
    thread_id TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    sent_at BIGINT NOT NULL,
    size BIGINT NOT NULL,
    has_attachment INTEGER NOT NULL,
    keywords TEXT NOT NULL,
    subject_key TEXT NOT NULL,
    from_key TEXT NOT NULL,
    to_key TEXT NOT NULL
);
CREATE UNIQUE INDEX email_index_id ON email_index (account, id);
CREATE INDEX email_index_received ON email_index (account, received_at, id, thread_id);
CREATE INDEX email_index_thread ON email_index (account, thread_id);

CREATE TABLE blob (
    account TEXT NOT NULL,
    id TEXT NOT NULL,
    size BIGINT NOT NULL,
    stored_at BIGINT NOT NULL,
    pending INTEGER NOT NULL,
    data BLOB,
    PRIMARY KEY (account, id)
);
CREATE INDEX blob_pending ON blob (account, size) WHERE pending = 1;
CREATE INDEX blob_age ON blob (stored_at) WHERE pending = 1;

-- Work that must happen once, at or after a time: recipients to send to.
CREATE TABLE outbox (
    account TEXT NOT NULL,
    id TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    item TEXT NOT NULL,
    blob TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (account, id)
) WITHOUT ROWID;
CREATE INDEX outbox_due ON outbox (kind, due_at);
CREATE INDEX outbox_item ON outbox (account, item);
