"""PushSubscription: an address of a push service that is told when something changes (RFC 8620 §7.2).

It belongs to a user and to the very credentials that made it, and is kept in the user's own account.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from pillarbox.core.clock import from_date, is_utc_date, utc_date
from pillarbox.core.faults import Fault, Kind, invalid
from pillarbox.datatypes import app_password, capability
from pillarbox.datatypes.admin.web_push_key import present_key
from pillarbox.datatypes.app_password import APP_PASSWORD
from pillarbox.datatypes.declare import GET, SET, DataType, MethodCall, Record, Rules
from pillarbox.datatypes.mark import Immutable, Indexed, Internal, WriteOnly
from pillarbox.datatypes.view import Transaction, View
from pillarbox.formats.webpush.encrypt import ClientKeyError, parse_auth, parse_public_key

LEAST_SECONDS = 48 * 3_600  # RFC 8620 §7.2: the maximum "MUST be at least 48 hours in the future"
_MAX_TEXT = 255
_MAX_URL = 2_048
_MAX_TYPES = 100
_CODE_OCTETS = 24
_STALE_MS = 600_000  # a code that nobody sent back for so long makes room for a new subscription


class PushKeys(msgspec.Struct, frozen=True):
    """A client's keys, as browsers give them (RFC 8291 §3)."""

    p256dh: str
    auth: str


class PushSubscription(Record, frozen=True):
    """One subscription. `verificationCode` is null until the client has sent the right one."""

    device_client_id: Immutable[str]
    url: Immutable[WriteOnly[str]]
    keys: Immutable[WriteOnly[PushKeys | None]] = None
    verification_code: str | None = None
    expires: str | None = None
    types: list[str] | None = None
    credential: Internal[Indexed[str]] = ""
    signing_key: Internal[str] = ""  # id of the WebPushKey that the session told when this was made
    secret_code: Internal[str] = ""
    created_ms: Internal[int] = 0
    was_greeted: Internal[bool] = False  # the code was sent, or the push service cannot be spoken to

    @property
    def is_verified(self) -> bool:
        """Whether it may be pushed to."""
        return self.verification_code is not None

    def is_live(self, now_ms: int) -> bool:
        """Whether it has not expired."""
        at = from_date(self.expires) if self.expires is not None else None
        return at is None or now_ms < at


def _https_only(url: str) -> str | None:
    return None if url.startswith("https://") else "the URL has to begin with https://"


class PushSubscriptionRules(Rules[PushSubscription]):
    """A subscription is made unverified, and seen by none but the credentials that made it."""

    # What is wrong with a URL, as far as its text shows; the client that will send to it knows better than this floor.
    complaint: Callable[[str], str | None] = staticmethod(_https_only)

    def complete(
        self, tx: Transaction, call: MethodCall, old: PushSubscription | None, new: PushSubscription
    ) -> PushSubscription:
        credential = call.caller.credential
        if old is None:
            _make_room(tx, call.account)
            key = present_key(tx)
            new = msgspec.structs.replace(
                new,
                credential=credential,
                signing_key=key.id if key is not None else "",
                secret_code=secrets.token_urlsafe(_CODE_OCTETS),
                created_ms=tx.now_ms,
            )
        elif old.credential != credential:
            raise _not_found()
        if old is None or new.expires != old.expires:
            new = msgspec.structs.replace(new, expires=_bounded(tx, call.account, credential, new.expires))
        return new

    def check(self, tx: Transaction, account: str, old: PushSubscription | None, new: PushSubscription | None) -> None:
        if new is None:
            return
        if old is None:
            self._check_new(tx, account, new)
        elif new.verification_code != old.verification_code:
            # RFC 8620 §7.2.2: "Attempts to update the subscription with an invalid verification code MUST be rejected"
            given = new.verification_code or ""
            if not hmac.compare_digest(given.encode("utf-8", "replace"), new.secret_code.encode()):
                raise invalid("verificationCode", "this is not the code that was pushed")
        if new.types is not None and (len(new.types) > _MAX_TYPES or any(len(t) > _MAX_TEXT for t in new.types)):
            raise invalid("types", f"at most {_MAX_TYPES} types of at most {_MAX_TEXT} characters")

    def _check_new(self, tx: Transaction, account: str, new: PushSubscription) -> None:
        if not 0 < len(new.device_client_id) <= _MAX_TEXT:
            raise invalid("deviceClientId", f"deviceClientId has 1 to {_MAX_TEXT} characters")
        if len(new.url) > _MAX_URL:
            raise invalid("url", f"a URL has at most {_MAX_URL} characters")
        if (wrong := self.complaint(new.url)) is not None:
            raise invalid("url", wrong)
        if new.verification_code is not None:
            # RFC 8620 §7.2: "This MUST be null (or omitted) when the subscription is created."
            raise invalid("verificationCode", "the code is sent to the URL, and set afterwards")
        if new.keys is not None:
            _check_keys(new.keys)
        limit = tx.limits.max_push_subscriptions
        if len(tx.ids(PUSH_SUBSCRIPTION, account, limit)) >= limit:
            raise Fault(Kind.OVER_QUOTA, f"an account has at most {limit} push subscriptions")

    def may_destroy(self, tx: Transaction, call: MethodCall, old: PushSubscription) -> None:
        if old.credential != call.caller.credential:
            raise _not_found()

    def accept(self, view: View, call: MethodCall) -> None:
        # RFC 8620 §7.2.1: "The server MUST only return push subscriptions that were created using the same
        # authentication credentials as for this PushSubscription/get request."
        found = view.find(PUSH_SUBSCRIPTION, call.account, "credential", [call.caller.credential])
        call.prepared = {id for _, id in found}

    def screen(self, call: MethodCall, records: Mapping[str, dict[str, Any]]) -> Mapping[str, dict[str, Any]]:
        return {id: record for id, record in records.items() if id in call.prepared}


def _check_keys(keys: PushKeys) -> None:
    try:
        parse_public_key(keys.p256dh)
        parse_auth(keys.auth)
    except ClientKeyError as error:
        raise invalid("keys", str(error)) from None


def _bounded(view: View, account: str, credential: str, wanted: str | None) -> str | None:
    """When a subscription ends that its client wants to end then; null asks for as long as may be."""
    at = None
    if wanted is not None:
        at = from_date(wanted) if is_utc_date(wanted) else None
        if at is None:
            raise invalid("expires", "expires is null or a UTCDate, such as 2030-01-31T00:00:00Z")
        if at <= view.now_ms:
            raise invalid("expires", "expires lies in the past")
    password = view.get(APP_PASSWORD, account, credential)
    if password is not None and password.expires_at is not None:
        # RFC 8620 §7.2: when credentials have an expiry of their own, "the server SHOULD NOT set or bound the expiry
        # time for the push subscription given by the client"; it ends with them in any case.
        return wanted
    most = view.now_ms + 1_000 * max(view.limits.push_subscription_seconds, LEAST_SECONDS)
    return utc_date(most if at is None else min(at, most))


def _make_room(tx: Transaction, account: str) -> None:
    """At the limit, subscriptions go that were never verified: a client that lost its state must get a new one."""
    held = tx.all(PUSH_SUBSCRIPTION, account)
    if len(held) < tx.limits.max_push_subscriptions:
        return
    for one in held:
        stale = not one.is_verified and tx.now_ms - one.created_ms > _STALE_MS
        if stale or not one.is_live(tx.now_ms):
            tx.write(PUSH_SUBSCRIPTION, account, one, None)


def _not_found() -> Fault:
    return Fault(Kind.NOT_FOUND, "there is no PushSubscription with this id")


RULES = PushSubscriptionRules()
PUSH_SUBSCRIPTION: DataType[PushSubscription] = DataType(
    PushSubscription,
    letter="p",
    capability=capability.CORE,
    methods=frozenset({GET, SET}),
    rules=RULES,
    push=False,
    per_user=True,
)


def destroy_bound(tx: Transaction, account: str, credential: str | None = None) -> None:
    """Destroy the subscriptions that a credential has made, or all of the account.

    RFC 8620 §7.2: "Should these credentials expire or be revoked, the push subscription MUST be destroyed".
    """
    for one in tx.all(PUSH_SUBSCRIPTION, account):
        if credential is None or one.credential == credential:
            tx.write(PUSH_SUBSCRIPTION, account, one, None)


app_password.RULES.revoked = destroy_bound
