"""jmapc (from PyPI) lives a first day. Arguments: the session's URL, then names and passwords of two users."""

# mypy: ignore-errors
# (What it imports is no dependency of this project.)

import sys
import tempfile
import threading
import time
from pathlib import Path
from queue import SimpleQueue
from typing import Any
from urllib.parse import urlsplit

import jmapc
import requests
from jmapc import methods
from jmapc.session import Session


class PlainClient(jmapc.Client):
    """jmapc without TLS: it has https written into it."""

    @property
    def jmap_session(self) -> Any:
        answer = self.requests_session.get(f"http://{self._host}/.well-known/jmap", timeout=20)
        answer.raise_for_status()
        return Session.from_dict(answer.json())

    @jmap_session.deleter
    def jmap_session(self) -> None:
        """Nothing is cached."""


def main(url: str, alice: str, alice_password: str, bob: str, bob_password: str) -> None:
    """Read, search, file, draft, send, and see it arrive."""
    host = urlsplit(url).netloc
    sender = PlainClient(host, auth=requests.auth.HTTPBasicAuth(alice, alice_password))
    receiver = PlainClient(host, auth=requests.auth.HTTPBasicAuth(bob, bob_password))
    boxes = {box.role: box.id for box in _ask(sender, methods.MailboxGet(ids=None)).data if box.role}
    _read(sender)
    _flag_and_move(sender, boxes)
    arrived = _listen(receiver)
    before = _ask(receiver, methods.EmailGet(ids=[]))
    _send(sender, boxes, alice, bob)
    assert arrived.get(timeout=20)
    changes = _ask(receiver, methods.EmailChanges(since_state=before.state))
    (email,) = _ask(receiver, methods.EmailGet(ids=changes.created, fetch_all_body_values=True)).data
    assert email.subject == "By jmapc"
    assert email.body_values[email.text_body[0].part_id].value.strip() == "Hello, Bob."
    with tempfile.TemporaryDirectory() as folder:
        receiver.download_attachment(email.attachments[0], Path(folder) / "back")
        assert (Path(folder) / "back").read_bytes() == Path(__file__).read_bytes()


def _ask(client: PlainClient, call: Any) -> Any:
    return client.request(call, raise_errors=True, single_response=True)


def _read(client: PlainClient) -> None:
    filter = jmapc.EmailQueryFilterCondition(text="harbour")
    newest = [jmapc.Comparator(property="receivedAt", is_ascending=False)]
    answers = client.request(
        [
            methods.EmailQuery(collapse_threads=True, filter=filter, sort=newest, limit=5),
            methods.SearchSnippetGet(ids=jmapc.Ref("/ids"), filter=filter),
            methods.EmailGet(ids=jmapc.Ref("/ids", method=0)),
        ],
        raise_errors=True,
    )
    ids = answers[0].response.ids
    assert ids
    assert [email.id for email in answers[2].response.data] == ids
    assert [snippet.email_id for snippet in answers[1].response.data] == ids


def _flag_and_move(client: PlainClient, boxes: dict[str, str]) -> None:
    found = _ask(client, methods.EmailQuery(filter=jmapc.EmailQueryFilterCondition(in_mailbox=boxes["inbox"]), limit=1))
    (id,) = found.ids
    patch = {"keywords/$flagged": True, f"mailboxIds/{boxes['inbox']}": None, f"mailboxIds/{boxes['archive']}": True}
    assert id in _ask(client, methods.EmailSet(update={id: patch})).updated
    (email,) = _ask(client, methods.EmailGet(ids=[id])).data
    assert email.mailbox_ids == {boxes["archive"]: True}
    assert email.keywords["$flagged"]


def _send(client: PlainClient, boxes: dict[str, str], alice: str, bob: str) -> None:
    blob = client.upload_blob(Path(__file__))
    identity = _ask(client, methods.IdentityGet(ids=None)).data[0]
    draft = jmapc.Email(
        mail_from=[jmapc.EmailAddress(email=alice)],
        to=[jmapc.EmailAddress(email=bob, name="Bob Ünlü")],
        subject="By jmapc",
        keywords={"$draft": True},
        mailbox_ids={boxes["drafts"]: True},
        body_values={"t": jmapc.EmailBodyValue(value="Hello, Bob.\n")},
        text_body=[jmapc.EmailBodyPart(part_id="t", type="text/plain")],
        attachments=[jmapc.EmailBodyPart(blob_id=blob.id, type=blob.type, name="code.py", disposition="attachment")],
    )
    submission = jmapc.EmailSubmission(
        email_id="#draft",
        identity_id=identity.id,
        envelope=jmapc.Envelope(mail_from=jmapc.Address(email=alice), rcpt_to=[jmapc.Address(email=bob)]),
    )
    patch = {f"mailboxIds/{boxes['drafts']}": None, f"mailboxIds/{boxes['sent']}": True, "keywords/$draft": None}
    client.request(
        [
            methods.EmailSet(create={"draft": draft}),
            methods.EmailSubmissionSet(create={"send": submission}, on_success_update_email={"#send": patch}),
        ],
        raise_errors=True,
    )


def _listen(client: PlainClient) -> SimpleQueue[Any]:
    arrived: SimpleQueue[Any] = SimpleQueue()

    def listen() -> None:
        for event in client.events:
            arrived.put(event)

    threading.Thread(target=listen, daemon=True).start()
    time.sleep(1)  # the client does not tell when it is connected
    return arrived


main(*sys.argv[1:])
