"""A message on its way in: what is known of it when it is taken over, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pillarbox.core.faults import Fault
from pillarbox.datatypes.email.reading import Reading
from pillarbox.datatypes.envelope import Address
from pillarbox.services.recipient import Recipient, Refusal


class Destination(msgspec.Struct, frozen=True):
    """A recipient as the sender named it, and where that leads; it was not refused."""

    address: Address
    found: Recipient


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """A message on its way in, read, with its trace fields: Return-Path is its first field (RFC 5321 §4.4)."""

    reading: Reading
    mail_from: Address  # without an address: the null reverse-path
    recipients: tuple[Destination, ...]
    received_ms: int
    id: str = ""  # what whoever brought it was told, and what Received names: entries of the queue keep it
    is_quarantined: bool = False  # goes to the mailboxes for junk
    is_sender_denied: bool = False  # by the domain of the reverse-path: SPF fails, or nearly (RFC 7208 §8.4, §8.5)
    require_tls: bool = False  # RFC 8689
    seal: bytes = b""  # fields of ARC that go on top of what is sent on (RFC 8617)
    list_readings: Mapping[str, Reading] = {}  # what lists make of it, by id, if it was read before the transaction

    @property
    def may_answer(self) -> bool:
        """Whether the reverse-path may be written to: it is there, and nothing says that a stranger has put it there.

        Whoever is written to because somebody forged an address gets as much mail as the forger sends.
        """
        return bool(self.mail_from.email) and not self.is_quarantined and not self.is_sender_denied


class Outcome(msgspec.Struct, frozen=True):
    """What became of a message for one recipient: it was taken over, or not, for a reason."""

    fault: Fault | None = None
    refusal: Refusal | None = None
    is_sent_on: bool = False  # a copy of it is to leave for another server

    @property
    def is_taken(self) -> bool:
        """Whether this server answers for it now."""
        return self.fault is None and self.refusal is None


def leaving_data(incoming: Incoming) -> bytes:
    """The message as it is sent on: without the Return-Path that was put on it here (RFC 5321 §4.4)."""
    data = incoming.reading.data
    return data[data.find(b"\n") + 1 :] if data[:12].lower() == b"return-path:" else data
