-- What IMAP asks of a membership and of a container: when a message came here, when anything last changed here, and what
-- makes the uids valid. Every container has a row from its beginning on, and keeps it: no validity is given twice.
ALTER TABLE member ADD COLUMN saved_at BIGINT NOT NULL DEFAULT 0;
UPDATE member SET saved_at = sort_key;
CREATE INDEX member_removed ON member (account, container, modseq) WHERE removed = 1;
ALTER TABLE container ADD COLUMN modseq BIGINT NOT NULL DEFAULT 0;
ALTER TABLE container ADD COLUMN validity BIGINT NOT NULL DEFAULT 0;
INSERT INTO container (account, id, next_uid)
    SELECT r.account, r.id, 1 FROM record r WHERE r.type = 'Mailbox' AND r.destroyed = 0
    AND NOT EXISTS (SELECT 1 FROM container c WHERE c.account = r.account AND c.id = r.id);
UPDATE container SET
    modseq = COALESCE((SELECT modseq FROM account WHERE account.id = container.account), 0),
    validity = (SELECT COUNT(*) FROM container o WHERE o.account = container.account AND o.id <= container.id);

-- member.removed = 2 is IMAP's \Deleted: the record is there for IMAP, and for nobody else. A record of which that is
-- all is hidden: record.destroyed = 2, and whatever belongs to it stays. `gaps` says when a record was hidden before.
CREATE UNIQUE INDEX member_deleted ON member (account, container, item) WHERE removed = 2;
ALTER TABLE record ADD COLUMN gaps TEXT NOT NULL DEFAULT '';
ALTER TABLE email_index ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0;
DROP INDEX email_index_received;
CREATE INDEX email_index_received ON email_index (account, received_at, id, thread_id) WHERE hidden = 0;
