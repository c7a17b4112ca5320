"""A message as servers can take it: as it is, or in seven bits for those that take no more; signed in either form.

RFC 6152 §3, RFC 3030 §3; RFC 6376 §5.3 (a change after signing would break the signature).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from pillarbox.formats.message.seven_bit import seven_bit
from pillarbox.net.bridge import Bridge
from pillarbox.wire.smtp_client.capability import Capabilities
from pillarbox.wire.smtp_client.message import Parcel, flaw, needs_of
from pillarbox.wire.smtp_client.reply import Reply

_SMALL = 100_000  # octets: changing less takes no longer than a hop to a thread is worth
Signed = Callable[[bytes], Awaitable[bytes]]  # the message with fields of its signatures before it


class Letter:
    """One message; make it by `letter_of`."""

    def __init__(self, bridge: Bridge, data: bytes, parcel: Parcel, signed: Signed) -> None:
        self._bridge, self._data, self._signed = bridge, data, signed
        self.parcel = parcel  # as it is
        self._plain: Parcel | None = None
        self._is_fixed = False  # it cannot be changed

    async def for_server(self, offered: Capabilities) -> Parcel:
        """What to give a server. When that is not what the server can take, it is as it is: `hindrance` says so."""
        if not self.parcel.needs.eight_bits or self.parcel.needs.utf8_header or "8BITMIME" in offered:
            return self.parcel
        if self._plain is None and not self._is_fixed:
            changed = await _changed(self._bridge, self._data)
            self._is_fixed = changed is None
            if changed is not None:
                data = await self._signed(changed)
                self._plain = replace(self.parcel, data=data, needs=needs_of(data))
        return self._plain or self.parcel


async def letter_of(bridge: Bridge, data: bytes, parcel: Parcel, signed: Signed) -> Letter | Reply:
    """The letter of a message, and of a parcel that lacks it; why it can be sent to nobody.

    Binary parts (RFC 3030) are encoded in any case: few servers take them.
    """
    if (problem := flaw(data)) is not None:
        changed = await _changed(bridge, data)
        if changed is None:
            return problem
        data = changed
    whole = await signed(data)
    return Letter(bridge, data, replace(parcel, data=whole, needs=needs_of(whole)), signed)


async def _changed(bridge: Bridge, data: bytes) -> bytes | None:
    return seven_bit(data) if len(data) < _SMALL else await bridge.run(seven_bit, data)
