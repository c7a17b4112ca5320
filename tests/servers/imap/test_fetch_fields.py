"""HEADER.FIELDS is told of stored fields octet for octet as it is of the message."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pillarbox.datatypes.email import EMAIL, header_part
from pillarbox.datatypes.email.imap_reading import MessageReading
from pillarbox.servers.imap import fetch_fields, fetch_program, keep_fields
from pillarbox.servers.imap.fetch_fields import can_choose, choice_of, stored_fields
from pillarbox.storage import part
from pillarbox.storage.store import Store
from pillarbox.storage.transaction import Transaction
from pillarbox.wire.imap.fetch_item import Section
from tests.net.tls_fixture import Run
from tests.servers.imap.imap_server import Client, deliver_to, message, running
from tests.support.mail_house import House, house
from tests.support.odd_header import field_names, headers

__all__ = ["house"]

THUNDERBIRD = (
    "From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To"
    " Received"
)
APPLE = (
    "date subject from to cc message-id in-reply-to references content-type x-priority x-uniform-type-identifier"
    " x-universally-unique-identifier list-id list-unsubscribe bimi-indicator bimi-location x-bimi-indicator-hash"
    " authentication-results dkim-signature"
)
K9 = (
    "date subject from content-type to cc bcc reply-to message-id references in-reply-to list-post list-unsubscribe"
    " sender X-K9mail-Identity Chat-Version"
)
MUTT = (
    "DATE FROM SENDER SUBJECT TO CC MESSAGE-ID REFERENCES CONTENT-TYPE CONTENT-DESCRIPTION IN-REPLY-TO REPLY-TO LINES"
    " LIST-POST X-LABEL X-ORIGINAL-TO"
)
ROUNDCUBE = "DATE FROM TO SUBJECT CONTENT-TYPE CC REPLY-TO LIST-POST DISPOSITION-NOTIFICATION-TO X-PRIORITY"
SIGNED = message(1, Received="by a.example", DKIM_Signature="v=1; b=x", List_Id="<l.example>", X_Mailer="m")


def chosen(*names: str) -> Section:
    return Section(what="HEADER.FIELDS", fields=names, is_peek=True)


def forget(tx: Transaction) -> None:
    """As if all messages had come before fields were stored."""
    tx.db.run("DELETE FROM part WHERE name = 'more-fields'")
    tx.db.run("DELETE FROM ordered_part WHERE name = 'fields'")


def of_octets(house: House, ids: Sequence[str], items: Sequence[Section]) -> list[bytes]:
    with house.store.snapshot() as view:
        reading = MessageReading(view, "a1", view.get_with_deleted(EMAIL, "a1", ids))
        return [b" ".join([reading.answer(id, item, is_utf8=False) for item in items]) for id in ids]


def complete(house: House, ids: Sequence[str]) -> None:
    """Store what the first FETCH would."""

    def body(tx: Transaction) -> None:
        reading = MessageReading(tx, "a1", tx.get_with_deleted(EMAIL, "a1", ids))
        for id in ids:
            part.add(tx.db, "a1", EMAIL.name, id, reading.header_parts(id), EMAIL.ordered_parts, anew=True)

    house.store.write(body)


def of_parts(house: House, ids: Sequence[str], items: Sequence[Section]) -> tuple[list[bytes | None], set[str]]:
    with house.store.snapshot() as view:
        return stored_fields(view, "a1", ids, [choice_of(item) for item in items])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(headers(), min_size=1, max_size=4), st.lists(field_names(), min_size=1, max_size=3))
def test_stored_fields_are_those_of_the_message(house: House, heads: list[bytes], names: list[tuple[str, ...]]) -> None:
    ids = [house.add(head + b"text\r\n") for head in heads]
    complete(house, ids)
    items = [item for each in names if can_choose(item := chosen(*each))]
    if not items:
        return
    told, bare = of_parts(house, ids, items)
    assert not bare
    for head, text, expected in zip(heads, told, of_octets(house, ids, items), strict=True):
        if text is None:  # nothing but what is long or has a NUL is read of the message
            assert len(head) > 900 or b"\0" in head
        else:
            assert text == expected


@pytest.mark.parametrize("names", [THUNDERBIRD, APPLE, K9, MUTT, ROUNDCUBE])
def test_what_clients_ask_for_needs_no_message(house: House, names: str) -> None:
    ids = [house.add(SIGNED), house.add(message(2)), house.add(message(3, Received="x" * 500))]
    item = chosen(*names.split())
    assert can_choose(item)
    assert bool(of_parts(house, ids, [item])[1]) == (names in {THUNDERBIRD, APPLE})  # that ask for long ones
    complete(house, ids)
    told, bare = of_parts(house, ids, [item])
    assert told == of_octets(house, ids, [item])
    assert not bare


@pytest.mark.parametrize(
    "item",
    [
        chosen("Subject", "X-Mailer"),
        chosen(*["Subject"] * 65),
        Section((1,), "HEADER.FIELDS", ("Subject",)),
        Section(what="HEADER.FIELDS.NOT", fields=("Subject",)),
        Section(what="HEADER.FIELDS", fields=("Subject",), partial=(0, 5)),
        Section(what="HEADER"),
        Section(),
    ],
)
def test_other_sections_are_read_of_messages(item: Section) -> None:
    assert not can_choose(item)


def test_names_that_an_older_version_did_not_look_for_are_read_of_messages(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr(header_part, "NAMES", header_part.NAMES[:8])
        older.setattr(header_part, "CODES", {name: code for name, code in header_part.CODES.items() if code < 8})
        id = house.add(message(1))
    assert of_parts(house, [id], [chosen("Subject", "Message-ID")]) == ([None], set())
    assert of_parts(house, [id], [chosen("Subject", "From")])[0] == of_octets(house, [id], [chosen("Subject", "From")])


def test_messages_that_have_lost_a_part_are_told_from_among_the_others(house: House) -> None:
    ids = [house.add(SIGNED) for _ in range(40)]
    complete(house, ids)
    item = chosen("Subject", "Received")
    whole = of_octets(house, ids, [item])
    house.store.write(lambda tx: tx.db.run("DELETE FROM part WHERE name = 'more-fields' AND id = ?", (ids[3],)))
    house.store.write(lambda tx: tx.db.run("DELETE FROM ordered_part WHERE name = 'fields' AND id = ?", (ids[7],)))
    expected = [None if at in {3, 7} else text for at, text in enumerate(whole)]
    assert of_parts(house, ids, [item]) == (expected, {ids[3], ids[7]})


def test_plans_are_forgotten_before_they_are_many(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch_fields, "_MOST_PLANS", 1)
    ids = [house.add(message(n, **fields)) for n, fields in enumerate(({}, {"Cc": "c"}, {"Bcc": "b"}, {"Cc": "d"}))]
    item = chosen("Cc", "Subject")
    for id in (*ids, *ids):
        assert of_parts(house, [id], [item])[0] == of_octets(house, [id], [item])


async def octets(client: Client, command: str) -> bytes:
    """All that is told, octets that are no text too."""
    client.send(f"t {command}\r\n".encode())
    return await client.reader.readuntil(b"\r\nt OK Fetched\r\n")


ASKED = [
    f"(UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS ({THUNDERBIRD})])",
    f"(UID BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS ({ROUNDCUBE})])",
    '(BODY.PEEK[HEADER.FIELDS (Subject)] BODY.PEEK[HEADER.FIELDS (subject "X-%b")] BODY.PEEK[1])',
    "(BODY.PEEK[HEADER.FIELDS (Subject)] BODY.PEEK[1.HEADER.FIELDS (Subject Received)])",
    "(BODY.PEEK[HEADER.FIELDS (Subject)] BODY.PEEK[HEADER.FIELDS (TO From)] ENVELOPE)",
    "BODY.PEEK[HEADER.FIELDS (X-Priority)]",
]


@pytest.mark.parametrize("asked", ASKED)
def test_a_client_is_told_the_same_whether_fields_are_stored_or_not(store: Store, run: Run, asked: str) -> None:
    odd = b"Subject: no end\r\nTo: " + b"t" * 5_000
    inside = b"Content-Type: message/rfc822\r\nSubject: outer\r\n\r\n" + SIGNED
    deliver_to(store, "alice", *(message(n) for n in range(30)), SIGNED, odd, inside, b"To: a\0b\r\n\r\n", b"\r\nx")

    async def body() -> None:
        async with running(store) as server:
            client = await server.connect(mailbox="INBOX")
            stored = await octets(client, f"FETCH 1:* {asked}")
            assert stored.count(b" FETCH (") == 35
            store.write(forget)
            assert await octets(client, f"FETCH 1:* {asked}") == stored
            assert await octets(client, f"FETCH 1:* {asked}") == stored

    run(body)


def test_what_had_to_be_read_of_messages_is_stored_for_the_next_time(
    store: Store, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch_program, "_OF_PARTS", 7)
    monkeypatch.setattr(keep_fields, "_MANY", 1)
    deliver_to(store, "alice", *[SIGNED] * 20)

    def stored() -> list[object]:
        with store.snapshot() as view:
            long = view.db.rows("SELECT id, body FROM part WHERE name = 'more-fields' ORDER BY id")
            return [*long, *view.db.rows("SELECT id, body FROM ordered_part WHERE name = 'fields' ORDER BY id")]

    async def body() -> None:
        async with running(store) as server:
            client = await server.connect(mailbox="INBOX")
            assert len(stored()) == 20
            await client.say("FETCH 1:* BODY.PEEK[HEADER.FIELDS (Subject)]")
            assert len(stored()) == 20  # nobody has asked for the long ones
            await client.say("FETCH 1:* BODY.PEEK[HEADER.FIELDS (Subject Received)]")
            before = stored()
            assert len(before) == 40
            store.write(forget)
            assert stored() == []
            await client.say("FETCH 1:* BODY.PEEK[HEADER.FIELDS (Subject)]")
            assert stored() == before
            store.write(lambda tx: tx.db.run("DELETE FROM ordered_part WHERE name = 'fields'"))  # the rest is there
            await client.say("FETCH 1:* BODY.PEEK[HEADER.FIELDS (Subject)]")
            assert stored() == before

    run(body)


def test_nothing_is_stored_for_a_message_that_is_gone_meanwhile(
    store: Store, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keep_fields, "_MANY", 1)
    deliver_to(store, "alice", SIGNED, SIGNED)
    with store.snapshot() as view:
        ids = [str(id) for (id,) in view.db.rows("SELECT id FROM ordered_part WHERE name = 'fields' ORDER BY id")]

    async def body() -> None:
        async with running(store) as server:
            client, other = [await server.connect(mailbox="INBOX") for _ in range(2)]
            store.write(lambda tx: tx.db.run("DELETE FROM ordered_part WHERE name = 'fields'"))
            for command in ("STORE 1 +FLAGS (\\Deleted)", "EXPUNGE"):
                await other.say(command)
            await client.say("FETCH 1:2 BODY.PEEK[HEADER.FIELDS (Subject)]")

    run(body)
    with store.snapshot() as view:
        assert view.db.rows("SELECT id FROM ordered_part WHERE name = 'fields'") == [(ids[1],)]


@pytest.mark.parametrize(("count", "stored"), [(19, 0), (20, 20)])
def test_few_messages_are_read_again_rather_than_stored_for(store: Store, run: Run, count: int, stored: int) -> None:
    deliver_to(store, "alice", *[SIGNED] * count)

    async def body() -> None:
        async with running(store) as server:
            client = await server.connect(mailbox="INBOX")
            await client.ok("FETCH 1:* BODY.PEEK[HEADER.FIELDS (Received)]")

    run(body)
    with store.snapshot() as view:
        assert len(view.db.rows("SELECT id FROM part WHERE name = 'more-fields'")) == stored
