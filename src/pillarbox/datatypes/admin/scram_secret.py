"""ScramSecret: what a server answers SCRAM by, the same in every process and on every node, whoever is asked for.

No method shows it. Salts are made of it and a name, so that a name without an account has one too (RFC 5802 §9).
"""

from __future__ import annotations

import base64
import hmac
import secrets

import msgspec

from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.capability import ADMIN
from pillarbox.datatypes.declare import DataType, Record
from pillarbox.datatypes.mark import Internal
from pillarbox.datatypes.view import Transaction, View
from pillarbox.wire.sasl.scram_key import derive, keys_to_text, parse_keys
from pillarbox.wire.sasl.step import Parameters

# The most that clients built on Cyrus SASL compute.
ITERATIONS = 65_536
_SALT_OCTETS = 16


class ScramSecret(Record, frozen=True):
    """The one secret of a store, and for how many iterations all its keys are made: so none can be told by them."""

    secret: Internal[str] = ""
    iterations: Internal[int] = ITERATIONS
    is_on: Internal[bool] = True  # whether keys of passwords are made and kept

    def parameters(self, name: str) -> Parameters:
        """How the passwords of a login name, in the directory's spelling, are hashed if it has no salt yet."""
        salt = hmac.digest(self.secret.encode(), name.encode("utf-8", "replace"), "sha256")
        return Parameters(salt[:_SALT_OCTETS], self.iterations)

    def keys(self, password: str, name: str, kept: str) -> str:
        """What to keep of a password of an account, whose other passwords have the salt in `kept`. Takes its time.

        Empty when nothing is to be kept.
        """
        if not self.is_on:
            return ""
        return keys_to_text(derive(password, self.parameters_of(name, kept)))

    def parameters_of(self, name: str, kept: str) -> Parameters:
        """The parameters of an account that keeps these keys: its salt outlives passwords and names."""
        keys = parse_keys(kept)
        return keys.parameters if keys is not None else self.parameters(name)


SCRAM_SECRET: DataType[ScramSecret] = DataType(
    ScramSecret, letter="z", capability=ADMIN, methods=frozenset(), directory=True, push=False
)


def scram_secret(view: View) -> ScramSecret | None:
    """The secret; None in a store that has none, where nobody logs in by SCRAM."""
    return next(iter(view.all(SCRAM_SECRET, DIRECTORY)), None)


def ensure_scram_secret(tx: Transaction, *, is_on: bool | None = None, iterations: int = ITERATIONS) -> None:
    """Make the secret if there is none, and turn SCRAM on or off when it is said. The iterations stay as they began."""
    old = scram_secret(tx)
    if old is None:
        secret = base64.b64encode(secrets.token_bytes(32)).decode()
        new = ScramSecret(
            id=tx.new_id(SCRAM_SECRET), secret=secret, iterations=iterations, is_on=is_on is None or is_on
        )
        tx.write(SCRAM_SECRET, DIRECTORY, None, new)
    elif is_on is not None and old.is_on != is_on:
        tx.write(SCRAM_SECRET, DIRECTORY, old, msgspec.structs.replace(old, is_on=is_on))
