"""OpenSMTPD as a client of ours, with TLS that it insists on, and as a server without."""

from __future__ import annotations

import quopri
import smtplib
from collections.abc import Iterator

import pytest

from tests.app.serve_process import ALICE, serving
from tests.clients.client import Client, Json
from tests.peers import opensmtpd
from tests.peers.opensmtpd import OpenSmtpd
from tests.peers.user import wait_for
from tests.support.certificate_files import CertificateFiles
from tests.support.free_port import free_port

pytestmark = pytest.mark.skipif(opensmtpd.hindrance() is not None, reason=opensmtpd.hindrance() or "")
COUNT = 50
BODIES = (
    b"Plain words.\r\n",
    "Grüße aus Köln, 8bit.\r\n".encode(),
    b".\r\n..\r\n...\r\n.a line that begins with a dot\r\n\r\n.\r\n",
    b"x" * 990 + b"\r\n" + b"." * 990 + b"\r\n",
    b"Much of it.\r\n" * 5_000,
)
Pair = tuple[OpenSmtpd, Client]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("opensmtpd")
    files, inbound = CertificateFiles(folder), free_port()
    ours = files.write("certificate.pem", "localhost", "127.0.0.1")
    with opensmtpd.running(inbound) as other:
        settings = (
            f'tls.certificates = ["{ours}"]\nsmtp.listen = ["127.0.0.1:{inbound}"]\n'
            f'relay.routes = ["to:open.test smtp://127.0.0.1:{other.port}"]\nhostname = "localhost"\n'
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PILLARBOX_RELAY_ENABLED", "true")  # which tests otherwise do without
            with serving(folder, settings) as server, Client(_url(server.port), *ALICE) as client:
                yield other, client


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}/jmap/session"


def submit(client: Client, recipients: list[str], body: str) -> dict[str, Json]:
    """Send by JMAP; deliveryStatus, once the server of every recipient was asked."""
    message = {
        "mailboxIds": {client.mailboxes()["drafts"]["id"]: True},
        "from": [{"email": ALICE[0]}],
        "to": [{"email": to} for to in recipients],
        "subject": "To OpenSMTPD",
        "bodyValues": {"1": {"value": body}},
        "textBody": [{"partId": "1", "type": "text/plain"}],
    }
    email = client.set("Email", create={"m": message})["created"]["m"]["id"]
    submission = {"emailId": email, "identityId": next(iter(client.get("Identity", None)))}
    id = client.set("EmailSubmission", create={"s": submission})["created"]["s"]["id"]

    def told() -> dict[str, Json] | None:
        found: dict[str, Json] = client.get("EmailSubmission", [id])[id]["deliveryStatus"]
        return None if any(one["smtpReply"] == "250 2.0.0 queued" for one in found.values()) else found

    return wait_for("what became of a submission", told)


def test_what_opensmtpd_relays_arrives_by_tls_as_it_was(pair: Pair) -> None:
    other, client = pair
    sent = {f"Message {n}": BODIES[n % len(BODIES)] for n in range(COUNT)}
    with smtplib.SMTP("127.0.0.1", other.port) as smtp:
        for subject, body in sent.items():
            head = f"From: carl@open.test\r\nTo: alice@example.org\r\nSubject: {subject}\r\n\r\n"
            smtp.sendmail("carl@open.test", ["alice@example.org"], head.encode() + body, ["BODY=8BITMIME"])

    def arrived() -> dict[str, bytes] | None:
        inbox = client.mailboxes()["inbox"]["id"]
        ids = client.call("Email/query", filter={"inMailbox": inbox})["ids"]
        got = client.get("Email", ids, properties=["subject", "blobId"])
        found = {one["subject"]: one["blobId"] for one in got.values() if one["subject"] in sent}
        return {subject: client.download(blob) for subject, blob in found.items()} if len(found) == COUNT else None

    found = wait_for(f"{COUNT} messages; {other.log[-3000:]}", arrived)
    assert {subject: data.partition(b"\r\n\r\n")[2] for subject, data in found.items()} == sent
    assert all(b"with ESMTPS id" in data for data in found.values())
    assert "TempFail" not in other.log
    assert "PermFail" not in other.log


def test_an_unknown_recipient_here_is_bounced_by_opensmtpd(pair: Pair) -> None:
    other, _ = pair
    with smtplib.SMTP("127.0.0.1", other.port) as smtp:
        smtp.sendmail("carl@open.test", ["nobody@example.org"], b"Subject: Nobody\r\n\r\nHello\r\n")
    wait_for("a bounce", lambda: "result=PermFail" in other.log.replace('"', "") or None)
    assert "550 5.1.1" in other.log


def test_what_goes_to_opensmtpd_is_as_it_was(pair: Pair) -> None:
    other, client = pair
    body = "Grüße.\n.\n..\n.dot\n"
    statuses = submit(client, ["bob@open.test", "eve@open.test", "nobody@open.test"], body)
    assert {to: one["delivered"] for to, one in statuses.items()} == {
        "bob@open.test": "unknown",
        "eve@open.test": "unknown",
        "nobody@open.test": "no",
    }
    assert statuses["nobody@open.test"]["smtpReply"].startswith("550 ")

    def arrived() -> list[bytes] | None:
        found = [data for data in other.received() if b"Subject: To OpenSMTPD" in data]
        return found or None  # both are in one mailbox, which gets it once

    for received in wait_for("a message", arrived):
        assert quopri.decodestring(received.partition(b"\n\n")[2]).decode() == body
