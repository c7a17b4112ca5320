-- What backup and restore need to be exact. `touched` is the account's number when something of a record was last
-- written that no client sees, and that its modseq therefore does not tell. `epoch` is the number from which an account
-- went on after a restore: what was given out between is lost, and never given out again.
ALTER TABLE record ADD COLUMN touched BIGINT NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0;

-- Backups that began with this store: one may only be continued by the store that knows it, not by an older copy of it.
CREATE TABLE backup (
    id TEXT PRIMARY KEY,
    started_at BIGINT NOT NULL
);
