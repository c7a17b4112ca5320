-- Parts that are read of many records in a row, by name and in the order of ids, where nothing else lies between them.
CREATE TABLE ordered_part (
    account TEXT NOT NULL,
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    id TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (account, type, name, id)
) WITHOUT ROWID;
-- What is still in `part`, after which id: it is moved in small steps while the server runs.
CREATE TABLE unordered_part (
    account TEXT NOT NULL,
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    after TEXT NOT NULL,
    PRIMARY KEY (account, type, name)
) WITHOUT ROWID;
INSERT INTO unordered_part (account, type, name, after) SELECT id, 'Email', 'imap', '' FROM account;
