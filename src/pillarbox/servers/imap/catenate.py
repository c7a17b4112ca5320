"""The octets of a message that is appended, some of which may be those of messages that are here (RFC 4469 §3)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.email.declaration import EMAIL
from pillarbox.datatypes.email.imap_reading import MessageReading
from pillarbox.net.spool import Spool
from pillarbox.servers.imap.done import Ended, no
from pillarbox.servers.imap.namespace import Place
from pillarbox.servers.imap.session import Session
from pillarbox.storage.snapshot import Snapshot
from pillarbox.wire.imap.message_command import Received, Url
from pillarbox.wire.imap.message_url import BadUrl, MessageUrl, parse_message_url

_SMALL = 262_144  # octets; what has more may be in a file
_NO_URL_TEXT = re.compile(r'[^!-~]|["\\\]]')


async def joined(session: Session, parts: Sequence[Received | Url]) -> bytes:
    """The parts, one after the other. Raises Fault, and Ended with BADURL."""
    most, out, size = session.service.settings.max_message, [], 0
    for part in parts:
        if isinstance(part, Url):
            octets = await _named(session, part.url)
        else:
            assert isinstance(part, Spool)
            octets = part.read() if part.size <= _SMALL else await session.bridge.run(_read, part)
        out.append(octets)
        size += len(octets)
        if size > most:
            raise Fault(Kind.TOO_LARGE, "The message is too large")
    return out[0] if len(out) == 1 else b"".join(out)


def _read(spool: Spool) -> bytes:
    try:
        return spool.read()
    except OSError:  # a full disk, most likely
        raise Fault(Kind.UNAVAILABLE, "The message could not be kept") from None


async def _named(session: Session, text: str) -> bytes:
    try:
        url = parse_message_url(text)
        octets = await session.read(partial(_find, session=session, url=url), slow=True)
    except BadUrl:
        octets = None
    if octets is None:
        # RFC 4469 §5: the URL that could not be had is named.
        raise Ended(no("There is no such message, or part of one", f'BADURL "{_NO_URL_TEXT.sub("?", text)}"'))
    return octets


def _find(view: Snapshot, session: Session, url: MessageUrl) -> bytes | None:
    """What a URL names, if it is there, and may be read."""
    try:
        place = _place(view, session, url)
    except Fault as fault:
        if fault.kind is not Kind.NOT_FOUND:
            raise
        return None
    if place is None:
        return None
    if url.uid_validity not in (None, view.container(place.account, place.id).uid_validity):
        return None
    for row in view.memberships_of(place.account, place.id, [url.uid]):
        reading = MessageReading(view, place.account, view.get_with_deleted(EMAIL, place.account, [row.item]))
        return reading.section(row.item, url.section)
    return None


def _place(view: Snapshot, session: Session, url: MessageUrl) -> Place | None:
    if url.mailbox is not None:
        return session.find(view, url.mailbox)
    return session.selected.place if session.selected is not None else None
