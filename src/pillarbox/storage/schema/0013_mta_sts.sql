-- Policies of other domains for mail to them (MTA-STS), so that a restart does not make anybody trust the network anew.
CREATE TABLE mta_sts (
    domain TEXT NOT NULL PRIMARY KEY,
    id TEXT NOT NULL,
    policy TEXT NOT NULL,
    fetched_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX mta_sts_expiry ON mta_sts (expires_at);
