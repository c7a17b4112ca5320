-- Who tried to send mail, of those that are asked to come again: digests of client network, sender and recipient.
CREATE TABLE greylist (
    digest TEXT NOT NULL PRIMARY KEY,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    passed BIGINT NOT NULL
);
CREATE INDEX greylist_age ON greylist (last_at);
