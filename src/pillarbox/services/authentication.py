"""Who asks: passwords and app passwords checked once, then remembered for minutes so that a request does not hash.

RFC 7617 (Basic), RFC 6750 §2.1 (Bearer).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import msgspec

from pillarbox.core.account import DIRECTORY, Caller
from pillarbox.core.clock import Clock, from_date, utc_date
from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.admin.account import ACCOUNT, Account, account_named
from pillarbox.datatypes.admin.domain import DOMAIN
from pillarbox.datatypes.admin.name import address_name
from pillarbox.datatypes.admin.password import credential_of, digest_token, is_password, parse_token
from pillarbox.datatypes.app_password import APP_PASSWORD, AppPassword
from pillarbox.datatypes.view import Transaction, View
from pillarbox.services import observed
from pillarbox.services.directory import caller_for, may_log_in
from pillarbox.services.failure_table import FailureTable
from pillarbox.services.throttle import Throttle
from pillarbox.services.ticket import proof_of

T = TypeVar("T")
Read = Callable[[Callable[[View], T]], T]
_REMEMBER_MS = 300_000
_RECHECK_MS = 500  # a change made by another process holds from then on
_REFUSE_MS = 60_000
_ENTRIES = 20_000
_USE_MS = 3_600_000  # lastUsedAt is written at most this often
_MAX_HEADER = 4_096


class Login(msgspec.Struct, frozen=True):
    """Somebody who proved who they are, and by what."""

    caller: Caller
    password_hash: str  # of the account, at that time
    app_password: str | None = None


class Held(msgspec.Struct):
    """A login that was verified, with what shows whether it still holds; connections that stay open keep it."""

    login: Login
    until: int
    checked_at: int
    epoch: int
    state: tuple[int, ...]


class Authentication:
    """Checks credentials. `remembered` is for the event loop; `verify` takes tens of milliseconds, for a thread."""

    def __init__(self, clock: Clock, read: Read[bool], failures: FailureTable | None = None) -> None:
        """`read` runs a short body on a snapshot here and now: the check, twice a second, that nothing was revoked.

        `failures` is shared with other processes that check passwords.
        """
        self._clock = clock
        self._read = read
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._logins: OrderedDict[bytes, Held] = OrderedDict()
        self._refused: OrderedDict[bytes, tuple[int, tuple[int, ...]]] = OrderedDict()
        self._throttle = Throttle(clock, failures)
        self._epoch = 0
        self._uses: dict[tuple[str, str], int] = {}  # (account, app password) -> time

    # --- on the event loop

    def remembered(self, authorization: str) -> Caller | None:
        """Who sent this Authorization header, when it was verified a short while ago and still holds."""
        held = self.held(authorization)
        return held.login.caller if held is not None else None

    def held(self, authorization: str) -> Held | None:
        """The same as a login that can be looked at again for as long as a connection is open."""
        digest = self._digest(authorization)
        entry = self._logins.get(digest)
        if entry is None:
            return None
        if self._clock.now_ms() >= entry.until or self.check(entry) is None:
            self._logins.pop(digest, None)
            return None
        return entry

    def check(self, held: Held) -> Caller | None:
        """Who this is by now; None when the login was revoked, changed or has expired since."""
        now = self._clock.now_ms()
        due = held.epoch != self._epoch or not 0 <= now - held.checked_at < _RECHECK_MS
        if due and not self._read(lambda view: self._still_holds(view, held)):
            held.checked_at = 0  # whoever asks next is told the same
            return None
        if held.login.app_password is not None:
            self._uses[held.login.caller.account, held.login.app_password] = now
        return held.login.caller

    def changed(self, changed: Mapping[str, Mapping[str, int]]) -> None:
        """What a commit changed (account -> types): logins that it may touch are looked at anew on their next use."""
        if DIRECTORY in changed:
            self.directory_changed()
        self.forget(account for account, types in changed.items() if APP_PASSWORD.name in types)

    def directory_changed(self) -> None:
        """Somebody may have been disabled, renamed, or given another password."""
        self._epoch += 1

    def forget(self, accounts: Iterable[str]) -> None:
        """App passwords of these accounts may have been taken back."""
        if any(True for _ in accounts):
            self._epoch += 1

    def _still_holds(self, view: View, entry: Held) -> bool:
        """Look again at what may have changed; cheap when nothing did."""
        entry.checked_at, entry.epoch = self._clock.now_ms(), self._epoch
        login = entry.login
        state = _state(view, login.caller.account)
        if state == entry.state:
            app = view.get(APP_PASSWORD, login.caller.account, login.app_password) if login.app_password else None
            return login.app_password is None or (app is not None and app.is_valid(view.now_ms))
        account = view.get(ACCOUNT, DIRECTORY, login.caller.account)
        # An app password outlives a change of the account's password: it is taken back by itself.
        if account is None or not may_log_in(view, account) or account.name != login.caller.username:
            return False
        if login.app_password is None and account.password_hash != login.password_hash:
            return False
        fresh = _login(view, account, login.app_password)
        if fresh is None:
            return False
        entry.login, entry.state = fresh, state
        return True

    # --- in a thread

    def verify(self, view: View, authorization: str, address: str) -> Caller:
        """Who sent this Authorization header from this address.

        Raises Fault: forbidden when the credentials are wrong, rateLimit after too many failures. Neither tells whether
        there is anybody of that name.
        """
        digest, epoch, now = self._digest(authorization), self._epoch, self._clock.now_ms()
        name, password = parse_authorization(authorization)
        directory = _state(view, parse_token(password) or "")
        if self._is_refused(digest, directory, now):
            observed.LOGINS.count("repeated")
            raise _wrong()
        login = self._guarded(view, name, password, address)
        if login is None:
            # The same wrong password again is a program that does not know better, and is not counted twice.
            _put(self._lock, self._refused, digest, (now + _REFUSE_MS, directory))
            raise _wrong()
        entry = Held(login, now + _REMEMBER_MS, now, epoch, _state(view, login.caller.account))
        _put(self._lock, self._logins, digest, entry)
        return login.caller

    def redeem(self, tx: Transaction, account: str, digest: str) -> Held:
        """The login that a ticket stands for, once. Raises forbidden when it is used, too old, or no longer holds."""
        found = tx.take_ticket(account, digest)
        owner = tx.get(ACCOUNT, DIRECTORY, account)
        if found is None or tx.now_ms >= found.expires_at or owner is None or not may_log_in(tx, owner):
            raise Fault(Kind.FORBIDDEN, "the ticket does not hold")
        is_changed = not found.app_password and proof_of(owner.password_hash) != found.proof
        login = None if is_changed else _login(tx, owner, found.app_password or None)
        if login is None:
            raise Fault(Kind.FORBIDDEN, "the ticket does not hold")
        return Held(login, 0, self._clock.now_ms(), self._epoch, _state(tx, account))

    def check_password(self, view: View, name: str, password: str, address: str = "") -> Caller:
        """Who this is, for protocols that carry name and password (SASL PLAIN). Raises Fault as `verify` does."""
        login = self._guarded(view, name, password, address)
        if login is None:
            raise _wrong()
        return login.caller

    def _guarded(self, view: View, name: str | None, password: str, address: str) -> Login | None:
        guarded = _login_name(name) if name is not None else f"token {parse_token(password)}"
        try:
            self._throttle.check(address, guarded)
        except Fault:
            observed.LOGINS.count("throttled")
            observed.LOGIN_THROTTLED.log(address=address, login=guarded)
            raise
        login = _check(view, name, password)
        if login is None:
            observed.LOGINS.count("failed")
            observed.LOGIN_FAILED.log(address=address, login=guarded)
            self._throttle.note_failure(address, guarded)
            return None
        self._throttle.note_success(address, guarded)
        observed.LOGINS.count("succeeded")
        observed.LOGGED_IN.log(address=address, login=login.caller.username, account=login.caller.account)
        if login.app_password is not None:
            self._uses[login.caller.account, login.app_password] = view.now_ms
        return login

    def _is_refused(self, digest: bytes, directory: tuple[int, ...], now: int) -> bool:
        until, seen = self._refused.get(digest, (0, ()))
        return now < until and seen == directory

    def _digest(self, authorization: str) -> bytes:
        return hashlib.blake2b(authorization.encode("utf-8", "surrogateescape"), key=self._key, digest_size=20).digest()

    # --- now and then

    def take_uses(self) -> Mapping[tuple[str, str], int]:
        """When app passwords were used since the last call, for `write_uses`: by account and app password."""
        uses, self._uses = self._uses, {}
        return uses

    def write_uses(self, tx: Transaction, uses: Mapping[tuple[str, str], int]) -> None:
        """Write when app passwords were last used, to the hour; for the housekeeping."""
        for (account, id), at in uses.items():
            app = tx.get(APP_PASSWORD, account, id)
            last = from_date(app.last_used_at) if app is not None and app.last_used_at else None
            if app is not None and (last is None or at - last >= _USE_MS):
                tx.write(APP_PASSWORD, account, app, msgspec.structs.replace(app, last_used_at=utc_date(at)))

    @property
    def has_uses(self) -> bool:
        """Whether there is something for `write_uses` to do."""
        return bool(self._uses)


def parse_authorization(authorization: str) -> tuple[str | None, str]:
    """(name, password) of a Basic header, (None, token) of a Bearer one. Raises forbidden for anything else."""
    scheme, _, rest = authorization.strip().partition(" ")
    if len(authorization) > _MAX_HEADER:
        raise _wrong()
    if scheme.lower() == "bearer":
        return None, rest.strip()
    if scheme.lower() != "basic":
        raise Fault(Kind.FORBIDDEN, "log in with Basic or Bearer")
    try:
        name, colon, password = base64.b64decode(rest.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        raise _wrong() from None
    if not colon:
        raise _wrong()
    return name, password


def _check(view: View, name: str | None, password: str) -> Login | None:
    if (token_account := parse_token(password)) is not None:
        account = view.get(ACCOUNT, DIRECTORY, token_account)
        found = view.find(APP_PASSWORD, token_account, "secretDigest", [digest_token(password)])
        is_theirs = account is not None and (name is None or _login_name(name) == account.name)
        if account is None or not found or not is_theirs or not may_log_in(view, account):
            return None
        return _login(view, account, found[0][1])
    account = account_named(view, _login_name(name)) if name is not None else None
    usable = account is not None and may_log_in(view, account)
    # The hash is computed in every case: an unknown name costs what a wrong password costs.
    right = is_password(password, account.password_hash if account is not None and usable else None)
    return _login(view, account, None) if right and account is not None else None


def _login(view: View, account: Account, app_password: str | None) -> Login | None:
    app: AppPassword | None = None
    if app_password is not None:
        app = view.get(APP_PASSWORD, account.id, app_password)
        if app is None or not app.is_valid(view.now_ms):
            return None
    scope = app.capabilities if app is not None else frozenset()
    caller = caller_for(view, account, scope)
    caller = msgspec.structs.replace(caller, credential=app_password or credential_of(account.password_hash))
    return Login(caller, account.password_hash, app_password)


def _login_name(name: str) -> str:
    parts = address_name(name.strip())
    return f"{parts[0]}@{parts[1]}" if parts is not None else name.strip()[:256]


def _state(view: View, account: str) -> tuple[int, ...]:
    """Numbers that differ when anything that decides about a login has changed."""
    return view.state(ACCOUNT, DIRECTORY), view.state(DOMAIN, DIRECTORY), view.state(APP_PASSWORD, account)


def _put(lock: threading.Lock, table: OrderedDict[bytes, T], key: bytes, value: T) -> None:
    with lock:
        table.pop(key, None)
        table[key] = value
        if len(table) > _ENTRIES:
            table.popitem(last=False)


def _wrong() -> Fault:
    return Fault(Kind.FORBIDDEN, "the name or the password is wrong")
