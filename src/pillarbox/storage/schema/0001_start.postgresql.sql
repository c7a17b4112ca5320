-- Every key begins with the account here too: the document's number is no key of its own.
ALTER TABLE email_index DROP CONSTRAINT email_index_pkey;
DROP INDEX email_index_id;
ALTER TABLE email_index ADD PRIMARY KEY (account, id);
CREATE UNIQUE INDEX email_index_doc ON email_index (account, doc);

-- The text index: part 0 is a whole document, 1 and so on are the pieces of one that is too long for that.
CREATE TABLE text_index (
    account TEXT COLLATE "C" NOT NULL,
    doc BIGINT NOT NULL,
    part INTEGER NOT NULL,
    tokens TSVECTOR NOT NULL,
    PRIMARY KEY (account, doc, part)
);
CREATE INDEX text_index_whole ON text_index USING gin (tokens) WITH (gin_pending_list_limit = 1024) WHERE part = 0;
CREATE INDEX text_index_pieces ON text_index USING gin (tokens) WITH (gin_pending_list_limit = 1024) WHERE part > 0;

-- Large blobs where there is no other place for them, in parts; content-addressed, so that accounts share them.
CREATE TABLE large_blob (
    id TEXT COLLATE "C" NOT NULL,
    part INTEGER NOT NULL,
    size BIGINT NOT NULL,
    written_at BIGINT NOT NULL,
    data BYTEA NOT NULL,
    PRIMARY KEY (id, part)
);
ALTER TABLE large_blob ALTER COLUMN data SET STORAGE EXTERNAL;
ALTER TABLE blob ALTER COLUMN data SET STORAGE EXTERNAL;

-- Account and container go together; the planner multiplies their odds and sorts whole mailboxes unless it is told.
CREATE STATISTICS member_by_container (dependencies, ndistinct, mcv) ON account, container FROM member;
CREATE STATISTICS record_by_type (dependencies, ndistinct, mcv) ON account, type FROM record;
CREATE STATISTICS lookup_by_property (dependencies, ndistinct, mcv) ON account, type, property FROM lookup;
CREATE STATISTICS email_index_by_thread (dependencies, ndistinct) ON account, thread_id FROM email_index;
