"""Stores as an older Pillarbox has made them: the first steps of the schema, and rows that those who made it knew."""

from pathlib import Path

from pillarbox.storage.database import Connection
from pillarbox.storage.migration import steps
from pillarbox.storage.postgresql.connection import PostgresConnection
from pillarbox.storage.postgresql.dialect import schema
from pillarbox.storage.sqlite import open_writer

FILE = "pillarbox.sqlite3"


def make_old(folder: Path, url: str, last: int, accounts: int = 3, blobs: int = 40) -> None:
    """A store with the steps up to a number, on PostgreSQL if there is a URL; of the blobs every second one waits."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    db = PostgresConnection(url) if url else open_writer(folder / FILE)
    engine = "postgresql" if url else "sqlite"
    db.run("BEGIN")
    db.run("CREATE TABLE schema_version (number INTEGER PRIMARY KEY)")
    for number, common, own in steps(engine):
        if number <= last:
            db.script(schema(common) if url else common)
            if own:
                db.script(own)
            db.run("INSERT INTO schema_version (number) VALUES (?)", (number,))
    _fill(db, accounts, blobs)
    db.run("COMMIT")
    db.close()


def _fill(db: Connection, accounts: int, blobs: int) -> None:
    for at in range(accounts):
        account = f"a{at}"
        db.run("INSERT INTO account (id, modseq) VALUES (?, 7)", (account,))
        for n in range(blobs):
            sql = "INSERT INTO blob (account, id, size, stored_at, pending, data) VALUES (?, ?, ?, ?, ?, ?)"
            db.run(sql, (account, f"b{n}", 10 + n, 1_000 + n, n % 2, bytes(10 + n)))
        _fill_mailboxes(db, account)


def _fill_mailboxes(db: Connection, account: str) -> None:
    """Two mailboxes: one had two members, of which the second is still there."""
    for id in ("m1", "m2"):
        sql = (
            "INSERT INTO record (account, type, id, created, modseq, full_modseq, body)"
            " VALUES (?, 'Mailbox', ?, 1, 1, 1, ?)"
        )
        db.run(sql, (account, id, b'{"id":"%s","name":"%s"}' % (id.encode(), id.encode())))
    db.run("INSERT INTO container (account, id, next_uid) VALUES (?, 'm1', 3)", (account,))
    for uid in (1, 2):
        sql = (
            "INSERT INTO member (account, container, uid, item, type, created, modseq, removed, sort_key, group_id,"
            " size, words) VALUES (?, 'm1', ?, ?, 'Email', 5, ?, ?, 1600000000000, 't1', 10, '')"
        )
        db.run(sql, (account, uid, f"e{uid}", 4 + uid, 2 - uid))
    for name in ("imap", "listing"):
        sql = "INSERT INTO part (account, type, id, name, body) VALUES (?, 'Email', 'e2', ?, ?)"
        db.run(sql, (account, name, name.encode()))


def pending_of(blobs: int = 40) -> tuple[int, int]:
    """(count, octets) of what waits in each of its accounts."""
    sizes = [10 + n for n in range(blobs) if n % 2]
    return len(sizes), sum(sizes)
