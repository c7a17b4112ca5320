"""WebPushKey: the private keys by which the server signs its requests to push services (RFC 8292, RFC 9749 §5).

No method shows them: the session tells the public half of the newest.
"""

from __future__ import annotations

from pillarbox.core.account import DIRECTORY
from pillarbox.core.clock import utc_date
from pillarbox.datatypes.capability import ADMIN
from pillarbox.datatypes.declare import DataType, Record
from pillarbox.datatypes.mark import Internal, ServerSet
from pillarbox.datatypes.view import Transaction, View


class WebPushKey(Record, frozen=True):
    """One key; the newest signs."""

    created_at: ServerSet[str] = ""
    private_key: Internal[str] = ""  # as formats.webpush.vapid.new_key makes it


WEB_PUSH_KEY: DataType[WebPushKey] = DataType(
    WebPushKey, letter="w", capability=ADMIN, methods=frozenset(), directory=True, push=False
)


def present_key(view: View) -> WebPushKey | None:
    """The key that signs."""
    return next(reversed(view.all(WEB_PUSH_KEY, DIRECTORY)), None)


def replace_key(tx: Transaction, private_key: str) -> WebPushKey:
    """Make this the only key."""
    for old in tx.all(WEB_PUSH_KEY, DIRECTORY):
        tx.write(WEB_PUSH_KEY, DIRECTORY, old, None)
    new = WebPushKey(id=tx.new_id(WEB_PUSH_KEY), created_at=utc_date(tx.now_ms), private_key=private_key)
    tx.write(WEB_PUSH_KEY, DIRECTORY, None, new)
    return new
