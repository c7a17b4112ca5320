"""Delivery status notifications: bounces and delay warnings, written and read.

Sections: RFC 3464 §2; RFC 6522 §3, §4; RFC 6533 §3; RFC 3834 §5.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec

from pillarbox.formats.message.build import build_message
from pillarbox.formats.message.date import parse_date
from pillarbox.formats.message.draft import Draft, DraftField, DraftPart, Raw
from pillarbox.formats.message.field import date_to_text
from pillarbox.formats.message.header import as_message_ids, find
from pillarbox.formats.message.scan import scan
from pillarbox.formats.message.structure import Structure
from pillarbox.formats.report.cause import cause
from pillarbox.formats.report.heading import Heading, common_fields
from pillarbox.formats.report.report_field import Group, group_to_bytes, last_value, report_part

ACTIONS = ("failed", "delayed", "delivered", "relayed", "expanded")
TYPES = ("message/delivery-status", "message/global-delivery-status")
_MAX_OCTETS, _MAX_FIELDS = 65_536, 1_000  # more than a hundred recipients
_SUBJECTS = {
    "failed": "Your message could not be delivered",
    "delayed": "Your message is delayed",
    "delivered": "Your message was delivered",
    "relayed": "Your message was passed on",
    "expanded": "Your message was passed on to a list",
}
_SENTENCES = {
    "failed": "could not be delivered to the following recipients. It will not be tried again.",
    "delayed": "has not been delivered to the following recipients yet. It will be tried again, without your help.",
    "delivered": "was delivered to the following recipients.",
    "relayed": "was passed to a server that does not confirm delivery, for the following recipients.",
    "expanded": "was passed on to the members of the following lists.",
}


class DsnRecipient(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the message for one recipient (RFC 3464 §2.3); addresses without their type, `status` as 5.1.1."""

    final_recipient: str
    action: str
    status: str
    original_recipient: str | None = None
    remote_mta: str | None = None
    diagnostic: str | None = None
    last_attempt_at: datetime | None = None
    will_retry_until: datetime | None = None


class Dsn(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery status notification (RFC 3464 §2.2); `reporting_mta` is a host name."""

    reporting_mta: str
    recipients: tuple[DsnRecipient, ...]
    envelope_id: str | None = None
    received_from: str | None = None
    arrived_at: datetime | None = None


def dsn_to_bytes(
    dsn: Dsn, heading: Heading, original: bytes, boundary: Callable[[], str], *, whole_original: bool = False
) -> bytes:
    """The notification as a multipart/report that a person can read, with the original's header, or all of it.

    It is to be sent with the null reverse-path (RFC 3464 §2). Raises ValueError without recipients, or for an action
    that is none.
    """
    actions = [action for action in ACTIONS if any(to.action == action for to in dsn.recipients)]
    if not actions or any(to.action not in ACTIONS for to in dsn.recipients):
        raise ValueError("a notification is about recipients, each with an action of RFC 3464 §2.3.3")
    parts = (
        DraftPart(type="text/plain", content=_text(dsn, actions)),
        _status_part(dsn),
        _original_part(original, whole=whole_original),
    )
    body = DraftPart(type="multipart/report", parameters=(("report-type", "delivery-status"),), sub_parts=parts)
    fields = common_fields(heading, _SUBJECTS[actions[0]], _original_ids(original))
    # RFC 3834 §5: so that no responder answers.
    fields.append(DraftField("Auto-Submitted", Raw(" auto-replied")))
    return build_message(Draft(tuple(fields), body), boundary)


def parse_dsn(data: bytes) -> Dsn | None:
    """The notification in a message, None if there is none with at least one recipient; unknown actions are kept."""
    return read_dsn(data, scan(data))


def read_dsn(data: bytes, structure: Structure) -> Dsn | None:
    """The same of a message that was scanned; of a very long notification the beginning: 64 KiB, 1000 fields."""
    found = report_part(data, structure, TYPES, max_octets=_MAX_OCTETS, max_fields=_MAX_FIELDS)
    if found is None:
        return None
    message, *others = found[1]
    # Some write one group for everything.
    groups = others or [message]
    recipients = tuple(to for to in map(_parse_recipient, groups) if to is not None)
    if not recipients:
        return None
    return Dsn(
        reporting_mta=_untyped(last_value(message, "reporting-mta")) or "",
        recipients=recipients,
        envelope_id=last_value(message, "original-envelope-id"),
        received_from=_untyped(last_value(message, "received-from-mta")),
        arrived_at=_moment(last_value(message, "arrival-date")),
    )


def _status_part(dsn: Dsn) -> DraftPart:
    groups: list[list[tuple[str, str | None]]] = [
        [
            ("Original-Envelope-Id", dsn.envelope_id),
            ("Reporting-MTA", f"dns; {dsn.reporting_mta}"),
            ("Received-From-MTA", dsn.received_from and f"dns; {dsn.received_from}"),
            ("Arrival-Date", _date(dsn.arrived_at)),
        ],
        *map(_recipient_fields, dsn.recipients),
    ]
    content = b"\r\n".join(group_to_bytes(group, keep_utf8=True) for group in groups)
    # RFC 6533 §3: an internationalized address needs the internationalized report.
    return DraftPart(type=TYPES[0] if content.isascii() else TYPES[1], content=content)


def _recipient_fields(to: DsnRecipient) -> list[tuple[str, str | None]]:
    return [
        ("Original-Recipient", to.original_recipient and _typed(to.original_recipient)),
        ("Final-Recipient", _typed(to.final_recipient)),
        ("Action", to.action),
        ("Status", to.status),
        ("Remote-MTA", to.remote_mta and f"dns; {to.remote_mta}"),
        ("Diagnostic-Code", to.diagnostic and f"smtp; {to.diagnostic}"),
        ("Last-Attempt-Date", _date(to.last_attempt_at)),
        ("Will-Retry-Until", _date(to.will_retry_until)),
    ]


def _original_part(original: bytes, *, whole: bool) -> DraftPart:
    if whole:
        return DraftPart(type="message/rfc822", content=original)
    header = _header_of(original)
    # RFC 6522 §4: the type of header fields alone is of 7-bit header fields; RFC 6533 §3 has the other.
    return DraftPart(type="text/rfc822-headers" if header.isascii() else "message/global-headers", content=header)


def _header_of(original: bytes) -> bytes:
    lines = original.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    end = lines.find(b"\n\n")
    header = lines if end < 0 else lines[: end + 1]
    return header.replace(b"\n", b"\r\n")


def _original_ids(original: bytes) -> list[str]:
    header = _header_of(original)
    value = find(header, scan(header).root.fields, "Message-ID")
    return (None if value is None else as_message_ids(value)) or []


def _text(dsn: Dsn, actions: list[str]) -> str:
    """One paragraph for each action, with what every server said."""
    lines = [f"This is the mail server {dsn.reporting_mta}.", ""]
    for action in actions:
        lines += [f"Your message {_SENTENCES[action]}", ""]
        for to in dsn.recipients:
            if to.action != action:
                continue
            lines.append(f"  {to.final_recipient}")
            if action in ("failed", "delayed") and (words := cause(to.status)):
                lines.append(f"    {words}")
            reason = " ".join((to.diagnostic or "").split())
            if reason:
                lines.append(f"    {to.remote_mta} said: {reason}" if to.remote_mta else f"    In detail: {reason}")
            if to.will_retry_until is not None:
                lines.append(f"    It will be tried until {date_to_text(to.will_retry_until)}.")
        lines.append("")
    return "\n".join(lines)


def _parse_recipient(group: Group) -> DsnRecipient | None:
    final = _untyped(last_value(group, "final-recipient"))
    if not final:
        return None
    return DsnRecipient(
        final_recipient=final,
        action=(last_value(group, "action") or "").partition(" ")[0].lower(),
        status=(last_value(group, "status") or "").partition(" ")[0],
        original_recipient=_untyped(last_value(group, "original-recipient")),
        remote_mta=_untyped(last_value(group, "remote-mta")),
        diagnostic=_untyped(last_value(group, "diagnostic-code")),
        last_attempt_at=_moment(last_value(group, "last-attempt-date")),
        will_retry_until=_moment(last_value(group, "will-retry-until")),
    )


def _typed(address: str) -> str:
    return f"rfc822; {address}" if address.isascii() else f"utf-8; {address}"


def _date(moment: datetime | None) -> str | None:
    return None if moment is None else date_to_text(moment)


def _untyped(value: str | None) -> str | None:
    if value is None:
        return None
    kind, semicolon, rest = value.partition(";")
    return rest.strip() if semicolon else kind.strip()


def _moment(value: str | None) -> datetime | None:
    return None if value is None else parse_date(value)
