"""jmaplib (from PyPI) lives a first day. Arguments: the session's URL, then names and passwords of two users."""

# mypy: ignore-errors
# (What it imports is no dependency of this project.)

import sys
import threading
import time
from queue import SimpleQueue
from typing import Any

from jmap import CreationRef
from jmap.auth import BasicAuth
from jmap.client import JMAPClient
from jmap.push.listener import EventSourceClient
from jmap.sync.changes import ChangeStream

ATTACHED = bytes(range(256)) * 100


def main(url: str, alice: str, alice_password: str, bob: str, bob_password: str) -> None:
    """Read, search, file, draft, send, and see it arrive."""
    with (
        JMAPClient.connect(url, auth=BasicAuth(alice, alice_password)) as sender,
        JMAPClient.connect(url, auth=BasicAuth(bob, bob_password)) as receiver,
    ):
        boxes = _boxes(sender)
        _read(sender, boxes)
        _flag_and_move(sender, boxes)
        arrived = _listen(receiver)
        stream, emails = ChangeStream(receiver, "Email"), _all(receiver)
        stream.seed(emails.state)
        _send(sender, boxes, alice, bob)
        assert "Email" in next(iter(arrived.get(timeout=20).changed.values()))
        _catch_up(receiver, stream, {email.id for email in emails.items})
        _open(receiver)


def _boxes(client: JMAPClient) -> dict[str, str]:
    with client.batch() as batch:
        found = batch.mail.mailbox.get(ids=None)
    return {box.role: box.id for box in found.result.items if box.role}


def _all(client: JMAPClient) -> Any:
    return client.call("Email/get", {"ids": None, "properties": ["id"]})


def _read(client: JMAPClient, boxes: dict[str, str]) -> None:
    with client.batch() as batch:
        found = batch.mail.email.query(
            filter={"text": "harbour"}, sort=[{"property": "receivedAt", "isAscending": False}], calculate_total=True
        )
        snippets = batch.mail.search_snippet.get(filter={"text": "harbour"}, email_ids=found.ref_ids())
        whole = batch.mail.email.get(ids=found.ref_ids(), fetchAllBodyValues=True)
    assert found.result.total == len(whole.result.items) == len(snippets.result.items) > 2
    assert all(email.text_body and email.preview for email in whole.result.items)
    with client.batch() as batch:
        found = batch.mail.email.query(filter={"hasAttachment": True, "inMailbox": boxes["inbox"]})
        whole = batch.mail.email.get(ids=found.ref_ids(), properties=["attachments"])
    part = whole.result.items[0].attachments[0]
    assert len(client.download(part.blob_id, name=part.name or "part", content_type=part.type)) == part.size


def _flag_and_move(client: JMAPClient, boxes: dict[str, str]) -> None:
    with client.batch() as batch:
        found = batch.mail.email.query(filter={"inMailbox": boxes["inbox"]}, limit=1)
    (id,) = found.result.ids
    patch = {"keywords/$flagged": True, f"mailboxIds/{boxes['inbox']}": None, f"mailboxIds/{boxes['archive']}": True}
    with client.batch() as batch:
        done = batch.mail.email.set(update={id: patch})
        seen = batch.mail.email.get(ids=[id], properties=["keywords", "mailboxIds"])
    assert id in done.result.updated
    assert seen.result.items[0].mailbox_ids == {boxes["archive"]: True}
    assert seen.result.items[0].keywords["$flagged"]


def _send(client: JMAPClient, boxes: dict[str, str], alice: str, bob: str) -> None:
    blob = client.upload(ATTACHED, content_type="application/x-octets")
    draft = {
        "mailboxIds": {boxes["drafts"]: True},
        "keywords": {"$draft": True},
        "from": [{"email": alice}],
        "to": [{"email": bob, "name": "Bob Ünlü"}],
        "subject": "By jmaplib",
        "textBody": [{"partId": "t", "type": "text/plain"}],
        "bodyValues": {"t": {"value": "Hello, Bob.\n"}},
        "attachments": [{"blobId": blob.blob_id, "type": "application/x-octets", "name": "octets.bin"}],
    }
    with client.batch() as batch:
        identities = batch.submission.identity.get(ids=None)
    patch = {f"mailboxIds/{boxes['drafts']}": None, f"mailboxIds/{boxes['sent']}": True, "keywords/$draft": None}
    with client.batch() as batch:
        made = batch.mail.email.set(create={"draft": draft})
        sent = batch.submission.email_submission.set(
            create={"send": {"emailId": CreationRef("draft"), "identityId": identities.result.items[0].id}},
            onSuccessUpdateEmail={"#send": patch},
        )
    assert sent.result.created_id("send")
    with client.batch() as batch:
        kept = batch.mail.email.get(ids=[made.result.created_id("draft")], properties=["mailboxIds"])
    assert kept.result.items[0].mailbox_ids == {boxes["sent"]: True}


def _listen(client: JMAPClient) -> SimpleQueue[Any]:
    arrived: SimpleQueue[Any] = SimpleQueue()

    def listen() -> None:
        for event in EventSourceClient(client, types=["Email", "Mailbox"]).events():
            if getattr(event, "changed", None):
                arrived.put(event)

    threading.Thread(target=listen, daemon=True).start()
    time.sleep(1)  # the client does not tell when it is connected
    return arrived


def _catch_up(client: JMAPClient, stream: ChangeStream, known: set[str]) -> None:
    changes = stream.catch_up(max_changes=1)
    known = (known | set(changes.created)) - set(changes.destroyed)
    fresh = _all(client)
    assert known == {email.id for email in fresh.items}
    assert stream.state == fresh.state


def _open(client: JMAPClient) -> None:
    with client.batch() as batch:
        found = batch.mail.email.query(filter={"subject": "jmaplib"})
        mail = batch.mail.email.get(ids=found.ref_ids(), fetchTextBodyValues=True)
    (email,) = mail.result.items
    assert email.body_values[email.text_body[0].part_id].value.strip() == "Hello, Bob."
    assert client.download(email.attachments[0].blob_id) == ATTACHED


main(*sys.argv[1:])
