"""SCRAM against the directory: what a name is asked, whose keys a proof fits, and keys that are still to be kept.

A client says its name and only then what it proves, so all passwords of an account share one salt and one number of
iterations, and a proof is tried against each. A name that nobody has is treated the same. RFC 5802 §5, §9.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

import msgspec

from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.admin.account import ACCOUNT, Account, account_named
from pillarbox.datatypes.admin.name import login_name
from pillarbox.datatypes.admin.scram_secret import scram_secret
from pillarbox.datatypes.app_password import APP_PASSWORD
from pillarbox.datatypes.view import Transaction, View
from pillarbox.services.credential import Login, login_as, wrong
from pillarbox.services.directory import may_log_in
from pillarbox.wire.sasl.scram_key import Keys, fits, parse_keys
from pillarbox.wire.sasl.step import Parameters, Proof

# What no proof fits, tried in the place of keys that an account does not have.
_NOBODY = Keys(Parameters(b"", 0), bytes(32), bytes(32))


def parameters_for(view: View, name: str) -> Parameters:
    """How the passwords of a name are hashed, made up if it has none. Raises forbidden in a store without a secret."""
    secret = scram_secret(view)
    if secret is None:
        raise wrong()
    account = _usable(view, name)
    return secret.parameters_of(login_name(name), account.scram if account is not None else "")


def find_proven(view: View, proof: Proof) -> tuple[Login, bytes] | None:
    """Who made this proof, and the ServerKey of the password that they know; None for a wrong proof.

    It costs the same number of hashes whoever has the name, and whether anybody does.
    """
    account = _usable(view, proof.name)
    candidates = _candidates(view, account) if account is not None else []
    found: tuple[str | None, Keys] | None = None
    for candidate in _filled(candidates, 1 + view.limits.max_app_passwords):
        if fits(candidate[1], proof.message, proof.proof):
            found = candidate
    if found is None or account is None:
        return None
    login = login_as(view, account, found[0])
    return (login, found[1].server_key) if login is not None else None


def _usable(view: View, name: str) -> Account | None:
    account = account_named(view, login_name(name))
    return account if account is not None and may_log_in(view, account) else None


def _candidates(view: View, account: Account) -> list[tuple[str | None, Keys]]:
    """The keys of the account's own password (None) and of its app passwords."""
    kept: list[tuple[str | None, str]] = [(None, account.scram)]
    kept += [(app.id, app.scram) for app in view.all(APP_PASSWORD, account.id)]
    return [(id, keys) for id, text in kept if (keys := parse_keys(text)) is not None]


def _filled(candidates: list[tuple[str | None, Keys]], count: int) -> list[tuple[str | None, Keys]]:
    return candidates + [(None, _NOBODY)] * (count - len(candidates))


class Owed(NamedTuple):
    """Keys that are to be kept of a password that somebody showed, while it is the same."""

    login: Login
    keys: str


class OwedKeys:
    """Makes the keys of passwords that were set when SCRAM was not on, when somebody shows them; for all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owed: dict[tuple[str, str | None], Owed] = {}

    def __bool__(self) -> bool:
        return bool(self._owed)

    def note(self, view: View, login: Login, password: str) -> None:
        """Make the keys of a password that was right, if there should be some. Takes as long as a hash, once."""
        secret, account = scram_secret(view), view.get(ACCOUNT, DIRECTORY, login.caller.account)
        if secret is None or account is None:
            return
        app = view.get(APP_PASSWORD, account.id, login.app_password) if login.app_password is not None else None
        kept = app.scram if app is not None else account.scram
        place = account.id, login.app_password
        if bool(kept) != secret.is_on and place not in self._owed:
            keys = secret.keys(password, account.name, account.scram)
            with self._lock:
                self._owed[place] = Owed(login, keys)

    def take(self) -> list[Owed]:
        """What is owed since the last call."""
        with self._lock:
            owed, self._owed = self._owed, {}
        return list(owed.values())


def keep_keys(tx: Transaction, owed: Owed) -> None:
    """Write keys, unless the password is another by now."""
    login, account = owed.login, tx.get(ACCOUNT, DIRECTORY, owed.login.caller.account)
    if account is None:
        return
    if login.app_password is None:
        if account.password_hash == login.password_hash:
            tx.write(ACCOUNT, DIRECTORY, account, msgspec.structs.replace(account, scram=owed.keys))
        return
    app = tx.get(APP_PASSWORD, account.id, login.app_password)
    if app is not None:
        tx.write(APP_PASSWORD, account.id, app, msgspec.structs.replace(app, scram=owed.keys))
