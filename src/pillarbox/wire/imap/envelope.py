"""ENVELOPE of FETCH (RFC 9051 §7.5.2): what a list of messages shows, in one line.

All text is ASCII, or else the session must have asked for UTF-8.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pillarbox.wire.imap.response import NIL, nstring


class Address(NamedTuple):
    """A mailbox, or a mark of a group's begin (no host, `mailbox` its name) or end (neither host nor mailbox)."""

    name: str | None
    mailbox: str | None
    host: str | None
    route: str | None = None  # of RFC 5322 §4.4, `@relay.example,@other.example`


END_OF_GROUP = Address(None, None, None)


class Envelope(NamedTuple):
    """The fields in their order; None for one that is absent. Those of addresses are texts made by `addresses`."""

    date: str | None
    subject: str | None
    from_: str
    sender: str
    reply_to: str
    to: str
    cc: str
    bcc: str
    in_reply_to: str | None
    message_id: str | None


def envelope(values: Envelope) -> str:
    """The envelope in parentheses.

    "If the Sender or Reply-To header fields are absent ... or are present but empty, the server sets the corresponding
    member of the envelope to be the same value as the from member."
    """
    date, subject, from_, sender, reply_to, to, cc, bcc, in_reply_to, message_id = values
    sender = from_ if sender == NIL else sender
    reply_to = from_ if reply_to == NIL else reply_to
    told = f"{nstring(date, is_utf8=True)} {nstring(subject, is_utf8=True)}"
    ids = f"{nstring(in_reply_to, is_utf8=True)} {nstring(message_id, is_utf8=True)}"
    return f"({told} {from_} {sender} {reply_to} {to} {cc} {bcc} {ids})"


def addresses(structures: Iterable[str]) -> str:
    """Address structures, between which the grammar has no space: `"(" 1*address ")"`; NIL when there are none."""
    text = "".join(structures)
    return f"({text})" if text else NIL


def address(values: Address) -> str:
    """One address structure."""
    name, mailbox, host, route = (nstring(value, is_utf8=True) for value in values)
    return f"({name} {route} {mailbox} {host})"
