-- Messages that failed, until their domains are told of them: one row for those that failed alike. `network` is whence
-- they came, `kind` what failed, `body` the first of them as JSON.
CREATE TABLE waiting_failure (
    domain TEXT NOT NULL,
    network TEXT NOT NULL,
    kind TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    incidents BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (domain, network, kind)
);
CREATE INDEX waiting_failure_due ON waiting_failure (due_at);
CREATE INDEX waiting_failure_network ON waiting_failure (network);
