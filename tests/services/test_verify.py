"""A store that is sound, and each way in which it can be damaged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from pillarbox.app.cli import main
from pillarbox.core.account import DIRECTORY
from pillarbox.core.clock import utc_date
from pillarbox.datatypes.admin.account import ACCOUNT, Account
from pillarbox.datatypes.admin.domain import DOMAIN, Domain
from pillarbox.datatypes.email import EMAIL
from pillarbox.datatypes.email_submission import EMAIL_SUBMISSION
from pillarbox.datatypes.envelope import Address, Envelope
from pillarbox.datatypes.identity import IDENTITY
from pillarbox.datatypes.mailbox import id_of_role
from pillarbox.datatypes.outbox import Entry
from pillarbox.datatypes.submission_record import EmailSubmission
from pillarbox.services.mail.deliver import deliver
from pillarbox.services.mail.flag import set_deleted
from pillarbox.services.provision import connect_rules
from pillarbox.services.submission import Sender
from pillarbox.services.verify.run import CHECKS, Report, verify
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.storage.store import Store
from pillarbox.storage.transaction import Transaction
from tests.support.blob_file import file_of

LARGE = b"z" * 76 + b"\r\n"


def message(number: int, reply_to: int | None = None, body: bytes = b"The ferry leaves.\r\n") -> bytes:
    reply = f"In-Reply-To: <{reply_to}@example.org>\r\n" if reply_to is not None else ""
    head = f"From: a@example.org\r\nSubject: Ferry\r\nMessage-ID: <{number}@example.org>\r\n{reply}\r\n"
    return head.encode() + body


def fill(tx: Transaction) -> None:
    """One account with a thread of three, one in the trash and one hidden, a large one, a seen and a destroyed one."""
    tx.add_account(DIRECTORY)
    tx.write(DOMAIN, DIRECTORY, None, Domain(id="d1", name="example.org"))
    tx.write(ACCOUNT, DIRECTORY, None, Account(id="a1", name="alice@example.org", domain_id="d1"))
    deliver(tx, "a1", message(1), received_ms=1_000_000)
    deliver(tx, "a1", message(2, 1), received_ms=2_000_000, keywords=["$seen"])
    trash = id_of_role(tx, "a1", "trash")
    archive = id_of_role(tx, "a1", "archive")
    assert trash is not None
    assert archive is not None
    third = deliver(tx, "a1", message(3, 2), received_ms=3_000_000)
    tx.write(EMAIL, "a1", third, msgspec.structs.replace(third, mailbox_ids={trash: True}))
    large = deliver(tx, "a1", message(4, body=LARGE * 5_000), received_ms=4_000_000)
    both = {**large.mailbox_ids, archive: True}
    tx.write(EMAIL, "a1", large, msgspec.structs.replace(large, mailbox_ids=both))
    gone = deliver(tx, "a1", message(5), received_ms=5_000_000)
    tx.write(EMAIL, "a1", gone, None)
    hidden = deliver(tx, "a1", message(6, 1), received_ms=6_000_000)
    set_deleted(tx, "a1", next(iter(hidden.mailbox_ids)), [hidden.id], on=True)
    tx.put_blob("a1", b"an upload", pending=True)
    tx.add_entry(Entry("a1", "", 9_000_000, "send", large.id, b"{}", large.blob_id))
    hold(tx, large.id)
    tx.write(EMAIL_SUBMISSION, "a1", hold(tx, large.id), None)


def hold(tx: Transaction, email: str) -> EmailSubmission:
    """A submission that is kept back for an hour."""
    new = EmailSubmission(
        id=tx.new_id(EMAIL_SUBMISSION),
        identity_id=tx.ids(IDENTITY, "a1", 1)[0],
        email_id=email,
        envelope=Envelope(Address("alice@example.org"), [Address("bob@two.test")]),
        send_at=utc_date(tx.now_ms + 3_600_000),
    )
    tx.write(EMAIL_SUBMISSION, "a1", None, new)
    return new


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    connect_rules()
    Sender("mx.example.org").connect_rules()
    store = EmbeddedStore(tmp_path / "data")
    store.write(fill)
    yield store
    store.close()


def damage(store: Store, *statements: str) -> Report:
    def body(tx: Transaction) -> None:
        for sql in statements:
            tx.db.run(sql)

    store.write(body)
    return verify(store)


def rules(report: Report) -> set[str]:
    return set(report.counts)


def test_a_store_in_use_is_sound(store: Store) -> None:
    report = verify(store)
    assert report.findings == []
    assert (report.is_sound, report.accounts, report.orphans) == (True, 2, 0)


def test_a_check_reads_one_moment_while_others_write(store: Store) -> None:
    heard: list[int] = []

    def deliver_more(done: int, _of: int) -> None:
        store.write(lambda tx: deliver(tx, "a1", message(100 + done)))
        heard.append(done)

    report = verify(store, on_progress=deliver_more)
    assert report.is_sound, report.findings
    assert heard == [0, 1, 2]
    assert verify(store).is_sound


# What is damaged -> (the rule that has to tell, the damage). FIRST is the account's first email.
FIRST = "(SELECT MIN(id) FROM record WHERE type = 'Email' AND account = 'a1' AND destroyed = 0)"
DAMAGES = {
    "a record that is no JSON": ("record", "UPDATE record SET body = x'7b' WHERE type = 'Identity'"),
    "a record that is not of its type": (
        "record",
        "UPDATE record SET body = x'7b226964223a317d' WHERE type = 'Identity'",
    ),
    "a record under another id": ("record", "UPDATE record SET id = 'xx' WHERE type = 'Identity'"),
    "a record of an unknown type": ("record type", "UPDATE record SET type = 'Wish' WHERE type = 'Identity'"),
    "a destroyed record with content": ("destroyed record", "UPDATE record SET body = x'7b7d' WHERE destroyed = 1"),
    "another unique key": ("unique key", "UPDATE record SET unique_key = 'other' WHERE type = 'Account'"),
    "a lookup row too few": ("lookup", "DELETE FROM lookup WHERE type = 'Mailbox' AND value = 'sent'"),
    "a lookup row too many": ("lookup", "INSERT INTO lookup VALUES ('a1', 'Mailbox', 'role', 'all', 'm1')"),
    "a lookup row for another value": ("lookup", "UPDATE lookup SET value = 'all' WHERE value = 'sent'"),
    "a record from the future": ("number", "UPDATE record SET modseq = 99 WHERE type = 'Identity'"),
    "a record changed before it was created": ("number", "UPDATE record SET created = 99 WHERE type = 'Identity'"),
    "a membership from the future": ("number", "UPDATE member SET modseq = 99"),
    "a floor above the account's number": ("number", "INSERT INTO floor VALUES ('a1', 'Email', 99)"),
    "a membership too few": ("member", "DELETE FROM member WHERE item = FIRST"),
    "a membership too many": (
        "member",
        "UPDATE member SET item = 'e' || uid, removed = 0 WHERE removed = 1",
    ),
    "a membership in another mailbox": ("member", "UPDATE member SET container = 'mx' WHERE item = FIRST"),
    "other keywords beside a membership": ("member", "UPDATE member SET words = ' x ' WHERE item = FIRST"),
    "a uid that will be given out again": ("uid", "UPDATE container SET next_uid = 1"),
    "memberships without a container": ("uid", "DELETE FROM container"),
    "an index row too few": ("index", "DELETE FROM email_index WHERE id = FIRST"),
    "an index row too many": ("index", "UPDATE email_index SET id = 'e-none' WHERE received_at = 4000000"),
    "other keywords in the index": ("index", "UPDATE email_index SET keywords = ' x '"),
    "a fixed part too few": ("part", "DELETE FROM part WHERE id = FIRST AND name = 'structure'"),
    "a fixed part that is cut off": ("part", "UPDATE ordered_part SET body = x'2829' WHERE id = FIRST"),
    "header fields that are cut off": (
        "part",
        "UPDATE ordered_part SET body = x'2240' WHERE id = FIRST AND name = 'fields'",
    ),
    "a fixed part too many in order": (
        "part",
        "INSERT INTO ordered_part VALUES ('a1', 'Email', 'imap', 'e-none', x'7b7d')",
    ),
    "a fixed part too many": ("part", "INSERT INTO part VALUES ('a1', 'Email', 'e-none', 'listing', x'7b7d')"),
    "totalEmails": ("counter", "UPDATE record SET body = json_set(body, '$.totalEmails', 7) WHERE type = 'Mailbox'"),
    "unreadEmails": ("counter", "UPDATE record SET body = json_set(body, '$.unreadEmails', 7) WHERE type = 'Mailbox'"),
    "totalThreads": ("counter", "UPDATE record SET body = json_set(body, '$.totalThreads', 7) WHERE type = 'Mailbox'"),
    "unreadThreads": (
        "counter",
        "UPDATE record SET body = json_set(body, '$.unreadThreads', 7) WHERE type = 'Mailbox'",
    ),
    "a quota": ("quota", "UPDATE record SET body = json_set(body, '$.used', 7) WHERE type = 'Quota' AND id = 'count'"),
    "the octets of a quota": ("quota", "UPDATE record SET body = json_set(body, '$.used', 5) WHERE id = 'octets'"),
    "no quota at all": ("quota", "DELETE FROM record WHERE type = 'Quota'"),
    "an email in a mailbox that does not exist": (
        "email mailbox",
        "UPDATE record SET body = json_set(body, '$.mailboxIds', json_object('mx', json('true'))) WHERE id = FIRST",
    ),
    "an email in no mailbox": (
        "email mailbox",
        "UPDATE record SET body = json_set(body, '$.mailboxIds', json_object()) WHERE id = FIRST",
    ),
    "a mailbox in a mailbox that is not there": (
        "mailbox tree",
        "UPDATE record SET body = json_set(body, '$.parentId', 'mx') WHERE type = 'Mailbox'",
    ),
    "siblings of one name": (
        "mailbox tree",
        "UPDATE record SET body = json_set(body, '$.name', 'Same') WHERE type = 'Mailbox'",
    ),
    "a thread without one of its emails": (
        "thread",
        (
            "UPDATE record SET body = json_remove(body, '$.emailIds[0]', '$.times[0]')"
            " WHERE type = 'Thread' AND destroyed = 0"
        ),
    ),
    "a thread in another order": (
        "thread",
        (
            "UPDATE record SET body = json_set(body, '$.emailIds[0]', body ->> '$.emailIds[1]',"
            " '$.emailIds[1]', body ->> '$.emailIds[0]')"
            " WHERE id = (SELECT thread_id FROM email_index WHERE id = FIRST)"
        ),
    ),
    "the counts of a thread": (
        "thread",
        "UPDATE record SET body = json_set(body, '$.unread', 7) WHERE type = 'Thread' AND destroyed = 0",
    ),
    "an email that says another size": (
        "email blob",
        "UPDATE record SET body = json_set(body, '$.size', 7) WHERE id = FIRST",
    ),
    "an email without its blob": ("email blob", "DELETE FROM blob WHERE data IS NULL"),
    "a name of a blob that is not there": ("blob reference", "DELETE FROM blob WHERE data IS NULL"),
    "a named blob that would expire": ("blob reference", "UPDATE blob SET pending = 1"),
    "a blob that nobody names and that never expires": ("blob reference", "UPDATE blob SET pending = 0"),
    "a total of uploads that is too high": ("blob total", "UPDATE account SET pending_count = 3 WHERE id = 'a1'"),
    "a total of octets that is too low": ("blob total", "UPDATE account SET pending_octets = 0"),
    "octets that are not those of the blob": ("blob", "UPDATE blob SET data = zeroblob(size) WHERE data IS NOT NULL"),
    "a blob with a part of its octets": ("blob", "UPDATE blob SET size = size + 1"),
    "an email that cannot be searched": (
        "text index",
        "DELETE FROM text_index WHERE rowid = (SELECT MIN(doc) FROM email_index)",
    ),
    "a searchable email that is not there": ("text index", "INSERT INTO text_index (rowid, scope) VALUES (99, 'aa1')"),
    "an email that others can search": (
        "text index",
        "INSERT OR REPLACE INTO text_index (rowid, scope) SELECT MIN(doc), 'aother' FROM email_index",
    ),
    "a message that would be sent though it was canceled": (
        "outbox",
        "UPDATE record SET body = json_set(body, '$.undoStatus', 'canceled') WHERE id LIKE 's%' AND destroyed = 0",
    ),
    "a message that would be sent once more": (
        "outbox",
        "UPDATE record SET body = json_set(body, '$.undoStatus', 'final') WHERE id LIKE 's%' AND destroyed = 0",
    ),
    "work that does not hold its blob": ("outbox", "DELETE FROM lookup WHERE value = 'Outbox'"),
    "a blob that is held for work that is done": ("outbox", "DELETE FROM outbox"),
    "a hidden email that all see": (
        "hidden record",
        "UPDATE record SET destroyed = 0 WHERE type = 'Email' AND destroyed = 2",
    ),
    "an email that only IMAP sees, though it is in a mailbox": (
        "hidden record",
        "UPDATE record SET destroyed = 2 WHERE id = FIRST",
    ),
    "a thread that knows of more hidden emails than there are": (
        "thread",
        "UPDATE record SET body = json_set(body, '$.hidden', 7) WHERE type = 'Thread' AND destroyed = 0",
    ),
    "a deleted membership that all see": ("member", "UPDATE member SET removed = 0 WHERE removed = 2"),
    "a hidden email that would be found": ("index", "UPDATE email_index SET hidden = 0"),
    "a mailbox without a place for uids": ("container", "DELETE FROM container WHERE next_uid = 1"),
    "mailboxes that share what makes uids valid": ("container", "UPDATE container SET validity = 7"),
    "a mailbox that is behind its members": ("container", "UPDATE container SET modseq = 0"),
    "a mailbox that is ahead of the account": ("number", "UPDATE container SET modseq = 99"),
    "rows of no account": ("account", "UPDATE account SET id = 'a2' WHERE id = 'a1'"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_it_finds(store: Store, name: str) -> None:
    rule, sql = DAMAGES[name]
    report = damage(store, *sql.replace("FIRST", FIRST).split("; "))
    assert rule in rules(report), report.findings
    assert "database" not in rules(report), report.findings
    assert not report.is_sound


def test_the_number_of_an_account_is_not_behind_its_records(store: Store) -> None:
    assert rules(damage(store, "UPDATE account SET modseq = 0 WHERE id = 'a1'")) == {"number"}


def test_it_finds_a_file_that_is_missing(store: Store) -> None:
    [name] = store.blobs.names()
    file_of(store, name).unlink()
    assert rules(verify(store)) == {"blob file"}


def test_it_finds_a_file_whose_octets_have_changed(store: Store) -> None:
    [name] = store.blobs.names()
    path = file_of(store, name)
    path.write_bytes(b"?" + path.read_bytes()[1:])
    assert rules(verify(store)) == {"blob"}
    assert verify(store, quick=True).is_sound  # which does not read them
    path.write_bytes(path.read_bytes()[:-1])
    assert rules(verify(store, quick=True)) == {"blob"}


def test_files_that_no_blob_names_are_counted_and_do_no_harm(store: Store) -> None:
    store.blobs.write("b" + "0" * 32, b"left behind")
    report = verify(store)
    assert (report.orphans, report.is_sound) == (1, True)


def test_it_finds_damage_to_the_database_file(store: Store) -> None:
    # An index that lacks entries which its table has: what a torn page looks like.
    sql = "UPDATE sqlite_schema SET sql = REPLACE(sql, 'thread_id)', 'subject_key)') WHERE name = 'email_index_thread'"
    assert isinstance(store, EmbeddedStore)
    store.writer._db.native.execute("PRAGMA writable_schema = ON")
    store.write(lambda tx: tx.db.run(sql))
    again = EmbeddedStore(store.folder)
    try:
        report = verify(again)
    finally:
        again.close()
    assert "database" in rules(report)


def test_one_damaged_account_does_not_hide_another(store: Store) -> None:
    store.write(lambda tx: tx.write(ACCOUNT, DIRECTORY, None, Account(id="a2", name="bob@example.org", domain_id="d1")))
    report = damage(
        store,
        "UPDATE record SET body = json_set(body, '$.totalEmails', 'many') WHERE account = 'a1' AND type = 'Mailbox'",
        "UPDATE record SET body = json_set(body, '$.totalEmails', 7) WHERE account = 'a2' AND type = 'Mailbox'",
    )
    assert {("a1", "record"), ("a2", "counter")} <= {(f.account, f.rule) for f in report.findings}


def test_a_check_that_damage_brings_down_does_not_stop_the_others(store: Store) -> None:
    report = damage(
        store, "UPDATE email_index SET doc = doc + 100", "UPDATE record SET body = x'' WHERE type = 'Thread'"
    )
    assert {"text index", "record", "thread"} <= rules(report)
    assert len(CHECKS) == 8


class Shell:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *words: str) -> Any:
        return CliRunner().invoke(
            main, ["verify-data", "--data", str(self.folder), *words], env={"PILLARBOX_CONFIG": None}
        )


def test_the_command_says_so_in_its_exit_code(store: Store) -> None:
    shell = Shell(store.folder)
    assert shell.run().exit_code == 0
    damage(store, "DELETE FROM lookup WHERE type = 'Mailbox' AND value = 'sent'")
    told = shell.run()
    assert told.exit_code == 1
    assert "lookup: a1 Mailbox " in told.stdout
    as_json = shell.run("--json")
    assert as_json.exit_code == 1
    found = json.loads(as_json.stdout)
    assert (found["ok"], found["counts"], found["findings"][0]["rule"]) == (False, {"lookup": 1}, "lookup")


def test_the_command_makes_no_store_where_there_is_none(tmp_path: Path) -> None:
    result = Shell(tmp_path / "none").run()
    assert result.exit_code == 3
    assert "there is no store" in result.output
    assert not (tmp_path / "none").exists()
