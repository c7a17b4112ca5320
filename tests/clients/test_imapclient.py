"""imapclient (from PyPI), over TLS: mailboxes, messages, flags, searches, IDLE, quotas and CONDSTORE."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from imapclient import DELETED, FLAGGED, RECENT, SEEN, IMAPClient
from imapclient.exceptions import IMAPClientError, LoginError

from tests.clients.imap_place import Place, message
from tools.demo_process import pillarbox_command


def log_in(place: Place) -> IMAPClient:
    context = ssl.create_default_context(cafile=place.authority)
    client = IMAPClient(place.host, port=place.port, ssl_context=context, timeout=30)
    client.login(place.user.name, place.user.password)
    return client


@pytest.fixture
def client(place: Place) -> Iterator[IMAPClient]:
    with log_in(place) as client:
        yield client


def names(client: IMAPClient) -> set[str]:
    return {name for _, _, name in client.list_folders()}


def test_a_wrong_password_is_one(place: Place) -> None:
    context = ssl.create_default_context(cafile=place.authority)
    with IMAPClient(place.host, port=place.port, ssl_context=context, timeout=30) as client:
        with pytest.raises(LoginError):
            client.login(place.user.name, "another one")
        client.login(place.user.name, place.user.password)
        client.select_folder("INBOX")


def test_mailboxes_are_made_renamed_subscribed_and_deleted(client: IMAPClient) -> None:
    assert {"INBOX", "Drafts", "Sent", "Archive", "Junk", "Trash"} <= names(client)
    assert client.find_special_folder(b"\\Sent") == "Sent"
    client.create_folder("Übung/東京")
    client.rename_folder("Übung", "Notes & more")
    assert {"Notes & more", "Notes & more/東京"} <= names(client)
    client.unsubscribe_folder("Notes & more/東京")
    assert "Notes & more/東京" not in {name for *_, name in client.list_sub_folders()}
    client.subscribe_folder("Notes & more/東京")
    assert "Notes & more/東京" in {name for *_, name in client.list_sub_folders()}
    client.delete_folder("Notes & more/東京")
    assert not client.folder_exists("Notes & more/東京")
    with pytest.raises(IMAPClientError):
        client.select_folder("Notes & more/東京")
    assert client.namespace().personal == (("", "/"),)


def test_what_is_appended_is_fetched_and_is_the_email_of_jmap(client: IMAPClient, place: Place) -> None:
    at = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
    told = client.append("INBOX", message(1), flags=[FLAGGED, "$Work"], msg_time=at)
    assert b"APPENDUID" in told
    client.select_folder("INBOX")
    (uid,) = client.search()
    items = ["FLAGS", "ENVELOPE", "INTERNALDATE", "RFC822.SIZE", "BODY.PEEK[]", "BODYSTRUCTURE", "EMAILID"]
    fetched = client.fetch([uid], items)[uid]
    assert fetched[b"BODY[]"] == message(1)
    assert fetched[b"RFC822.SIZE"] == len(message(1))
    assert set(fetched[b"FLAGS"]) == {FLAGGED, b"$work", RECENT}
    assert fetched[b"INTERNALDATE"] == at.astimezone().replace(tzinfo=None)
    assert fetched[b"ENVELOPE"].subject == b"Message 1"
    assert fetched[b"ENVELOPE"].from_[0].mailbox == b"dave"
    assert fetched[b"BODYSTRUCTURE"][:2] == (b"TEXT", b"PLAIN")
    (email,) = place.jmap.get("Email", None, properties=["keywords", "receivedAt"]).values()
    assert (email["id"].encode(),) == fetched[b"EMAILID"]
    assert email["keywords"] == {"$flagged": True, "$work": True}
    assert email["receivedAt"] == "2026-11-02T09:30:00Z"


def test_flags_are_set_and_seen_on_both_sides(client: IMAPClient, place: Place) -> None:
    (id,) = place.add(message(1))
    client.select_folder("INBOX")
    (uid,) = client.search("UNSEEN")
    assert set(client.add_flags(uid, [SEEN, "Later"])[uid]) == {SEEN, b"later", RECENT}
    assert place.jmap.get("Email", [id])[id]["keywords"] == {"$seen": True, "later": True}
    place.jmap.set("Email", update={id: {"keywords": {"$flagged": True}}})
    client.noop()
    assert client.get_flags(uid)[uid] == (RECENT, FLAGGED)
    assert client.remove_flags(uid, [FLAGGED])[uid] == (RECENT,)
    assert place.jmap.get("Email", [id])[id]["keywords"] == {}


def test_searches_sorts_and_threads(client: IMAPClient, place: Place) -> None:
    place.add(message(1), message(2, Subject="Für die Übung"), message(3, References="<1@sender.example>"))
    client.select_folder("INBOX")
    assert client.search(["SUBJECT", "Übung"], charset="UTF-8") == [2]
    assert client.search(["OR", "SUBJECT", "Message 3", "UID", 1]) == [1, 3]
    assert client.search(["SINCE", datetime(2026, 11, 2, tzinfo=UTC).date(), "NOT", "TEXT", "number 2"]) == [1, 3]
    assert client.sort(["REVERSE DATE"]) == [3, 2, 1]
    assert set(client.thread("REFERENCES")) == {(1, 3), (2,)}


def test_idle_tells_of_what_comes_by_jmap_and_goes(client: IMAPClient, place: Place) -> None:
    client.select_folder("INBOX")
    client.idle()
    (id,) = place.add(message(1))
    assert (1, b"EXISTS") in client.idle_check(timeout=20)
    place.jmap.set("Email", destroy=[id])
    assert (1, b"EXPUNGE") in client.idle_check(timeout=20)
    client.idle_done()
    assert client.search() == []


def test_messages_are_moved_copied_and_deleted(client: IMAPClient, place: Place) -> None:
    first, second, third = place.add(message(1), message(2), message(3))
    boxes = place.jmap.mailboxes()
    client.select_folder("INBOX")
    client.move([1], "Archive")
    client.copy([2], "Archive")
    client.set_flags([3], [DELETED])
    assert third not in place.jmap.get("Email", None)  # RFC 8621 §4.1.1
    client.uid_expunge([3])
    assert client.search() == [2]
    emails = place.jmap.get("Email", None, properties=["mailboxIds"])
    assert emails[first]["mailboxIds"] == {boxes["archive"]["id"]: True}
    assert emails[second]["mailboxIds"] == {boxes["archive"]["id"]: True, boxes["inbox"]["id"]: True}
    assert client.folder_status("Archive", ["MESSAGES"])[b"MESSAGES"] == 2


def test_quotas_are_told(client: IMAPClient, place: Place) -> None:
    place.add(message(1), message(2))
    assert client.get_quota_root("INBOX")[1] == []
    change = (*pillarbox_command(), "account", "set", place.user.name, "--quota-count", "10")
    place.run(*change, "--data", place.demo.data)
    root, quotas = client.get_quota_root("INBOX")
    assert root.mailbox == "INBOX"
    assert [(quota.resource, quota.usage, quota.limit) for quota in quotas] == [("MESSAGE", 2, 10)]


def test_what_has_changed_since_is_fetched(client: IMAPClient, place: Place) -> None:
    ids = place.add(*(message(n) for n in range(1, 5)))
    since = client.select_folder("INBOX")[b"HIGHESTMODSEQ"]
    place.jmap.set("Email", update={ids[1]: {"keywords/$seen": True}})
    changed = client.fetch(list(range(1, 5)), ["FLAGS"], modifiers=[f"CHANGEDSINCE {since}"])
    assert list(changed) == [2]
    assert changed[2][b"FLAGS"] == (RECENT, SEEN)
    (modseq,) = changed[2][b"MODSEQ"]
    assert modseq > since
    assert client.folder_status("INBOX", ["HIGHESTMODSEQ"])[b"HIGHESTMODSEQ"] == modseq
