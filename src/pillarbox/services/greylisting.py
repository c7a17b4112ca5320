"""Greylisting: who has not been seen is asked to come again in a few minutes, which most senders of spam do not do.

Sections: RFC 6647 §2 (what is compared), §3 (how long), §5 (whom to spare).
"""

from __future__ import annotations

import hashlib
import ipaddress

import msgspec

from pillarbox.storage import greylist
from pillarbox.storage.greylist import Seen
from pillarbox.storage.snapshot import Snapshot
from pillarbox.storage.transaction import Transaction

_REFRESH_MS = 86_400_000  # that somebody passed is written down once a day
_V4_PREFIX, _V6_PREFIX = 24, 64  # large senders come back from a neighbouring address
_AT_ONCE = 500


class Greylisting(msgspec.Struct, frozen=True, kw_only=True):
    """How long a new sender waits at least and at most before it comes again, how long it is then remembered, in ms.

    A network whose mail has passed so often (`trusted_after`) is not asked any more; 0: it always is.
    """

    delay_ms: int = 300_000
    retry_ms: int = 2 * 86_400_000
    keep_ms: int = 36 * 86_400_000
    trusted_after: int = 5


class Attempt(msgspec.Struct, frozen=True):
    """Somebody at an address wants to send from one address ("" is the null path) to another."""

    address: str
    sender: str
    recipient: str

    @property
    def network(self) -> str:
        """The client's network."""
        parsed = ipaddress.ip_address(self.address.partition("%")[0])
        if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        prefix = _V4_PREFIX if parsed.version == 4 else _V6_PREFIX
        return str(ipaddress.ip_network(f"{parsed}/{prefix}", strict=False))

    def digests(self) -> tuple[str, str]:
        """(of the attempt, of the network alone): addresses themselves are not kept."""
        network = self.network
        return _digest(network, self.sender.casefold(), self.recipient.casefold()), _digest(network)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode(errors="replace")).hexdigest()[:32]


def is_known(view: Snapshot, attempt: Attempt, settings: Greylisting) -> bool:
    """Whether the attempt may pass, and there is nothing to write down about it."""
    own, network = attempt.digests()
    trusted = greylist.find(view.db, network) if settings.trusted_after else None
    for seen, least in ((trusted, settings.trusted_after), (greylist.find(view.db, own), 1)):
        if seen is not None and seen.passed >= least and view.now_ms - seen.last_at < _REFRESH_MS:
            return True
    return False


def seconds_to_wait(tx: Transaction, attempt: Attempt, settings: Greylisting) -> int:
    """After how many seconds the sender may come again; 0: now is fine. Notes the attempt."""
    now, (own, network) = tx.now_ms, attempt.digests()
    trusted = greylist.find(tx.db, network)
    if settings.trusted_after and trusted is not None and _is_fresh(trusted, now, settings):
        if trusted.passed >= settings.trusted_after:
            greylist.put(tx.db, network, Seen(trusted.first_at, now, trusted.passed))
            return 0
    else:
        trusted = None
    seen = greylist.find(tx.db, own)
    if seen is None or not _is_fresh(seen, now, settings):
        greylist.put(tx.db, own, Seen(now, now, 0))
        return _seconds(settings.delay_ms)
    if seen.passed == 0 and now - seen.first_at < settings.delay_ms:
        return _seconds(settings.delay_ms - (now - seen.first_at))
    greylist.put(tx.db, own, Seen(seen.first_at, now, seen.passed + 1))
    if seen.passed == 0:  # another sender or recipient: not the same mail again and again
        passed = trusted.passed if trusted is not None else 0
        greylist.put(tx.db, network, Seen(trusted.first_at if trusted is not None else now, now, passed + 1))
    return 0


def _is_fresh(seen: Seen, now_ms: int, settings: Greylisting) -> bool:
    """Whether it still counts: one that has never passed, for as long as a retry is waited for."""
    return now_ms - seen.last_at < (settings.keep_ms if seen.passed else settings.retry_ms)


def _seconds(milliseconds: int) -> int:
    return max(1, -(-milliseconds // 1000))


def forget_old(tx: Transaction, settings: Greylisting) -> bool:
    """Forget some of who has not come again; whether there may be more."""
    return greylist.forget(tx.db, tx.now_ms - settings.retry_ms, tx.now_ms - settings.keep_ms, _AT_ONCE) == _AT_ONCE
