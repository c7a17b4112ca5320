"""The stages of a mail transaction at which something may be looked at, refused or changed: what hooks are made of.

A stage is made for each connection, so it may keep what it learns of its peer, or a connection of its own to somebody
who decides. A stage that has nothing to remember may be the same object for all.

Sections: RFC 5321 §3.1-§3.3, §4.2.5.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from pillarbox.formats.mailauth.verdict import Verdict
from pillarbox.servers.smtp.peer import Peer
from pillarbox.wire.smtp.address import Address
from pillarbox.wire.smtp.parameter import MailParameters
from pillarbox.wire.smtp.reply import Reply
from pillarbox.wire.smtp.state import Recipient, Sender


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction so far: the reverse-path, None for the null one, and the recipients that were accepted."""

    id: str  # stands in Received and in the reply that takes the message over
    sender: Address | None
    parameters: MailParameters
    recipients: tuple[Recipient, ...] = ()


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """A message that is complete.

    `data` is what the client sent, with the changes of the stages before; `fields` are the trace fields that this
    server puts on top: Received, and what its checks say. They end with CRLF, or are empty.
    """

    data: bytes
    fields: bytes = b""
    verdicts: tuple[Verdict, ...] = ()


class AddField(msgspec.Struct, frozen=True):
    """A header field more: before the one that has this place now, counted from 0; None puts it after all others."""

    name: str
    value: str
    place: int | None = None


class SetField(msgspec.Struct, frozen=True):
    """Another value for one of the fields of a name, counted from 1; None removes it."""

    name: str
    value: str | None
    number: int = 1


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What a stage wants of a message. Whatever is not named stays as it is."""

    fields: tuple[AddField | SetField, ...] = ()  # in this order
    body: bytes | None = None
    junk: str | None = None  # why the message goes to junk mailboxes
    is_discarded: bool = False  # nobody gets it, and the client is told that all is well
    more_recipients: tuple[Recipient, ...] = ()
    fewer_recipients: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True)
class Passed:
    """A message and its envelope after all stages have had their say."""

    envelope: Envelope
    content: Content
    junk: str | None = None
    is_discarded: bool = False


Answer = Reply | None  # None: go on. A positive reply at a stage means the same.


class Stage:
    """Something that is asked at each stage. A stage overrides what it cares for.

    A stage has to see to its own limits of time: the client waits meanwhile. What it raises is a failure of this
    server: the client is told to come again.
    """

    async def connect(self, peer: Peer) -> Answer:
        """Somebody has connected. A refusal ends the connection."""
        return None

    async def hello(self, peer: Peer) -> Answer:
        """The peer said who it is, which may happen several times."""
        return None

    async def sender(self, peer: Peer, sender: Sender) -> Answer:
        """MAIL: a transaction is about to begin."""
        return None

    async def recipient(self, peer: Peer, envelope: Envelope, recipient: Recipient) -> Answer:
        """RCPT, of an address that takes mail here; `envelope` does not have it yet."""
        return None

    async def message(self, peer: Peer, envelope: Envelope, content: Content) -> Answer | Changes:
        """The message is complete."""
        return None

    async def reset(self, peer: Peer) -> None:
        """The transaction has ended: by its message, or by RSET, EHLO or STARTTLS."""

    async def close(self) -> None:
        """The connection is over, in whatever way; nothing more is asked."""
