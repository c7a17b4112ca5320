"""Parameters of MAIL and RCPT.

Sections: RFC 5321 §4.1.1.11, §4.1.2; RFC 1870 §6; RFC 6152; RFC 3030 §3; RFC 6531 §3.4.
"""

from __future__ import annotations

import re
from enum import Enum

import msgspec

from pillarbox.wire.smtp.reply import MESSAGE_TOO_BIG, SYNTAX, Reply

_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~\x80-\U0010ffff]+))?\Z")
_SIZE = re.compile(r"[0-9]{1,20}\Z")


class Body(Enum):
    """What the sender says about the content (RFC 6152 §2, RFC 3030 §3)."""

    SEVEN_BIT = "7BIT"
    EIGHT_BIT = "8BITMIME"
    BINARY = "BINARYMIME"


class Refused(Exception):
    """The command cannot be obeyed; `reply` says why."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply)
        self.reply = reply


class MailParameters(msgspec.Struct, frozen=True):
    """What MAIL may say: the declared size in octets, the kind of body, internationalized addresses."""

    size: int | None = None
    body: Body = Body.SEVEN_BIT
    smtputf8: bool = False


def parse_parameters(text: str) -> dict[str, str | None]:
    """Names in capitals with their values, None for a name without one.

    Raises Refused for bad syntax or a repeated name.
    """
    if text and not text.startswith(" "):
        raise Refused(SYNTAX)
    found: dict[str, str | None] = {}
    for word in text.split():
        match = _PARAMETER.match(word)
        if not match or match[1].upper() in found:
            raise Refused(SYNTAX)
        found[match[1].upper()] = match[2]
    return found


def mail_parameters(given: dict[str, str | None], max_size: int) -> MailParameters:
    """The parameters of MAIL, checked.

    Raises Refused: 501 for a bad value, 552 for a size past `max_size`, 555 for a parameter that was not offered.
    """
    size = None
    if "SIZE" in given:
        digits = given["SIZE"]
        if digits is None or not _SIZE.match(digits):
            raise Refused(Reply(501, "5.5.4", "SIZE is a number of octets"))
        size = int(digits)
        if max_size and size > max_size:
            raise Refused(MESSAGE_TOO_BIG)
    body = Body.SEVEN_BIT
    if "BODY" in given:
        try:
            body = Body((given["BODY"] or "").upper())
        except ValueError:
            raise Refused(Reply(501, "5.5.4", "BODY is 7BIT, 8BITMIME or BINARYMIME")) from None
    if given.get("SMTPUTF8") is not None:
        raise Refused(Reply(501, "5.5.4", "SMTPUTF8 takes no value"))
    refuse_strangers(given, frozenset({"SIZE", "BODY", "SMTPUTF8"}))
    return MailParameters(size, body, "SMTPUTF8" in given)


def refuse_strangers(given: dict[str, str | None], known: frozenset[str]) -> None:
    """Raises Refused with 555 for a parameter that this server did not offer (RFC 5321 §4.1.1.11)."""
    for name in given:
        if name not in known:
            raise Refused(Reply(555, "5.5.4", f"Parameter {name[:40]} is not supported"))
