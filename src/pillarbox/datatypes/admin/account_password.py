"""What is kept of accounts' passwords: an argon2id hash, and the keys of SCRAM. Worked out before any lock is taken."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from pillarbox.datatypes.admin.name import login_name
from pillarbox.datatypes.admin.password import hash_password
from pillarbox.datatypes.admin.scram_secret import scram_secret
from pillarbox.datatypes.view import View


class NewPassword(NamedTuple):
    """A password that an account is to have."""

    key: str  # the id of the account, or its name as it was given while it has none
    name: str
    kept: str  # the keys of its present password
    password: str


class Hashed(NamedTuple):
    """What is kept of the passwords of one call: hashes by password, keys by NewPassword.key and password."""

    hashes: Mapping[str, Iterator[str]]
    keys: Mapping[tuple[str, str], str]

    def of(self, key: str, password: str) -> tuple[str, str]:
        """Hash and keys; the keys may be missing, and are made when somebody logs in."""
        return next(self.hashes[password]), self.keys.get((key, password), "")


def hash_passwords(view: View, given: Sequence[NewPassword]) -> Hashed:
    """Hash them all. Takes tens of milliseconds each."""
    if given:
        view.take_time()
    passwords = [new.password for new in given]
    # As many hashes as the password comes up, so that no two accounts share a salt.
    hashes = {
        p: itertools.cycle([hash_password(p) for _ in range(passwords.count(p))]) for p in dict.fromkeys(passwords)
    }
    secret = scram_secret(view)
    if secret is None:
        return Hashed(hashes, {})
    keys = {(new.key, new.password): secret.keys(new.password, login_name(new.name), new.kept) for new in given}
    return Hashed(hashes, keys)
