"""What the parameters of MAIL and RCPT mean, extension by extension.

Sections: RFC 1870 §6; RFC 6152; RFC 6531 §3.4; RFC 3461 §4; RFC 8689 §2; RFC 4865 §5; RFC 2852 §4; RFC 6710 §4;
RFC 4954 §5; RFC 6533 §3.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pillarbox.wire.smtp.parameter import (
    Body,
    DeliverBy,
    MailParameters,
    RecipientParameters,
    Refused,
    refuse_strangers,
)
from pillarbox.wire.smtp.reply import MESSAGE_TOO_BIG, Reply
from pillarbox.wire.smtp.state import Conversation

_SIZE = re.compile(r"[0-9]{1,20}\Z")
_SECONDS = re.compile(r"[0-9]{1,9}\Z")
# RFC 3339 §5.6; whether there is such a day is asked where it is used.
_DATE_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9:.]{5,15}(?:[Zz]|[+-][0-9]{2}:[0-9]{2})\Z")
_BY = re.compile(r"([+-]?[0-9]{1,9});([RrNn])([Tt]?)\Z")
_PRIORITY = re.compile(r"[+-]?[0-9]\Z")
# RFC 3461 §4: "+" and two digits in capitals stand for an octet.
_XTEXT = re.compile(r"(?:[!-*,-<>-~\x80-\U0010ffff]|\+[0-9A-F]{2})*\Z")
_HEXCHAR = re.compile(r"\+([0-9A-F]{2})")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")
_ORIGINAL = re.compile(r"([A-Za-z0-9-]{1,40});(.+)\Z")
_NOTIFY = re.compile(r"(?:NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY)){0,2})\Z")
_LONGEST_ENVELOPE_ID, _LONGEST_ORIGINAL = 100, 500  # characters as they come (RFC 3461 §4.4, §4.2)


def mail_parameters(given: dict[str, str | None], conversation: Conversation) -> MailParameters:
    """The parameters of MAIL, checked.

    Raises Refused: 501 for a bad value, 552 for too large a size, 555 for a parameter that was not offered.
    """
    found: dict[str, Any] = {}
    readers = _readers(conversation)
    refuse_strangers(given, frozenset(readers))
    for name, value in given.items():
        property_, read = readers[name]
        found[property_] = read(value)
    if found.get("hold_for") is not None and found.get("hold_until") is not None:
        raise _bad("HOLDFOR and HOLDUNTIL exclude each other")  # RFC 4865 §5
    most = conversation.options.max_size
    if most and found.get("size", 0) > most:
        raise Refused(MESSAGE_TOO_BIG)
    return MailParameters(**found)


def recipient_parameters(given: dict[str, str | None], conversation: Conversation) -> RecipientParameters:
    """The parameters of RCPT, checked. Raises Refused in the same way."""
    if not given:
        return RecipientParameters()
    refuse_strangers(given, frozenset({"NOTIFY", "ORCPT"} if conversation.options.extensions.dsn else ()))
    notify: tuple[str, ...] = ()
    if "NOTIFY" in given:
        words = (given["NOTIFY"] or "").upper()
        if not _NOTIFY.match(words):
            raise _bad("NOTIFY is NEVER, or a list of SUCCESS, FAILURE and DELAY")
        notify = tuple(words.split(","))
        if len(set(notify)) < len(notify):
            raise _bad("NOTIFY names something twice")
    return RecipientParameters(notify, _original(given["ORCPT"]) if "ORCPT" in given else None)


_Readers = dict[str, tuple[str, Callable[[str | None], Any]]]


def _readers(conversation: Conversation) -> _Readers:
    """By the names of the parameters that are offered: which property they are, and what reads their value."""
    extensions, offer = conversation.options.extensions, conversation.offer
    readers: _Readers = {"SIZE": ("size", _size), "BODY": ("body", _body), "SMTPUTF8": ("smtputf8", _flag("SMTPUTF8"))}
    if extensions.dsn:
        readers |= {"RET": ("ret", _ret), "ENVID": ("envelope_id", _envelope_id)}
    if extensions.require_tls and offer.is_encrypted:
        readers["REQUIRETLS"] = ("require_tls", _flag("REQUIRETLS"))
    if extensions.hold_seconds:
        most = extensions.hold_seconds
        readers |= {"HOLDFOR": ("hold_for", lambda value: _hold_for(value, most)), "HOLDUNTIL": ("hold_until", _until)}
    if extensions.deliver_by:
        readers["BY"] = ("deliver_by", _by)
    if extensions.priority:
        readers["MT-PRIORITY"] = ("priority", _priority)
    if offer.mechanisms:
        readers["AUTH"] = ("auth", _auth)
    return readers


def _bad(text: str) -> Refused:
    return Refused(Reply(501, "5.5.4", text))


def _flag(name: str) -> Callable[[str | None], bool]:
    def read(value: str | None) -> bool:
        if value is not None:
            raise _bad(f"{name} takes no value")
        return True

    return read


def _size(value: str | None) -> int:
    if value is None or not _SIZE.match(value):
        raise _bad("SIZE is a number of octets")
    return int(value)


def _body(value: str | None) -> Body:
    try:
        return Body((value or "").upper())
    except ValueError:
        raise _bad("BODY is 7BIT, 8BITMIME or BINARYMIME") from None


def _ret(value: str | None) -> str:
    if (value or "").upper() not in ("FULL", "HDRS"):
        raise _bad("RET is FULL or HDRS")
    return str(value).upper()


def _envelope_id(value: str | None) -> str:
    text = _from_xtext(value, _LONGEST_ENVELOPE_ID, "ENVID")
    # RFC 3461 §4.4: when decoded it consists of printable characters only.
    if not text.isascii():
        raise _bad("ENVID is printable text")
    return text


def _original(value: str | None) -> str:
    match = _ORIGINAL.match(value or "")
    if not match:
        raise _bad("ORCPT is an address type and an address")
    return f"{match[1].lower()};{_from_xtext(match[2], _LONGEST_ORIGINAL, 'ORCPT')}"


def _hold_for(value: str | None, most: int) -> int:
    if value is None or not _SECONDS.match(value) or not 0 < int(value) <= most:
        raise _bad(f"HOLDFOR is a number of seconds up to {most}")
    return int(value)


def _until(value: str | None) -> str:
    if value is None or not _DATE_TIME.match(value):
        raise _bad("HOLDUNTIL is a date such as 2030-01-31T08:00:00Z")
    return value.upper()


def _by(value: str | None) -> DeliverBy:
    match = _BY.match(value or "")
    if not match:
        raise _bad("BY is a number of seconds, and ;R or ;N")
    seconds, is_return = int(match[1]), match[2] in "Rr"
    if is_return and seconds <= 0:  # RFC 2852 §4: with R "by-time MUST be positive"
        raise _bad("BY with R is a time to come")
    return DeliverBy(seconds, is_return, bool(match[3]))


def _priority(value: str | None) -> int:
    if value is None or not _PRIORITY.match(value):
        raise _bad("MT-PRIORITY is a number from -9 to 9")
    return int(value)


def _auth(value: str | None) -> str:
    return "" if value == "<>" else _from_xtext(value, _LONGEST_ORIGINAL, "AUTH")


def _from_xtext(value: str | None, most: int, name: str) -> str:
    """Decoded; what is no xtext, or hides control characters in it, is refused (RFC 3461 §4)."""
    if not value or len(value) > most or not _XTEXT.match(value):
        raise _bad(f"{name} is no xtext, or too long")
    octets = _HEXCHAR.sub(lambda pair: chr(int(pair[1], 16)), value)
    # Octets that are not ASCII are UTF-8, or nothing that we would pass on.
    try:
        text = octets if octets.isascii() or octets == value else octets.encode("latin-1").decode()
    except (UnicodeEncodeError, UnicodeDecodeError):
        raise _bad(f"{name} is no text") from None
    if _UNPRINTABLE.search(text):
        raise _bad(f"{name} has control characters")
    return text
