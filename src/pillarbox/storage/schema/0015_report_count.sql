-- What reports to other domains will say, of each day: a row for messages, or sessions, that were the same.
CREATE TABLE report_count (
    kind TEXT NOT NULL,
    day BIGINT NOT NULL,
    domain TEXT NOT NULL,
    digest TEXT NOT NULL,
    what TEXT NOT NULL,
    total BIGINT NOT NULL,
    PRIMARY KEY (kind, day, domain, digest)
);
