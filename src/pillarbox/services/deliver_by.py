"""By when a message is to be delivered, as its sender asked, and what if it is not (RFC 2852)."""

from __future__ import annotations

import re

import msgspec

from pillarbox.datatypes.envelope import Address

_BY = re.compile(r"([+-]?[0-9]{1,9});([RrNn])([Tt]?)\Z", re.ASCII)
_MOST = 999_999_999  # by-time has nine digits (§4)


class DeliverBy(msgspec.Struct, frozen=True):
    """A time in milliseconds since 1970; `is_return`: what is late goes back, else its sender is told of it once.

    `is_told`: it was late already when it came, so that who sent it here has told the sender (§4.1.3).
    """

    ends_at: int
    is_return: bool
    wants_trace: bool = False
    is_told: bool = False

    def is_over(self, now_ms: int) -> bool:
        """Whether the time has come."""
        return now_ms >= self.ends_at

    def words(self, now_ms: int) -> str:
        """What the next server is told: the time that is left, negative when it is over (§4.1.4)."""
        seconds = min(max((self.ends_at - now_ms) // 1000, -_MOST), _MOST)
        return f"{seconds};{'R' if self.is_return else 'N'}{'T' * self.wants_trace}"


def deliver_by(mail_from: Address, queued_at: int) -> DeliverBy | None:
    """What the sender of a message asked for, counted from when it was queued; None without a wish."""
    found = _BY.match(mail_from.parameter("BY") or "")
    if found is None:
        return None
    seconds, is_return = int(found[1]), found[2] in "Rr"
    return DeliverBy(queued_at + seconds * 1000, is_return, bool(found[3]), is_told=seconds <= 0)
