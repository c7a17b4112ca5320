"""Mail that may carry reports, set aside when it was delivered, until a worker looks at it; never instead of delivery.

Nothing is unpacked here: what is offered waits in memory, within bounds, and what finds no room is not looked at. The
mail itself is in its mailbox.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import msgspec

from pillarbox.formats.message.structure import Structure
from pillarbox.formats.report.incoming import is_report
from pillarbox.services import observed
from pillarbox.services.mail.incoming import Incoming
from pillarbox.services.mail_authentication import Authenticated

_MOST, _MOST_OCTETS = 200, 32 * 1024 * 1024


class Brought(msgspec.Struct, frozen=True):
    """A message that looks like a report. `sender_domain` is that of its author, if DMARC proved it."""

    structure: Structure
    data: bytes
    sender_domain: str
    received_ms: int


class AddressSet:
    """Addresses: whole ones, or what stands before the @ in any domain; sub-addresses belong to them."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = frozenset(address.lower() for address in addresses)

    def has(self, address: str) -> bool:
        """Whether mail to this address is to one of them."""
        local, _, domain = address.lower().rpartition("@")
        if not local:
            return domain in self._addresses  # <postmaster>
        base = local.partition("+")[0]
        return bool(self._addresses & {f"{local}@{domain}", f"{base}@{domain}", base})


class ReportInbox:
    """Where such mail waits. For one event loop."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = AddressSet(addresses)
        self._waiting: deque[Brought] = deque()
        self._octets = 0

    def offer(self, incoming: Incoming, found: Authenticated | None = None) -> None:
        """Keep a message for later if it came to an address for reports, and looks like one.

        Mail that failed a check of its author is none: anybody could write it.
        """
        if incoming.is_quarantined or not any(self._addresses.has(to.address.email) for to in incoming.recipients):
            return
        reading = incoming.reading
        if not is_report(reading.structure, reading.data):
            return
        if len(self._waiting) >= _MOST or self._octets + len(reading.data) > _MOST_OCTETS:
            observed.REPORT_UNREAD.log(why="too many wait")
            return
        proved = found.dmarc.author if found is not None and found.dmarc.result == "pass" else None
        self._waiting.append(Brought(reading.structure, reading.data, proved or "", incoming.received_ms))
        self._octets += len(reading.data)

    def take(self) -> Brought | None:
        """The message that waits the longest."""
        if not self._waiting:
            return None
        first = self._waiting.popleft()
        self._octets -= len(first.data)
        return first
