"""Notifications and receipts as other servers write them."""

from collections.abc import Sequence
from typing import NamedTuple


class Told(NamedTuple):
    """What a notification says of one recipient."""

    final: str
    action: str = "failed"
    status: str = "5.1.1"
    diagnostic: str = "smtp; 550 5.1.1 no such user"
    original: str = ""


def notification(
    about: str | None,
    *told: Told,
    envelope_id: str = "",
    enclosed: str = "text/rfc822-headers",
    header: Sequence[str] = (),
    more: str = "",
) -> bytes:
    """A notification as Postfix writes them, about the message of an id; None: it encloses nothing."""
    groups = ["Reporting-MTA: dns; mx.two.test\n" + (f"Original-Envelope-Id: {envelope_id}\n" if envelope_id else "")]
    for one in told:
        group = f"Original-Recipient: {one.original}\n" if one.original else ""
        group += f"Final-Recipient: rfc822; {one.final}\nAction: {one.action}\nStatus: {one.status}\n"
        groups.append(group + (f"Diagnostic-Code: {one.diagnostic}\n" if one.diagnostic else ""))
    original = f"Content-Type: {enclosed}\n\nFrom: alice@example.org\nMessage-ID: <{about}>\nSubject: Hello\n"
    return _report(
        ["From: MAILER-DAEMON@mx.two.test", "Subject: Undelivered Mail Returned to Sender", *header],
        "delivery-status",
        ["Content-Type: text/plain\n\nI'm sorry to have to inform you.\n" + more]
        + ["Content-Type: message/delivery-status\n\n" + "\n".join(groups)]
        + ([original] if about is not None else []),
    )


def receipt(
    about: str | None, final: str, *, author: str = "", kind: str = "displayed", header: Sequence[str] = ()
) -> bytes:
    """A receipt as mail programs write them."""
    fields = f"Reporting-UA: mail.two.test; Program\nFinal-Recipient: rfc822;{final}\n"
    fields += f"Original-Message-ID: <{about}>\n" if about is not None else ""
    fields += f"Disposition: manual-action/MDN-sent-manually; {kind}\n"
    return _report(
        [f"From: {author or final}", "Subject: Read: Hello", *header],
        "disposition-notification",
        ["Content-Type: text/plain\n\nIt was read.\n", "Content-Type: message/disposition-notification\n\n" + fields],
    )


def _report(header: list[str], kind: str, parts: list[str]) -> bytes:
    head = [*header, "To: alice@example.org", "MIME-Version: 1.0", "Date: Mon, 2 Nov 2026 10:00:00 +0000"]
    head.append(f'Content-Type: multipart/report; report-type={kind}; boundary="=_b"')
    body = "".join(f"--=_b\n{part}\n" for part in parts)
    return ("\n".join(head) + "\n\n" + body + "--=_b--\n").replace("\n", "\r\n").encode()
