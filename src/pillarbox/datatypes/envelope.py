"""The envelope of a submission: who the message is from and to on its way, by the client's word or by the header's.

RFC 8621 §7, RFC 5321 §4.1.1, RFC 4865 (FUTURERELEASE), RFC 3461 §4 (DSN), RFC 6152, RFC 6531, RFC 1870,
RFC 8689 (REQUIRETLS), RFC 6710 (MT-PRIORITY).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

from pillarbox.core.clock import from_date
from pillarbox.core.faults import Fault, Kind, invalid
from pillarbox.core.limits import Limits
from pillarbox.datatypes.address import is_address, same_address_key

Parameters = Mapping[str, str | None]
_NUMBER = re.compile(r"[0-9]{1,9}\Z", re.ASCII)
_TEXT = re.compile(r"[^\x00-\x1f\x7f]{1,500}\Z")
_ENVID = re.compile(r"[\x20-\x7e]{1,100}\Z")  # RFC 3461 §4.4: at most 100 characters that can be printed
_NOTIFY = re.compile(r"(?:NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY)){0,2})\Z", re.IGNORECASE)
_ORCPT = re.compile(r"[A-Za-z0-9-]{1,40};[^\x00-\x1f\x7f]{1,500}\Z")
# What a value has to look like; None: the parameter has no value.
_OF_MAIL: Mapping[str, re.Pattern[str] | None] = {
    "HOLDFOR": _NUMBER,
    "HOLDUNTIL": _TEXT,
    "RET": re.compile(r"(?:FULL|HDRS)\Z", re.IGNORECASE),
    "ENVID": _ENVID,
    "SIZE": re.compile(r"[0-9]{1,20}\Z", re.ASCII),
    "BODY": re.compile(r"(?:7BIT|8BITMIME)\Z", re.IGNORECASE),
    "SMTPUTF8": None,
    "REQUIRETLS": None,
    "MT-PRIORITY": re.compile(r"(?:-?[1-9]|0)\Z", re.ASCII),
}
_OF_RECIPIENT: Mapping[str, re.Pattern[str] | None] = {"NOTIFY": _NOTIFY, "ORCPT": _ORCPT}
# What the session says that the envelope may use (RFC 8621 §1.3.2).
SUBMISSION_EXTENSIONS: Mapping[str, list[str]] = {
    "FUTURERELEASE": [],
    "SIZE": [],
    "DSN": [],
    "8BITMIME": [],
    "SMTPUTF8": [],
    "REQUIRETLS": [],
    "MT-PRIORITY": [],
}


class Address(msgspec.Struct, frozen=True):
    """A Mailbox, and the parameters that go with it to MAIL FROM or RCPT TO (RFC 8621 §7)."""

    email: str
    parameters: dict[str, str | None] | None = None

    def parameter(self, name: str) -> str | None:
        """The value of a parameter, in whatever case its name is written; None when it is not there or has none."""
        return next((v for n, v in (self.parameters or {}).items() if n.upper() == name), None)

    @property
    def requires_tls(self) -> bool:
        """Whether the message must not go on without TLS that is checked (RFC 8689 §2)."""
        return any(name.upper() == "REQUIRETLS" for name in self.parameters or {})

    @property
    def priority(self) -> int:
        """That of the message, -9 to 9 (RFC 6710 §3)."""
        return int(self.parameter("MT-PRIORITY") or 0)


class Envelope(msgspec.Struct, frozen=True, rename="camel"):
    """The reverse-path and the recipients (RFC 8621 §7)."""

    mail_from: Address
    rcpt_to: list[Address]


def check_envelope(envelope: Envelope, limits: Limits) -> None:
    """Raise noRecipients, tooManyRecipients, invalidRecipients or invalidProperties (RFC 8621 §7.5)."""
    recipients = envelope.rcpt_to
    if not recipients:
        raise Fault(Kind.NO_RECIPIENTS, "the message has no recipient")
    if len(recipients) > limits.max_recipients:
        detail = f"a message has at most {limits.max_recipients} recipients"
        raise Fault(Kind.TOO_MANY_RECIPIENTS, detail, max_recipients=limits.max_recipients)
    if wrong := [r.email for r in recipients if not is_address(r.email)]:
        raise Fault(
            Kind.INVALID_RECIPIENTS, "these are not addresses that mail can be sent to", invalid_recipients=wrong
        )
    sender = envelope.mail_from
    if sender.email and not is_address(sender.email):
        raise invalid("envelope", f"mailFrom: {sender.email!r} is not an address")
    _check_parameters(sender.parameters, _OF_MAIL, "mailFrom")
    for recipient in recipients:
        _check_parameters(recipient.parameters, _OF_RECIPIENT, "rcptTo")


def _check_parameters(given: Parameters | None, known: Mapping[str, re.Pattern[str] | None], place: str) -> None:
    names = [name.upper() for name in given or {}]
    if len(set(names)) < len(names) or {"HOLDFOR", "HOLDUNTIL"} <= set(names):
        raise invalid("envelope", f"{place}: parameters that exclude each other")
    for name, value in (given or {}).items():
        if name.upper() not in known:
            raise invalid("envelope", f"{place}: this server does not know the parameter {name[:40]}")
        pattern = known[name.upper()]
        if (pattern is None) != (value is None) or (pattern is not None and not pattern.match(value or "")):
            raise invalid("envelope", f"{place}: {name} has a value that it cannot have")


def release_time(envelope: Envelope, limits: Limits, now_ms: int) -> int:
    """When the message is to be released, in milliseconds (RFC 4865 §4).

    Raises invalidProperties for a time too far away.
    """
    hold_for, hold_until = envelope.mail_from.parameter("HOLDFOR"), envelope.mail_from.parameter("HOLDUNTIL")
    at: int | None = now_ms
    if hold_for is not None:
        at = now_ms + int(hold_for) * 1000
    elif hold_until is not None:
        at = from_date(hold_until)
    if at is None:
        raise invalid("envelope", "HOLDUNTIL is a date such as 2030-01-31T08:00:00Z")
    if at > now_ms + limits.max_delayed_send_seconds * 1000:
        raise invalid("envelope", f"a message is held for at most {limits.max_delayed_send_seconds} seconds")
    return max(at, now_ms)


def distinct(addresses: Iterable[str]) -> list[str]:
    """The addresses without those that name a mailbox once more (RFC 8621 §7: "the deduplicated set")."""
    found: dict[str, str] = {}
    for address in addresses:
        found.setdefault(same_address_key(address), address)
    return list(found.values())
