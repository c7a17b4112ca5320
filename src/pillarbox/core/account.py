"""Who asks, for which account, and with which rights."""

from __future__ import annotations

import msgspec

# The account that holds the directory's own records (domains, accounts, aliases); only administrators see it.
DIRECTORY = "directory"


class Access(msgspec.Struct, frozen=True):
    """One account as one caller may use it."""

    account: str
    name: str
    is_personal: bool = True
    is_read_only: bool = False


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """An authenticated user: their own account, their login name, and every account that they may use."""

    account: str
    username: str
    is_admin: bool = False
    scope: frozenset[str] = frozenset()  # empty: no limit; else the capability URIs that an app password allows
    accounts: dict[str, Access] = {}
    credential: str = ""  # which of the user's passwords was shown: what is bound to it goes when it goes

    def access(self, account: str) -> Access | None:
        """The caller's access to an account, None when it is not theirs to see."""
        return self.accounts.get(account)

    def allows(self, capability: str) -> bool:
        """Whether what the caller logged in with opens this capability; an account's own password opens all."""
        return not self.scope or capability in self.scope
