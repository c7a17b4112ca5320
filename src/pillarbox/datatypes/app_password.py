"""AppPassword: a password of a user's own for one program, which can do less, expire, and be taken back alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from pillarbox.core.account import DIRECTORY
from pillarbox.core.clock import from_date, is_utc_date, utc_date
from pillarbox.core.faults import Fault, Kind, invalid
from pillarbox.datatypes import capability
from pillarbox.datatypes.admin.account import ACCOUNT
from pillarbox.datatypes.admin.password import digest_token, new_token
from pillarbox.datatypes.admin.scram_secret import scram_secret
from pillarbox.datatypes.declare import CHANGES, GET, SET, DataType, MethodCall, Record, Rules
from pillarbox.datatypes.mark import Computed, Immutable, Indexed, Internal, ServerSet
from pillarbox.datatypes.view import Transaction, View

# What an app password can be limited to, by the names that people see. Administration has to be named: an app password
# is often kept where many programs can read it. None can make app passwords, or it would outlive being taken back.
SCOPES: Mapping[str, tuple[str, ...]] = {
    "mail": (capability.MAIL, capability.BLOB, capability.QUOTA),
    "submission": (capability.SUBMISSION, capability.MDN),
    "vacation": (capability.VACATION,),
    "forwarding": (capability.FORWARDING,),
    "admin": (capability.ADMIN,),
}
_MAX_LABEL = 200


class AppPassword(Record, frozen=True):
    """One app password. `secret` is told once, on creation; an empty scope allows all but administration."""

    label: str
    scope: Immutable[list[str]] = msgspec.field(default_factory=list)
    expires_at: str | None = None
    created_at: ServerSet[str] = ""
    last_used_at: ServerSet[str | None] = None
    secret: Computed[str | None] = None
    secret_digest: Internal[Indexed[str]] = ""
    scram: Internal[str] = ""  # the keys of the secret, with the salt of the account's own password

    @property
    def capabilities(self) -> frozenset[str]:
        """The capabilities that it opens; an empty scope opens all but administration."""
        names = self.scope or [name for name in SCOPES if name != "admin"]
        return frozenset(uri for name in names for uri in SCOPES.get(name, ()))

    def is_valid(self, now_ms: int) -> bool:
        """Whether it has not expired."""
        at = from_date(self.expires_at) if self.expires_at else None
        return at is None or now_ms < at


class Made(NamedTuple):
    """The secrets of one call."""

    ready: list[tuple[str, str]]  # secrets and their keys, for records to come
    secrets: dict[str, str]  # those that records have, by id


class AppPasswordRules(Rules[AppPassword]):
    """Secrets are made here, and known to nobody but who asked."""

    # What ends together with an app password. Set by what is bound to it.
    revoked: Callable[[Transaction, str, str], None] = staticmethod(lambda _tx, _account, _credential: None)

    def prepare(self, view: View, call: MethodCall) -> Made:
        owner, secret = view.get(ACCOUNT, DIRECTORY, call.account), scram_secret(view)
        made = Made([], {})
        if owner is not None and secret is not None and call.arguments["create"]:
            view.take_time()
            for _ in range(min(len(call.arguments["create"]), view.limits.max_app_passwords)):
                token = new_token(call.account)
                made.ready.append((token, secret.keys(token, owner.name, owner.scram)))
        return made

    def complete(self, tx: Transaction, call: MethodCall, old: AppPassword | None, new: AppPassword) -> AppPassword:
        # A program must not be able to give itself, or another, more than its own app password allows.
        if call.caller.scope:
            raise Fault(Kind.FORBIDDEN, "app passwords are made and changed with the account's own password")
        _refuse_foreign(call)
        if old is not None:
            return new
        # What is tried again after a refusal gets another secret; its keys are made when it is first used.
        secret, keys = call.prepared.ready.pop() if call.prepared.ready else (new_token(call.account), "")
        call.prepared.secrets[new.id] = secret
        return msgspec.structs.replace(
            new, secret_digest=digest_token(secret), scram=keys, created_at=utc_date(tx.now_ms)
        )

    def check(self, tx: Transaction, account: str, old: AppPassword | None, new: AppPassword | None) -> None:
        if new is None:
            return
        if not 0 < len(new.label.strip()) <= _MAX_LABEL:
            raise invalid("label", f"a label has 1 to {_MAX_LABEL} characters")
        if unknown := [s for s in new.scope if s not in SCOPES]:
            raise invalid("scope", f"{unknown[0]!r} is no scope; scopes are {', '.join(SCOPES)}")
        if new.expires_at is not None and not is_utc_date(new.expires_at):
            raise invalid("expiresAt", "expiresAt is null or a UTCDate, such as 2030-01-31T00:00:00Z")
        limit = tx.limits.max_app_passwords
        if old is None and len(tx.ids(APP_PASSWORD, account, limit)) >= limit:
            raise Fault(Kind.OVER_QUOTA, f"an account has at most {limit} app passwords")

    def follow(self, tx: Transaction, account: str, old: AppPassword | None, new: AppPassword | None) -> None:
        if old is not None and new is None:
            self.revoked(tx, account, old.id)

    def may_destroy(self, tx: Transaction, call: MethodCall, old: AppPassword) -> None:
        _refuse_foreign(call)

    def screen(self, call: MethodCall, records: Mapping[str, dict[str, Any]]) -> Mapping[str, dict[str, Any]]:
        return records if _is_own(call) else {}

    def compute(
        self, view: View, call: MethodCall, records: Mapping[str, Any], names: Sequence[str]
    ) -> Mapping[str, Mapping[str, Any]]:
        secrets: Mapping[str, str] = call.prepared.secrets if call.prepared is not None else {}
        return {id: {"secret": secrets.get(id)} for id in records}


def _is_own(call: MethodCall) -> bool:
    return call.account == call.caller.account or call.caller.is_admin


def _refuse_foreign(call: MethodCall) -> None:
    """Who may open an account of somebody else's may not make a way in that stays."""
    if not _is_own(call):
        raise Fault(Kind.FORBIDDEN, "app passwords are made and taken back in one's own account")


RULES = AppPasswordRules()
APP_PASSWORD: DataType[AppPassword] = DataType(
    AppPassword,
    letter="k",
    capability=capability.APP_PASSWORD,
    methods=frozenset({GET, CHANGES, SET}),
    rules=RULES,
)
