"""SETMETADATA (RFC 5464 §4.3; RFC 6154 §4)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.annotation import annotate
from pillarbox.servers.imap.done import Done, Ended, bad, no, ok
from pillarbox.servers.imap.metadata import ADMIN, SPECIAL_USE, Values, metadata_line, place_of, shelf_of
from pillarbox.servers.imap.namespace import Place
from pillarbox.servers.imap.session import Session
from pillarbox.servers.imap.special_use import give_use
from pillarbox.servers.imap.stored_filter import check_filter
from pillarbox.storage.transaction import Transaction
from pillarbox.wire.imap import access_command as a
from pillarbox.wire.imap import command as c

_VENDOR_PARTS = 4  # RFC 5464 §3.2: /shared/vendor/TOKEN/NAME


async def set_metadata(session: Session, command: a.SetMetadata) -> Done:
    """Set or remove entries, all or none."""
    values = dict(command.entries)
    if any(len(name.split("/")) < 3 or _is_bare_vendor(name) for name in values):
        return bad("These are parts of the names of entries")  # RFC 5464 §3.2
    if not command.mailbox and (refusal := _server_refusal(session, values)) is not None:
        return refusal
    place = await session.read(lambda view: place_of(session, view, command.mailbox))
    if place is not None and place.access.is_read_only and any(not _is_ones_own(name) for name in values):
        return no("You may only read in that account", "NOPERM")
    told: list[str] = []

    def body(tx: Transaction) -> None:
        told.clear()
        for scope in ("private", "shared"):
            kept = {name: value for name, value in values.items() if name.startswith(f"/{scope}/")}
            if place is not None and SPECIAL_USE in kept:
                told.extend(give_use(tx, place.account, place.id, kept.pop(SPECIAL_USE)))
            if kept:
                entries = {name.removeprefix(f"/{scope}"): value for name, value in kept.items()}
                annotate(tx, *shelf_of(session, place, scope), entries)

    account = shelf_of(session, place, "shared" if any(name.startswith("/shared/") for name in values) else "private")[
        0
    ]
    try:
        await session.news.write(body, account, slow=SPECIAL_USE in values)
    except Fault as fault:
        raise _as_metadata(session, fault) from None
    await _tell_of_uses(session, place, told)
    return ok("Set")


def _is_bare_vendor(name: str) -> bool:
    parts = name.split("/")[1:]
    return parts[1] == "vendor" and len(parts) < _VENDOR_PARTS


def _is_ones_own(name: str) -> bool:
    """Whether an entry is nobody else's to see."""
    return name.startswith("/private/") and name != SPECIAL_USE


def _server_refusal(session: Session, values: Values) -> Done | None:
    """Why entries of the server cannot be set by this client."""
    assert session.logged_in is not None
    if ADMIN in values:
        return no("This is set in the server's configuration", "CANNOT")
    if not session.logged_in.caller.is_admin and any(name.startswith("/shared/") for name in values):
        return no("Administrators set what all share", "NOPERM")
    for name, value in values.items():
        if value is not None and (wrong := check_filter(name, value)):
            return no(wrong, "CANNOT")
    return None


def _as_metadata(session: Session, fault: Fault) -> Exception:
    """RFC 5464 §4.3: the response codes of this extension for faults that have others elsewhere."""
    limits = session.bridge.store.limits
    if fault.kind is Kind.TOO_LARGE:
        return Ended(no(str(fault), f"METADATA MAXSIZE {limits.max_size_annotation}"))
    if fault.kind is Kind.OVER_QUOTA:
        return Ended(no(str(fault), "METADATA TOOMANY"))
    return fault


async def _tell_of_uses(session: Session, place: Place | None, ids: Sequence[str]) -> None:
    """Tell which mailboxes have lost their special use to another one (RFC 6154 §5.4)."""
    if place is None or not ids:
        return
    places = await session.read(lambda view: list(session.service.names.all(view, session.accounts)))
    for other in places:
        if other.account == place.account and other.id in ids:
            session.say(metadata_line(session, other.name, {SPECIAL_USE: None}))


HANDLERS: Mapping[type[c.Command], Callable[[Session, Any], Awaitable[Done]]] = {a.SetMetadata: set_metadata}
