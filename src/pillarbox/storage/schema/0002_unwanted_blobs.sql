-- Large blobs, outside of the database, that no row seemed to refer to: see storage/blob_sweep.py.

CREATE TABLE unwanted_blob (
    id TEXT PRIMARY KEY,
    since BIGINT NOT NULL,
    gone INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX blob_outside ON blob (id) WHERE data IS NULL;
