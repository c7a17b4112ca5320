-- The recipients of a message at one destination. Not by the account first: SQLite would take all that the account has in
-- line, since it holds the table's own order to be the better index.
DROP INDEX outbox_message;
CREATE INDEX outbox_message ON outbox (message, destination) WHERE message <> '';
