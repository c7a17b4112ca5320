"""Parameters of MAIL and RCPT.

Sections: RFC 5321 §4.1.1.11, §4.1.2; RFC 6152; RFC 3030 §3.
"""

from __future__ import annotations

import re
from enum import Enum

import msgspec

from pillarbox.wire.smtp.reply import SYNTAX, Reply

_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~\x80-\U0010ffff]+))?\Z")


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


class DeliverBy(msgspec.Struct, frozen=True):
    """By when a message is to be delivered (RFC 2852 §4): in how many seconds from now, and what if it is not."""

    seconds: int
    is_return: bool  # else its sender is notified, and it is delivered all the same
    wants_trace: bool = False


class MailParameters(msgspec.Struct, frozen=True):
    """What MAIL may say; None and False for what it did not."""

    size: int | None = None  # in octets, as declared
    body: Body = Body.SEVEN_BIT
    smtputf8: bool = False
    ret: str | None = None  # FULL or HDRS (RFC 3461 §4.3)
    envelope_id: str | None = None  # decoded (RFC 3461 §4.4)
    require_tls: bool = False  # RFC 8689 §2
    hold_for: int | None = None  # seconds (RFC 4865 §5)
    hold_until: str | None = None  # a date of RFC 3339
    deliver_by: DeliverBy | None = None
    priority: int | None = None  # -9 to 9 (RFC 6710 §4)
    auth: str | None = None  # who is said to have sent it first, "" for nobody (RFC 4954 §5)


class RecipientParameters(msgspec.Struct, frozen=True):
    """What RCPT may say (RFC 3461 §4.1, §4.2)."""

    notify: tuple[str, ...] = ()  # NEVER, or some of SUCCESS, FAILURE, DELAY
    original: str | None = None  # an address type, a semicolon, and an address, decoded


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


def refuse_strangers(given: dict[str, str | None], known: frozenset[str]) -> None:
    """Raises Refused with 555 for a parameter that this server did not offer (RFC 5321 §4.1.1.11)."""
    for name in given:
        if name not in known:
            raise Refused(Reply(555, "5.5.4", f"Parameter {name[:40]} is not supported"))
