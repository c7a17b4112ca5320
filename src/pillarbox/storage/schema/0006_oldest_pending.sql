-- When the room for blobs that nobody holds is full, each upload asks for the oldest of them.
CREATE INDEX blob_pending_age ON blob (account, stored_at, id) WHERE pending = 1;
