"""Postfix as a client and as a server of ours, with TLS that both insist on."""

from __future__ import annotations

import quopri
import smtplib
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from tests.app.serve_process import ALICE, serving
from tests.clients.client import Client, Json
from tests.peers import postfix
from tests.peers.postfix import Postfix
from tests.support.certificate_files import CertificateFiles
from tests.support.free_port import free_port

pytestmark = pytest.mark.skipif(postfix.hindrance() is not None, reason=postfix.hindrance() or "")
T = TypeVar("T")
COUNT = 100
BODIES = (
    b"Plain words.\r\n",
    "Grüße aus Köln, 8bit.\r\n".encode(),
    b".\r\n..\r\n...\r\n.a line that begins with a dot\r\n\r\n.\r\n",
    b"x" * 998 + b"\r\n" + b"." * 998 + b"\r\n",
    b"Much of it.\r\n" * 5_000,
)


class Pair:
    """Both servers, and alice's client."""

    def __init__(self, postfix: Postfix, inbound: int, client: Client) -> None:
        self.postfix, self.inbound, self.client = postfix, inbound, client

    def submit(self, *recipients: str, body: str = "Words.\r\n", notify: str | None = None) -> str:
        """Send by JMAP; the submission's id."""
        drafts = self.client.mailboxes()["drafts"]["id"]
        message = {
            "mailboxIds": {drafts: True},
            "from": [{"email": ALICE[0]}],
            "to": [{"email": to} for to in recipients],
            "subject": "To Postfix",
            "bodyValues": {"1": {"value": body}},
            "textBody": [{"partId": "1", "type": "text/plain"}],
        }
        email = self.client.set("Email", create={"m": message})["created"]["m"]["id"]
        identity = next(iter(self.client.get("Identity", None)))
        wants = {"NOTIFY": notify} if notify else None
        envelope = {
            "mailFrom": {"email": ALICE[0], "parameters": None},
            "rcptTo": [{"email": to, "parameters": wants} for to in recipients],
        }
        submission = {"emailId": email, "identityId": identity, "envelope": envelope}
        id: str = self.client.set("EmailSubmission", create={"s": submission})["created"]["s"]["id"]
        return id

    def statuses(self, submission: str) -> dict[str, Json]:
        """deliveryStatus, once every recipient's server was asked."""

        def told() -> dict[str, Json] | None:
            found: dict[str, Json] = self.client.get("EmailSubmission", [submission])[submission]["deliveryStatus"]
            return None if any(one["smtpReply"] == "250 2.0.0 queued" for one in found.values()) else found

        return self.wait_for(told)

    def told(self, submission: str, to: str) -> tuple[Json, list[bytes]]:
        """A recipient's status once Postfix has told of it, and the notifications."""

        def told() -> tuple[Json, list[bytes]] | None:
            found = self.client.get("EmailSubmission", [submission])[submission]
            blobs: list[str] = found["dsnBlobIds"]
            return (found["deliveryStatus"][to], [self.client.download(blob) for blob in blobs]) if blobs else None

        return self.wait_for(told)

    def wait_for(self, found: Callable[[], T | None]) -> T:
        deadline = time.monotonic() + postfix.SECONDS
        while (value := found()) is None:
            assert time.monotonic() < deadline, self.postfix.log[-5000:]
            time.sleep(0.05)
        return value


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("postfix")
    files = CertificateFiles(folder)
    inbound = free_port()
    given = {
        "smtp_tls_security_level": "encrypt",
        "smtpd_tls_security_level": "encrypt",
        "smtpd_tls_chain_files": "$config_directory/certificate.pem",
        "smtpd_tls_received_header": "yes",
        "transport_maps": f"inline:{{ {{ example.org = smtp:[127.0.0.1]:{inbound} }},"
        "{ gone@postfix.test = error:5.1.6 moved away }}",
        "virtual_alias_maps": "inline:{ { info@postfix.test = gone@postfix.test } }",
        "smtpd_recipient_restrictions": "check_recipient_access inline:{"
        "{ nobody@postfix.test = 550 5.1.1 no such user }, { later@postfix.test = 450 4.2.0 greylisted }},"
        "permit_mynetworks, reject",
        "message_size_limit": "200000",
        "default_destination_concurrency_limit": "5",  # fewer connections than one address may have here
        "smtpd_tls_loglevel": "1",
        "smtp_tls_loglevel": "1",
    }
    certificate = files.write("certificate.pem", "localhost", "127.0.0.1")
    with postfix.running(given, certificate) as other:
        settings = (
            f'tls.certificates = ["{certificate}"]\nsmtp.listen = ["127.0.0.1:{inbound}"]\n'
            f'relay.routes = ["to:postfix.test smtp://127.0.0.1:{other.port}"]\nhostname = "localhost"\n'
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PILLARBOX_RELAY_ENABLED", "true")  # which tests otherwise do without
            with serving(folder, settings) as server, _client(server.port) as client:
                yield Pair(other, inbound, client)


def _client(port: int) -> Client:
    return Client(f"http://127.0.0.1:{port}/jmap/session", *ALICE)


def test_what_postfix_relays_arrives_by_tls_as_it_was(pair: Pair) -> None:
    sent = {f"Message {n}": BODIES[n % len(BODIES)] for n in range(COUNT)}
    with smtplib.SMTP("127.0.0.1", pair.postfix.port) as smtp:
        smtp.starttls()
        for subject, body in sent.items():
            head = f"From: carl@postfix.test\r\nTo: alice@example.org\r\nSubject: {subject}\r\n\r\n"
            smtp.sendmail("carl@postfix.test", ["alice@example.org"], head.encode() + body, ["BODY=8BITMIME"])

    def arrived() -> dict[str, bytes] | None:
        inbox = pair.client.mailboxes()["inbox"]["id"]
        ids = pair.client.call("Email/query", filter={"inMailbox": inbox})["ids"]
        got = pair.client.get("Email", ids, properties=["subject", "blobId"])
        found = {one["subject"]: one["blobId"] for one in got.values() if one["subject"] in sent}
        return {subject: pair.client.download(blob) for subject, blob in found.items()} if len(found) == COUNT else None

    found = pair.wait_for(arrived)
    assert {subject: data.partition(b"\r\n\r\n")[2] for subject, data in found.items()} == sent
    assert all(b"with ESMTPS id" in data for data in found.values())
    assert "status=bounced" not in pair.postfix.log
    assert "status=deferred" not in pair.postfix.log


def test_an_unknown_recipient_here_is_bounced_by_postfix(pair: Pair) -> None:
    with smtplib.SMTP("127.0.0.1", pair.postfix.port) as smtp:
        smtp.starttls()
        smtp.sendmail("carl@postfix.test", ["nobody@example.org"], b"Subject: Nobody\r\n\r\nHello\r\n")
    pair.wait_for(lambda: "dsn=5.1.1, status=bounced" in pair.postfix.log or None)


def test_what_goes_to_postfix_goes_by_tls_and_is_as_it_was(pair: Pair) -> None:
    body = "Grüße.\n.\n..\n.dot\n"
    statuses = pair.statuses(pair.submit("bob@postfix.test", "eve@postfix.test", body=body))
    pair.wait_for(lambda: pair.postfix.log.count("relay=virtual") >= 2 or None)
    assert {to: one["smtpReply"][:9] for to, one in statuses.items()} == {
        "bob@postfix.test": "250 2.0.0",
        "eve@postfix.test": "250 2.0.0",
    }
    received = next(data for data in pair.postfix.received() if b"Subject: To Postfix" in data)
    assert b"using TLSv1.3" in received
    assert quopri.decodestring(received.partition(b"\n\n")[2]).decode() == body


def test_each_recipient_has_the_answer_that_postfix_gave_for_it(pair: Pair) -> None:
    everybody = ("carol@postfix.test", "nobody@postfix.test", "later@postfix.test")
    statuses = pair.statuses(pair.submit(*everybody))
    assert [statuses[to]["delivered"] for to in everybody] == ["unknown", "no", "queued"]
    assert "550 5.1.1" in statuses["nobody@postfix.test"]["smtpReply"]
    assert "450 4.2.0" in statuses["later@postfix.test"]["smtpReply"]


def test_what_is_larger_than_postfix_takes_comes_back_at_once(pair: Pair) -> None:
    (status,) = pair.statuses(pair.submit("bob@postfix.test", body="Much of it.\n" * 30_000)).values()
    assert status["delivered"] == "no"
    assert "5.3.4" in status["smtpReply"]


def test_what_postfix_bounces_after_it_took_it_is_told_by_its_notification(pair: Pair) -> None:
    """The address is an alias of one that is not there: the notification has its own name for it."""
    status, (notice,) = pair.told(pair.submit("info@postfix.test"), "info@postfix.test")
    assert b"MAILER-DAEMON" in notice
    assert b"Final-Recipient: rfc822; gone@postfix.test" in notice
    assert (status["delivered"], status["displayed"]) == ("no", "unknown")
    assert status["smtpReply"].startswith("550 5.1.6 "), status
    assert "moved away" in status["smtpReply"]


def test_postfix_tells_of_a_delivery_when_it_is_asked(pair: Pair) -> None:
    status, (notice,) = pair.told(pair.submit("bob@postfix.test", notify="SUCCESS,FAILURE"), "bob@postfix.test")
    assert b"Action: delivered" in notice
    assert status["delivered"] == "yes"
    assert status["smtpReply"].startswith("250 2.0.0 ")
