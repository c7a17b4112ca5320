"""Credentials: how they are read out of an Authorization header, and whose they are.

RFC 7617 (Basic), RFC 6750 §2.1 (Bearer).
"""

from __future__ import annotations

import base64
import binascii

import msgspec

from pillarbox.core.account import DIRECTORY, Caller
from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.admin.account import ACCOUNT, Account, account_named
from pillarbox.datatypes.admin.name import login_name
from pillarbox.datatypes.admin.password import credential_of, digest_token, is_password, parse_token
from pillarbox.datatypes.app_password import APP_PASSWORD, AppPassword
from pillarbox.datatypes.view import View
from pillarbox.services.directory import caller_for, may_log_in

_MAX_HEADER = 4_096


class Login(msgspec.Struct, frozen=True):
    """Somebody who proved who they are, and by what."""

    caller: Caller
    password_hash: str  # of the account, at that time
    app_password: str | None = None


def parse_authorization(authorization: str) -> tuple[str | None, str]:
    """(name, password) of a Basic header, (None, token) of a Bearer one. Raises forbidden for anything else."""
    scheme, _, rest = authorization.strip().partition(" ")
    if len(authorization) > _MAX_HEADER:
        raise wrong()
    if scheme.lower() == "bearer":
        return None, rest.strip()
    if scheme.lower() != "basic":
        raise Fault(Kind.FORBIDDEN, "log in with Basic or Bearer")
    try:
        name, colon, password = base64.b64decode(rest.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        raise wrong() from None
    if not colon:
        raise wrong()
    return name, password


def login_by(view: View, name: str | None, password: str) -> Login | None:
    """Who shows this name and password, or this token without a name; None when they are wrong. May take a hash."""
    if (token_account := parse_token(password)) is not None:
        account = view.get(ACCOUNT, DIRECTORY, token_account)
        found = view.find(APP_PASSWORD, token_account, "secretDigest", [digest_token(password)])
        is_theirs = account is not None and (name is None or login_name(name) == account.name)
        if account is None or not found or not is_theirs or not may_log_in(view, account):
            return None
        return login_as(view, account, found[0][1])
    account = account_named(view, login_name(name)) if name is not None else None
    usable = account is not None and may_log_in(view, account)
    # The hash is computed in every case: an unknown name costs what a wrong password costs.
    right = is_password(password, account.password_hash if account is not None and usable else None)
    return login_as(view, account, None) if right and account is not None else None


def login_as(view: View, account: Account, app_password: str | None) -> Login | None:
    """The login of an account by its own password or an app password; None when that has expired or is gone."""
    app: AppPassword | None = None
    if app_password is not None:
        app = view.get(APP_PASSWORD, account.id, app_password)
        if app is None or not app.is_valid(view.now_ms):
            return None
    scope = app.capabilities if app is not None else frozenset()
    caller = caller_for(view, account, scope)
    caller = msgspec.structs.replace(caller, credential=app_password or credential_of(account.password_hash))
    return Login(caller, account.password_hash, app_password)


def wrong() -> Fault:
    """What is said of all wrong credentials alike."""
    return Fault(Kind.FORBIDDEN, "the name or the password is wrong")
