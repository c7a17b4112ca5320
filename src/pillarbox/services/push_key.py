"""The keys that sign requests to push services: made at the first start, replaced, and forgotten when none needs them.

RFC 8292 §4.2: an application server "needs to remember the key that is used when requesting the creation of a
subscription", so a key that was replaced signs for the subscriptions of its time until they have ended. RFC 9749 §3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

import msgspec

from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.admin.web_push_key import WEB_PUSH_KEY, WebPushKey, add_key, all_keys, key_of, present_key
from pillarbox.datatypes.push_subscription import PUSH_SUBSCRIPTION
from pillarbox.datatypes.view import Transaction, View
from pillarbox.formats.webpush.vapid import SigningKey, new_key
from pillarbox.services.push import owners


class KeyInUse(msgspec.Struct, frozen=True):
    """A key, as an administrator may see it."""

    key: WebPushKey
    public: str
    subscriptions: int


def ensure_key(tx: Transaction) -> None:
    """Make the key that signs requests to push services, unless there is one."""
    if present_key(tx) is None:
        add_key(tx, new_key())


def public_key(view: View) -> str:
    """What the session tells as applicationServerKey; empty when there is no key."""
    stored = present_key(view)
    return SigningKey(stored.private_key).public if stored is not None else ""


def keys_in_use(view: View) -> list[KeyInUse]:
    """All keys, oldest first, and how many subscriptions each signs for."""
    keys = all_keys(view)
    counts = _subscriptions(view, keys)
    return [KeyInUse(key, SigningKey(key.private_key).public, counts[key.id]) for key in keys]


def rotate(tx: Transaction, *, forget_old: bool = False) -> WebPushKey:
    """Make a new key for new subscriptions.

    `forget_old` is for a key that somebody else may have: it signs no more, and the subscriptions of its time, which
    nothing else can serve, are destroyed. Their clients find none and make new ones.
    """
    new = add_key(tx, new_key())
    if forget_old:
        for owner in owners(tx):
            for one in tx.all(PUSH_SUBSCRIPTION, owner):
                if one.signing_key != new.id:
                    tx.write(PUSH_SUBSCRIPTION, owner, one, None)
    forget(tx, unused(tx))
    return new


def unused(view: View) -> list[str]:
    """The ids of retired keys that sign for nobody any more, and never will: no new subscription gets one of them."""
    keys = all_keys(view)
    if len(keys) < 2:
        return []
    counts = _subscriptions(view, keys)
    return [key.id for key in keys if key.retired_at is not None and not counts[key.id]]


def forget(tx: Transaction, ids: Collection[str]) -> None:
    """Delete keys."""
    for key in all_keys(tx):
        if key.id in ids:
            tx.write(WEB_PUSH_KEY, DIRECTORY, key, None)


def _subscriptions(view: View, keys: list[WebPushKey]) -> Counter[str]:
    """How many subscriptions there are of each key; one that has expired may still be renewed."""
    counts: Counter[str] = Counter()
    for owner in owners(view):
        for one in view.all(PUSH_SUBSCRIPTION, owner):
            if (key := key_of(keys, one.signing_key)) is not None:
                counts[key.id] += 1
    return counts
