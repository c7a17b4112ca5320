"""SrsSecret: the keys by which this store knows reverse-paths that it has rewritten. No method shows them."""

from __future__ import annotations

import base64
import secrets

import msgspec

from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.capability import ADMIN
from pillarbox.datatypes.declare import DataType, Record
from pillarbox.datatypes.mark import Internal
from pillarbox.datatypes.view import Transaction, View

_KEPT = 3


class SrsSecret(Record, frozen=True):
    """The one record of a store; the newest key first, which signs. The others still verify."""

    keys: Internal[list[str]] = msgspec.field(default_factory=list)

    @property
    def octets(self) -> tuple[bytes, ...]:
        """The keys, the newest first."""
        return tuple(base64.b64decode(key) for key in self.keys)


SRS_SECRET: DataType[SrsSecret] = DataType(
    SrsSecret, letter="j", capability=ADMIN, methods=frozenset(), directory=True, push=False
)


def srs_keys(view: View) -> tuple[bytes, ...]:
    """The keys, the newest first; none in a store that never rewrote a reverse-path."""
    return next((secret.octets for secret in view.all(SRS_SECRET, DIRECTORY)), ())


def ensure_srs_keys(tx: Transaction) -> tuple[bytes, ...]:
    """The same, made if there are none."""
    return srs_keys(tx) or rotate_srs_keys(tx)


def rotate_srs_keys(tx: Transaction) -> tuple[bytes, ...]:
    """Make a new key, and forget all but the latest of the old ones."""
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    old = next(iter(tx.all(SRS_SECRET, DIRECTORY)), None)
    kept = old.keys if old is not None else []
    new = SrsSecret(id=old.id if old is not None else tx.new_id(SRS_SECRET), keys=[key, *kept][:_KEPT])
    tx.write(SRS_SECRET, DIRECTORY, old, new)
    return new.octets
