"""Reverse-paths of mail that is sent on: rewritten on the way out, and read when a bounce comes back (formats.srs)."""

from __future__ import annotations

import base64
import hashlib
import hmac

from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.address import split_address
from pillarbox.datatypes.admin.name import address_name
from pillarbox.datatypes.admin.srs_secret import ensure_srs_keys, srs_keys
from pillarbox.datatypes.view import Transaction, View
from pillarbox.formats import srs
from pillarbox.services.holder import find_holder

DAYS = 21  # for which bounces are taken: servers give up sooner
_YEAR_DAYS = 365
_MEMO = "srs"
_KEPT = "kept"  # in the place of the domain: the rest names a memo
_DAY_MS = 86_400_000


def reverse_path(tx: Transaction, mail_from: str, source: str) -> str:
    """The reverse-path of mail from an address that `source`, one of ours, sends on.

    The null reverse-path stays, and so does a sender of ours: for these SPF holds as it is.
    """
    parts = split_address(mail_from)
    if parts is None or find_holder(tx, mail_from) is not None:
        return mail_from
    host = source.rpartition("@")[2]
    key = ensure_srs_keys(tx)[0]
    local = srs.rewrite(parts[0], parts[1], key, tx.now_ms)
    if split_address(f"{local}@{host}") is None:
        # Quoted, or past the 64 octets of RFC 5321 §4.5.3.1.1, which many servers insist on: it is kept here instead.
        name = _name(key, mail_from)
        tx.keep_memo(DIRECTORY, _MEMO, name, mail_from, tx.now_ms + (DAYS + 1) * _DAY_MS)
        local = srs.rewrite(name, _KEPT, key, tx.now_ms)
    return f"{local}@{host}"


def bounce_address(view: View, address: str) -> str | None:
    """The address that bounces to one of ours are for; None when it is not such an address, or not any more."""
    return _original(view, address, DAYS)


def original_sender(view: View, address: str) -> str | None:
    """Whose mail went on by one of our addresses, within a year; None when it is not such an address.

    What was kept in a memo, as it was too long, is known for as long as bounces are taken.
    """
    return _original(view, address, _YEAR_DAYS)


def _original(view: View, address: str, days: int) -> str | None:
    local, _, _ = address.rpartition("@")
    if not srs.is_rewritten(local) or (parts := address_name(address)) is None:
        return None
    found = srs.original(local, srs_keys(view), view.now_ms, days)
    if found is None:
        return None
    before, domain = found
    if domain.lower() == _KEPT:
        return view.recall(DIRECTORY, _MEMO, before.lower())
    address = f"{before}@{domain}"
    return address if split_address(address) is not None and parts[1] != domain.lower() else None


def _name(key: bytes, mail_from: str) -> str:
    digest = hmac.digest(key, mail_from.encode("utf-8", "replace"), hashlib.sha256)
    return base64.b32encode(digest[:15]).decode().lower()
