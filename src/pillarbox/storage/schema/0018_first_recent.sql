-- The uid from which on no session has been told of messages: IMAP's \Recent.
ALTER TABLE container ADD COLUMN first_recent BIGINT NOT NULL DEFAULT 1;
UPDATE container SET first_recent = next_uid;
