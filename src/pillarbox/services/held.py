"""A login that was verified, for as long as it is used: whether it has to be looked at again, and what came of that.

The event loop asks what is known here, and waits for nothing; the look itself is a body for the bridge, and notes its
outcome whenever it ends (docs/decisions).
"""

from __future__ import annotations

import msgspec

from pillarbox.core.account import DIRECTORY, Caller
from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.admin.account import ACCOUNT
from pillarbox.datatypes.admin.domain import DOMAIN
from pillarbox.datatypes.app_password import APP_PASSWORD
from pillarbox.datatypes.view import View
from pillarbox.services.credential import Login, login_as
from pillarbox.services.directory import may_log_in

_RECHECK_MS = 500  # a change made by another process holds from then on
_STALE_MS = 300_000  # nobody is believed longer than this without a look at the store


class Held(msgspec.Struct):
    """A login that was verified, with what shows whether it still holds; connections that stay open keep it."""

    login: Login
    until: int
    checked_at: int  # when the last look began that found it good
    epoch: int
    state: tuple[int, ...]
    is_over: bool = False  # it was taken back, and never holds again

    def is_due(self, now: int, epoch: int) -> bool:
        """Whether something may have changed since the last look. `now` in milliseconds."""
        return not self.is_over and (self.epoch != epoch or not 0 <= now - self.checked_at < _RECHECK_MS)

    def caller(self, now: int) -> Caller | None:
        """Who this is by what is known; None when the login was taken back, changed or has expired.

        Raises unavailable when the store has not told for minutes whether it still holds.
        """
        if self.is_over:
            return None
        # Another thread may have looked since `now` was read: what is known is a little newer then, not unknown.
        if abs(now - self.checked_at) >= _STALE_MS:
            raise Fault(Kind.UNAVAILABLE, "the store does not tell whether the login still holds")
        return self.login.caller

    def look_again(self, view: View, now: int, epoch: int) -> bool:
        """Look at what may have changed, and note it; whether the login still holds. Cheap when nothing did."""
        fresh, state = self._found(view)
        if fresh is None:
            self.is_over = True
            return False
        # The time last of all: another thread must not take the login for looked at while it is being looked at.
        self.login, self.state, self.epoch, self.checked_at = fresh, state, epoch, now
        return True

    def _found(self, view: View) -> tuple[Login | None, tuple[int, ...]]:
        login = self.login
        state = state_of(view, login.caller.account)
        if state == self.state:
            app = view.get(APP_PASSWORD, login.caller.account, login.app_password) if login.app_password else None
            is_right = login.app_password is None or (app is not None and app.is_valid(view.now_ms))
            return (login if is_right else None), state
        account = view.get(ACCOUNT, DIRECTORY, login.caller.account)
        # An app password outlives a change of the account's password: it is taken back by itself.
        if account is None or not may_log_in(view, account) or account.name != login.caller.username:
            return None, state
        if login.app_password is None and account.password_hash != login.password_hash:
            return None, state
        return login_as(view, account, login.app_password), state


def state_of(view: View, account: str) -> tuple[int, ...]:
    """Numbers that differ when anything that decides about a login of the account has changed."""
    return view.state(ACCOUNT, DIRECTORY), view.state(DOMAIN, DIRECTORY), view.state(APP_PASSWORD, account)
