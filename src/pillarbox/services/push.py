"""What push subscriptions are owed: whether they still stand, what they may be told, and the end of those that do not.

RFC 8620 §7.2. The keys that sign are in services.push_key.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pillarbox.core.account import DIRECTORY, Caller
from pillarbox.datatypes.admin.account import ACCOUNT
from pillarbox.datatypes.admin.password import credential_of
from pillarbox.datatypes.admin.web_push_key import WebPushKey, all_keys, key_of
from pillarbox.datatypes.app_password import APP_PASSWORD
from pillarbox.datatypes.push_subscription import PUSH_SUBSCRIPTION, PushSubscription
from pillarbox.datatypes.view import Transaction, View
from pillarbox.formats.webpush.encrypt import MAX_PLAIN
from pillarbox.services.directory import caller_for, may_log_in
from pillarbox.services.push_state import Numbers, PushedTypes, state_change


class Standing(msgspec.Struct, frozen=True):
    """One subscription as it stands."""

    subscription: PushSubscription
    accounts: frozenset[str]  # whose changes it is told of; none before it is verified
    missed: dict[str, int]  # what changed in the owner's account since subscriptions last changed, by type


class Owed(msgspec.Struct, frozen=True):
    """What one subscription is to be sent now, and what did not fit."""

    subscription: PushSubscription
    key: WebPushKey | None  # by which the request has to be signed
    payload: bytes
    is_urgent: bool = False
    rest: dict[str, dict[str, int]] = {}


def owners(view: View) -> list[str]:
    """The accounts that have push subscriptions."""
    return [a.id for a in view.all(ACCOUNT, DIRECTORY) if view.ids(PUSH_SUBSCRIPTION, a.id, 1)]


def standing(view: View, owner: str, pushed: PushedTypes) -> tuple[list[Standing], list[str]]:
    """The subscriptions of an account that stand, and the ids of those that have to go."""
    found, gone = [], []
    callers: dict[str, Caller | None] = {}
    for one in view.all(PUSH_SUBSCRIPTION, owner):
        if one.credential not in callers:
            callers[one.credential] = caller_by(view, owner, one.credential)
        caller = callers[one.credential]
        if caller is None or not one.is_live(view.now_ms):
            gone.append(one.id)
        else:
            accounts = frozenset(caller.accounts) if one.is_verified else frozenset[str]()
            found.append(Standing(one, accounts, _since_subscribing(view, caller, pushed)))
    return found, gone


def _since_subscribing(view: View, caller: Caller, pushed: PushedTypes) -> dict[str, int]:
    """What changed right after a subscription was verified, and before it was listened for."""
    since = view.state(PUSH_SUBSCRIPTION, caller.account)
    states = pushed.present(view, caller)[caller.account]
    return {name: number for name, number in states.items() if number > since}


def caller_by(view: View, owner: str, credential: str) -> Caller | None:
    """The owner as a caller with the rights that these credentials have now; None when they hold no longer."""
    account = view.get(ACCOUNT, DIRECTORY, owner)
    if account is None or not may_log_in(view, account):
        return None
    if credential == credential_of(account.password_hash):
        return caller_for(view, account)
    password = view.get(APP_PASSWORD, owner, credential)
    if password is None or not password.is_valid(view.now_ms):
        return None
    return caller_for(view, account, password.capabilities)


def owed(view: View, owner: str, id: str, numbers: Numbers, pushed: PushedTypes) -> Owed | None:
    """What a subscription has to be told of these changes, by the rights of this moment; None: nothing."""
    one = view.get(PUSH_SUBSCRIPTION, owner, id)
    caller = caller_by(view, owner, one.credential) if one is not None else None
    if one is None or caller is None or not one.is_live(view.now_ms):
        return None
    if not one.is_verified:
        # RFC 8620 §7.2: "The JMAP server MUST NOT make any further requests to the URL until the client receives the
        # push and updates the subscription with the correct verification code."
        return None if one.was_greeted else Owed(one, _key(view, one), _verification(one), is_urgent=True)
    types = pushed.wanted("*" if one.types is None else ",".join(one.types), caller)
    told, rest = _fitting(numbers, types, [a for a in caller.accounts if a in numbers])
    payload = state_change(numbers, types, told)
    if payload is None:
        return None
    is_urgent = any("EmailDelivery" in numbers[account] for account in told) and "EmailDelivery" in types
    return Owed(one, _key(view, one), payload, is_urgent, {account: dict(numbers[account]) for account in rest})


def _key(view: View, one: PushSubscription) -> WebPushKey | None:
    return key_of(all_keys(view), one.signing_key)


def _fitting(numbers: Numbers, types: frozenset[str], accounts: list[str]) -> tuple[list[str], list[str]]:
    """The accounts whose changes fit into one message, and the others."""
    told: list[str] = []
    for at, account in enumerate(accounts):
        payload = state_change(numbers, types, [*told, account])
        if payload is not None and len(payload) > MAX_PLAIN and told:
            return told, accounts[at:]
        told.append(account)
    return told, []


def _verification(one: PushSubscription) -> bytes:
    """A PushVerification object (RFC 8620 §7.2.2)."""
    return msgspec.json.encode(
        {"@type": "PushVerification", "pushSubscriptionId": one.id, "verificationCode": one.secret_code}
    )


def note_greeting(tx: Transaction, owner: str, id: str) -> None:
    """Remember that the code was sent."""
    one = tx.get(PUSH_SUBSCRIPTION, owner, id)
    if one is not None and not one.was_greeted:
        tx.write(PUSH_SUBSCRIPTION, owner, one, msgspec.structs.replace(one, was_greeted=True))


def destroy(tx: Transaction, owner: str, ids: Iterable[str]) -> None:
    """End subscriptions. Their URLs and keys go with the record's body."""
    for id in ids:
        if (one := tx.get(PUSH_SUBSCRIPTION, owner, id)) is not None:
            tx.write(PUSH_SUBSCRIPTION, owner, one, None)
