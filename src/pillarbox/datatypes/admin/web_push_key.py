"""WebPushKey: the private keys by which the server signs its requests to push services (RFC 8292, RFC 9749 §5).

No method shows them: the session tells the public half of the one that is not retired. A subscription at a push
service is bound to the key with which the client asked for it, so a retired key goes on signing for those.
"""

from __future__ import annotations

import msgspec

from pillarbox.core.account import DIRECTORY
from pillarbox.core.clock import utc_date
from pillarbox.datatypes.capability import ADMIN
from pillarbox.datatypes.declare import DataType, Record
from pillarbox.datatypes.mark import Internal, ServerSet
from pillarbox.datatypes.view import Transaction, View


class WebPushKey(Record, frozen=True):
    """One key; all but one are retired."""

    created_at: ServerSet[str] = ""
    retired_at: ServerSet[str | None] = None
    private_key: Internal[str] = ""  # as formats.webpush.vapid.new_key makes it


WEB_PUSH_KEY: DataType[WebPushKey] = DataType(
    WebPushKey, letter="w", capability=ADMIN, methods=frozenset(), directory=True, push=False
)


def all_keys(view: View) -> list[WebPushKey]:
    """All keys that may still sign, oldest first."""
    return view.all(WEB_PUSH_KEY, DIRECTORY)


def present_key(view: View) -> WebPushKey | None:
    """The key that signs for new subscriptions."""
    return next((key for key in reversed(all_keys(view)) if key.retired_at is None), None)


def key_of(keys: list[WebPushKey], id: str) -> WebPushKey | None:
    """The key of this id among all; the oldest for a subscription of the time when there was one, and no note of it."""
    return next((key for key in keys if id in ("", key.id)), None)


def add_key(tx: Transaction, private_key: str) -> WebPushKey:
    """Make this the key for new subscriptions, and retire the one before it."""
    now = utc_date(tx.now_ms)
    for old in all_keys(tx):
        if old.retired_at is None:
            tx.write(WEB_PUSH_KEY, DIRECTORY, old, msgspec.structs.replace(old, retired_at=now))
    new = WebPushKey(id=tx.new_id(WEB_PUSH_KEY), created_at=now, private_key=private_key)
    tx.write(WEB_PUSH_KEY, DIRECTORY, None, new)
    return new
