-- What is remembered for a time: who was told that somebody is away, whose bounces an address stands for, and the like.
CREATE TABLE memo (
    account TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (account, kind, name)
);
CREATE INDEX memo_expired ON memo (expires_at);
