-- The total of an account's blobs that nobody holds: each upload asks for it, and counting thousands takes its time.
ALTER TABLE account ADD COLUMN pending_count BIGINT NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN pending_octets BIGINT NOT NULL DEFAULT 0;
UPDATE account SET
    pending_count = (SELECT COUNT(*) FROM blob b WHERE b.account = account.id AND b.pending = 1),
    pending_octets = (SELECT COALESCE(SUM(b.size), 0) FROM blob b WHERE b.account = account.id AND b.pending = 1);

-- It was there to count them; whoever lists them has blob_pending_age.
DROP INDEX blob_pending;
