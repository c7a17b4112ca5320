"""A user of one of the servers: sends by submission and by JMAP, and reads what came by JMAP and by IMAP."""

from __future__ import annotations

import email
import email.policy
import imaplib
import itertools
import smtplib
import ssl
import time
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any, TypeVar

from tests.clients.client import Client
from tests.peers.server import PeerServer

PASSWORD = "correct horse battery staple"
PATIENCE = 30.0  # seconds
T = TypeVar("T")
_NUMBERS = itertools.count(1)


def new_subject(text: str) -> str:
    """A subject that no other message has."""
    return f"{text} #{next(_NUMBERS)}."


def wait_for(what: str, found: Callable[[], T | None], seconds: float = PATIENCE) -> T:
    """The first thing that is found. Asserts that it is within so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        if (value := found()) is not None:
            return value
        assert time.monotonic() < deadline, f"nothing within {seconds} s: {what}"
        time.sleep(0.05)


class User:
    """One account."""

    def __init__(self, server: PeerServer, address: str, tls: ssl.SSLContext) -> None:
        self.server, self.address, self.tls = server, address, tls
        self.client = Client(server.session_url, address, PASSWORD, tls)

    def submit(self, to: str, subject: str, *, port: int = 465, notify: str = "") -> None:
        """Send by SMTP with AUTH: with TLS from the beginning, or by STARTTLS."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.address, to, subject
        message.set_content(f"{subject}.\n.\nA line with a dot before it was a dot only.\n")
        host = self.server.place.address
        with smtplib.SMTP_SSL(host, port, context=self.tls) if port == 465 else smtplib.SMTP(host, port) as smtp:
            if port != 465:
                smtp.starttls(context=self.tls)
            smtp.login(self.address, PASSWORD)
            smtp.send_message(message, rcpt_options=(f"NOTIFY={notify}",) if notify else ())

    def submit_by_jmap(
        self, to: str, subject: str, *, notify: str = "", parameters: dict[str, str | None] | None = None
    ) -> str:
        """Send by JMAP; the submission's id. `parameters` are those of MAIL (RFC 8621 §7)."""
        drafts = self.client.mailboxes()["drafts"]["id"]
        identity = next(iter(self.client.get("Identity", None)))
        message = {
            "mailboxIds": {drafts: True},
            "from": [{"email": self.address}],
            "to": [{"email": to}],
            "subject": subject,
            "bodyValues": {"1": {"value": f"{subject}.\r\n"}},
            "textBody": [{"partId": "1", "type": "text/plain"}],
        }
        made = self.client.set("Email", create={"m": message})["created"]["m"]["id"]
        wants = {"NOTIFY": notify} if notify else None
        envelope = {
            "mailFrom": {"email": self.address, "parameters": parameters},
            "rcptTo": [{"email": to, "parameters": wants}],
        }
        submission = {"emailId": made, "identityId": identity, "envelope": envelope}
        created: str = self.client.set("EmailSubmission", create={"s": submission})["created"]["s"]["id"]
        return created

    def status(self, submission: str, to: str) -> dict[str, Any]:
        """The deliveryStatus of one recipient as soon as a server has been tried."""

        def told() -> dict[str, Any] | None:
            found = self.client.get("EmailSubmission", [submission])[submission]["deliveryStatus"]
            status: dict[str, Any] | None = (found or {}).get(to)
            if status is None or status["smtpReply"] == "250 2.0.0 queued":
                return None
            return status

        return wait_for(f"the delivery status of mail to {to}", told)

    def find(self, subject: str) -> bytes | None:
        """A message of this subject, in any mailbox but those of what the user wrote."""
        found = self._arrived()
        return next((self.client.download(one["blobId"]) for one in found if one["subject"] == subject), None)

    def receive_report(self, subject: str) -> str:
        """The report about what the user has sent under a subject."""

        def told() -> str | None:
            for one in self._arrived():
                data = self.client.download(one["blobId"])
                if b"multipart/report" in data and subject.encode() in data:
                    return data.decode()
            return None

        return wait_for(f"a report about {subject!r}", told)

    def _arrived(self) -> list[dict[str, Any]]:
        boxes = self.client.mailboxes()
        own = [boxes[role]["id"] for role in ("drafts", "sent") if role in boxes]
        ids = self.client.call("Email/query", filter={"inMailboxOtherThan": own})["ids"]
        return list(self.client.get("Email", ids, properties=["id", "subject", "blobId"]).values())

    def receive(self, subject: str) -> EmailMessage:
        """The message of this subject, as soon as it is there."""
        return parse(wait_for(f"{subject!r} at {self.address}", lambda: self.find(subject)))

    def receive_by_imap(self, subject: str) -> EmailMessage:
        """The same out of INBOX by IMAP."""
        self.receive(subject)
        with imaplib.IMAP4_SSL(self.server.place.address, 993, ssl_context=self.tls) as imap:
            imap.login(self.address, PASSWORD)
            imap.select("INBOX", readonly=True)
            _, found = imap.uid("SEARCH", "HEADER", "Subject", f'"{subject}"')
            uid = found[0].split()[-1].decode()
            _, data = imap.uid("FETCH", uid, "(BODY.PEEK[])")
        return parse(data[0][1])


def parse(octets: bytes) -> EmailMessage:
    """The standard library's reading of a message."""
    message = email.message_from_bytes(octets, policy=email.policy.default.clone(max_line_length=0))
    assert isinstance(message, EmailMessage)
    return message


def field(message: EmailMessage, name: str) -> str:
    """The first field of a name, on one line."""
    return " ".join(str(message[name] or "").split())
