-- What lets a browser open a WebSocket or an event stream once. The secret itself is not here: it is given to the client.
CREATE TABLE ticket (
    account TEXT NOT NULL,
    digest TEXT NOT NULL,
    app_password TEXT NOT NULL,
    proof TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (account, digest)
);
