"""GETQUOTA, GETQUOTAROOT and SETQUOTA (RFC 9208).

Each account has one quota root, of the account's name, with the limits and counts of `datatypes.quota`. Those who may
open the account see it, and administrators, who alone change it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from pillarbox.core.account import DIRECTORY
from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.admin.account import ACCOUNT, account_named
from pillarbox.datatypes.admin.name import login_name
from pillarbox.datatypes.quota import COUNT, OCTETS, QUOTA, UNLIMITED
from pillarbox.datatypes.view import View
from pillarbox.servers.imap.done import Done, no, ok
from pillarbox.servers.imap.session import Session
from pillarbox.services.mail.mailbox_named import split
from pillarbox.storage.snapshot import Snapshot
from pillarbox.storage.transaction import Transaction
from pillarbox.wire.imap import access_command as a
from pillarbox.wire.imap import command as c
from pillarbox.wire.imap.response import astring, to_bytes
from pillarbox.wire.imap.response import mailbox as mailbox_word

_STORAGE_OCTETS = 1024  # RFC 9208 §5.1: STORAGE is told "in units of 1024 octets"
# Resource -> the record that keeps it, and its unit.
_RESOURCES: Mapping[str, tuple[str, int]] = {"STORAGE": (OCTETS, _STORAGE_OCTETS), "MESSAGE": (COUNT, 1)}


async def get_quota(session: Session, command: a.GetQuota) -> Done:
    """Say what a quota root allows, and what is used of it."""
    session.say(await session.read(lambda view: _quota_line(view, session, *_root(session, view, command.root))))
    return ok("That is the quota")


async def get_quota_root(session: Session, command: a.GetQuotaRoot) -> Done:
    """Say which quota root a mailbox has, or would have if it were made (RFC 9208 §4.1.2)."""
    access, _ = split(session.accounts, command.mailbox)
    if access is None:
        return no("There is no such mailbox", "NONEXISTENT")
    root = access.name, access.account

    def body(view: Snapshot) -> bytes:
        name = mailbox_word(command.mailbox, is_utf8=session.is_utf8)
        line = to_bytes(f"* QUOTAROOT {name} {astring(root[0], is_utf8=session.is_utf8)}\r\n")
        return line + _quota_line(view, session, *root)

    session.say(await session.read(body))
    return ok("That is the quota")


async def set_quota(session: Session, command: a.SetQuota) -> Done:
    """Give an account other limits; those that are not named are none (RFC 9208 §4.1.3)."""
    assert session.logged_in is not None
    if not session.logged_in.caller.is_admin:
        return no("Administrators decide that", "NOPERM")
    limits = dict(command.limits)
    if unknown := limits.keys() - _RESOURCES.keys():
        return no(f"{min(unknown)} has no limit here", "CANNOT")
    values = {id: limits[name] * unit if name in limits else None for name, (id, unit) in _RESOURCES.items()}

    def body(tx: Transaction) -> bytes:
        name, id = _root(session, tx, command.root)
        account = tx.get(ACCOUNT, DIRECTORY, id)
        if account is None:
            raise Fault(Kind.NOT_FOUND, "There is no such quota root")
        new = msgspec.structs.replace(account, quota_octets=values[OCTETS], quota_count=values[COUNT])
        tx.write(ACCOUNT, DIRECTORY, account, new)
        return _quota_line(tx, session, name, id)

    session.say(await session.bridge.write(body))
    return ok("That is the quota now")


def _root(session: Session, view: View, root: str) -> tuple[str, str]:
    """The name and the account of a quota root. Raises NOT_FOUND, also for what one may not see."""
    assert session.logged_in is not None
    name = login_name(root)
    for access in session.accounts:
        if access.name == name:
            return access.name, access.account
    account = account_named(view, name) if session.logged_in.caller.is_admin else None
    if account is None:
        raise Fault(Kind.NOT_FOUND, "There is no such quota root")
    return account.name, account.id


def _quota_line(view: View, session: Session, name: str, account: str) -> bytes:
    """The untagged QUOTA (RFC 9208 §4.2.1): "Resources not named in the list are not limited"."""
    kept = view.get_many(QUOTA, account, (OCTETS, COUNT))
    parts = []
    for resource, (id, unit) in _RESOURCES.items():
        quota = kept.get(id)
        if quota is not None and quota.hard_limit != UNLIMITED:
            # Both are rounded up, so that what is used is never more than what is allowed.
            parts.append(f"{resource} {-(-quota.used // unit)} {-(-quota.hard_limit // unit)}")
    return to_bytes(f"* QUOTA {astring(name, is_utf8=session.is_utf8)} ({' '.join(parts)})\r\n")


HANDLERS: Mapping[type[c.Command], Callable[[Session, Any], Awaitable[Done]]] = {
    a.GetQuota: get_quota,
    a.GetQuotaRoot: get_quota_root,
    a.SetQuota: set_quota,
}
