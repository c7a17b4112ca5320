"""Who asks: passwords and app passwords checked once, then remembered for minutes so that a request does not hash."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import msgspec

from pillarbox.core.account import DIRECTORY, Caller
from pillarbox.core.clock import Clock, from_date, utc_date
from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.admin.account import ACCOUNT
from pillarbox.datatypes.admin.name import login_name
from pillarbox.datatypes.admin.password import parse_token
from pillarbox.datatypes.app_password import APP_PASSWORD
from pillarbox.datatypes.view import Transaction, View
from pillarbox.services import observed
from pillarbox.services.credential import Login, login_as, login_by, parse_authorization, wrong
from pillarbox.services.directory import may_log_in
from pillarbox.services.failure_table import FailureTable
from pillarbox.services.held import Held, state_of
from pillarbox.services.scram import Owed, OwedKeys, find_proven, keep_keys, parameters_for
from pillarbox.services.throttle import Throttle
from pillarbox.services.ticket import proof_of
from pillarbox.wire.sasl.step import Parameters, Proof

T = TypeVar("T")
_REMEMBER_MS = 300_000
_REFUSE_MS = 60_000
_ENTRIES = 20_000
_USE_MS = 3_600_000  # lastUsedAt is written at most this often


class Uses(NamedTuple):
    """What was learnt of passwords by their being used."""

    app_passwords: Mapping[tuple[str, str], int]  # when app passwords were used last, by account and app password
    keys: Sequence[Owed]


class Authentication:
    """Checks credentials. `check` is for the event loop; `verify` takes tens of milliseconds, for a thread."""

    def __init__(self, clock: Clock, failures: FailureTable | None = None) -> None:
        """`failures` is shared with other processes that check passwords."""
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._logins: OrderedDict[bytes, Held] = OrderedDict()
        self._refused: OrderedDict[bytes, tuple[int, tuple[int, ...]]] = OrderedDict()
        self._throttle = Throttle(clock, failures)
        self._epoch = 0
        self._uses: dict[tuple[str, str], int] = {}  # (account, app password) -> time
        self._owed_keys = OwedKeys()

    # --- on the event loop

    def held(self, authorization: str) -> Held | None:
        """The login of an Authorization header that was verified a short while ago, as far as is known here."""
        digest = self._digest(authorization)
        entry = self._logins.get(digest)
        if entry is not None and (entry.is_over or self._clock.now_ms() >= entry.until):
            self._logins.pop(digest, None)
            return None
        return entry

    def is_due(self, held: Held) -> bool:
        """Whether a login should be looked at again before it is used."""
        return held.is_due(self._clock.now_ms(), self._epoch)

    def check(self, held: Held) -> Caller | None:
        """Who this is by what is known; None when the login was taken back, changed or has expired.

        Raises unavailable when the store has not told for minutes whether it still holds.
        """
        caller = held.caller(self._clock.now_ms())
        if caller is not None:
            self._note_use(held.login)
        return caller

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

    # --- on a snapshot, in a thread where the store has to be waited for

    def look_again(self, view: View, held: Held) -> bool:
        """Note what has become of a login; whether it still holds."""
        return held.look_again(view, self._clock.now_ms(), self._epoch)

    def verify(self, view: View, authorization: str, address: str) -> Caller:
        """Who sent this Authorization header from this address.

        Raises Fault: forbidden when the credentials are wrong, rateLimit after too many failures. Neither tells whether
        there is anybody of that name.
        """
        name, password = parse_authorization(authorization)
        return self._verify(view, self._digest(authorization), name, password, address).login.caller

    def log_in(self, view: View, name: str | None, password: str, address: str) -> Held:
        """The login of who shows this name and password, or this token without a name, for other protocols than HTTP.

        It is remembered as a header is: a client that opens many connections costs one hash. Raises as `verify` does.
        """
        key = self._digest(f"\0name\0{name}\0{password}" if name is not None else f"\0token\0{password}")
        return self._recall(view, key) or self._verify(view, key, name, password, address)

    def _recall(self, view: View, key: bytes) -> Held | None:
        entry = self._logins.get(key)
        if entry is None or entry.is_over or self._clock.now_ms() >= entry.until:
            return None
        if not self.look_again(view, entry):
            return None
        self._note_use(entry.login)
        return entry

    def _verify(self, view: View, key: bytes, name: str | None, password: str, address: str) -> Held:
        now, epoch = self._clock.now_ms(), self._epoch
        directory = state_of(view, parse_token(password) or "")
        if self._is_refused(key, directory, now):
            observed.LOGINS.count("repeated")
            raise wrong()
        guarded = login_name(name) if name is not None else f"token {parse_token(password)}"
        self._check_throttle(guarded, address)
        login = self._judged(guarded, address, login_by(view, name, password))
        if login is None:
            # The same wrong password again is a program that does not know better, and is not counted twice.
            _put(self._lock, self._refused, key, (now + _REFUSE_MS, directory))
            raise wrong()
        self._owed_keys.note(view, login, password)
        entry = Held(login, now + _REMEMBER_MS, now, epoch, state_of(view, login.caller.account))
        _put(self._lock, self._logins, key, entry)
        return entry

    def scram_parameters(self, view: View, name: str, address: str) -> Parameters:
        """What a client needs to know to prove its password. Raises rateLimit before it has gone to the trouble."""
        self._check_throttle(login_name(name), address)
        return parameters_for(view, name)

    def prove(self, view: View, proof: Proof, address: str) -> tuple[Held, bytes]:
        """The login of who made a proof by SCRAM, and the ServerKey with which the server proves itself in turn.

        Raises as `verify` does.
        """
        now, epoch, guarded = self._clock.now_ms(), self._epoch, login_name(proof.name)
        self._check_throttle(guarded, address)
        found = find_proven(view, proof)
        login = self._judged(guarded, address, found[0] if found is not None else None)
        if found is None or login is None:
            raise wrong()
        return Held(login, 0, now, epoch, state_of(view, login.caller.account)), found[1]

    def redeem(self, tx: Transaction, account: str, digest: str) -> Held:
        """The login that a ticket stands for, once. Raises forbidden when it is used, too old, or no longer holds."""
        found = tx.take_ticket(account, digest)
        owner = tx.get(ACCOUNT, DIRECTORY, account)
        if found is None or tx.now_ms >= found.expires_at or owner is None or not may_log_in(tx, owner):
            raise Fault(Kind.FORBIDDEN, "the ticket does not hold")
        is_changed = not found.app_password and proof_of(owner.password_hash) != found.proof
        login = None if is_changed else login_as(tx, owner, found.app_password or None)
        if login is None:
            raise Fault(Kind.FORBIDDEN, "the ticket does not hold")
        return Held(login, 0, self._clock.now_ms(), self._epoch, state_of(tx, account))

    def _check_throttle(self, guarded: str, address: str) -> None:
        try:
            self._throttle.check(address, guarded)
        except Fault:
            observed.LOGINS.count("throttled")
            observed.LOGIN_THROTTLED.log(address=address, login=guarded)
            raise

    def _judged(self, guarded: str, address: str, login: Login | None) -> Login | None:
        """Count and tell what came of credentials."""
        if login is None:
            observed.LOGINS.count("failed")
            observed.LOGIN_FAILED.log(address=address, login=guarded)
            self._throttle.note_failure(address, guarded)
            return None
        self._throttle.note_success(address, guarded)
        observed.LOGINS.count("succeeded")
        observed.LOGGED_IN.log(address=address, login=login.caller.username, account=login.caller.account)
        self._note_use(login)
        return login

    def _note_use(self, login: Login) -> None:
        if login.app_password is not None:
            self._uses[login.caller.account, login.app_password] = self._clock.now_ms()

    def _is_refused(self, digest: bytes, directory: tuple[int, ...], now: int) -> bool:
        until, seen = self._refused.get(digest, (0, ()))
        return now < until and seen == directory

    def _digest(self, authorization: str) -> bytes:
        return hashlib.blake2b(authorization.encode("utf-8", "surrogateescape"), key=self._key, digest_size=20).digest()

    # --- now and then

    def take_uses(self) -> Uses:
        """What was learnt of passwords since the last call, for `write_uses`."""
        uses, self._uses = self._uses, {}
        return Uses(uses, self._owed_keys.take())

    def write_uses(self, tx: Transaction, uses: Uses) -> None:
        """Write when app passwords were last used, to the hour, and keys for SCRAM; for the housekeeping."""
        for (account, id), at in uses.app_passwords.items():
            app = tx.get(APP_PASSWORD, account, id)
            last = from_date(app.last_used_at) if app is not None and app.last_used_at else None
            if app is not None and (last is None or at - last >= _USE_MS):
                tx.write(APP_PASSWORD, account, app, msgspec.structs.replace(app, last_used_at=utc_date(at)))
        for owed in uses.keys:
            keep_keys(tx, owed)

    @property
    def has_uses(self) -> bool:
        """Whether there is something for `write_uses` to do."""
        return bool(self._uses) or bool(self._owed_keys)


def _put(lock: threading.Lock, table: OrderedDict[bytes, T], key: bytes, value: T) -> None:
    with lock:
        table.pop(key, None)
        table[key] = value
        if len(table) > _ENTRIES:
            table.popitem(last=False)
