"""App passwords: the secret is told once, scopes and limits hold, and nobody makes one for somebody else."""

from typing import Any

import msgspec
import pytest

from pillarbox.core.account import DIRECTORY, Caller
from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes import capability
from pillarbox.datatypes.app_password import AppPassword
from tests.directory_fixture import Office, office

__all__ = ["office"]


def owner(office: Office, name: str = "alice@example.org") -> Caller:
    return office.caller(office.account(name))


def test_the_secret_is_told_once_and_kept_as_a_digest(office: Office) -> None:
    alice = owner(office)
    made = office.create("AppPassword", alice, alice.account, label="phone")
    assert made["secret"].startswith(f"pbx_{alice.account}_")
    (shown,) = office.records("AppPassword", caller=alice, account=alice.account)
    assert shown["secret"] is None
    assert "secretDigest" not in shown
    on_disk = b"".join(file.read_bytes() for file in office.store.folder.glob("*sqlite3*"))
    assert made["id"].encode() in on_disk
    assert made["secret"].encode() not in on_disk


def test_an_empty_scope_opens_all_but_administration_and_app_passwords() -> None:
    opened = AppPassword(label="x").capabilities
    assert capability.MAIL in opened
    assert not {capability.ADMIN, capability.APP_PASSWORD} & opened
    assert AppPassword(label="x", scope=["admin"]).capabilities == {capability.ADMIN}


@pytest.mark.parametrize(
    ("given", "property"),
    [
        ({"label": " "}, "label"),
        ({"label": "x", "scope": ["everything"]}, "scope"),
        ({"label": "x", "expiresAt": "tomorrow"}, "expiresAt"),
        ({"label": "x", "secret": "mine"}, "secret"),
        ({"label": "x", "lastUsedAt": "2020-01-01T00:00:00Z"}, "lastUsedAt"),
        ({"label": "x", "secretDigest": "00"}, "secretDigest"),
    ],
)
def test_a_wrong_value_is_named(office: Office, given: dict[str, Any], property: str) -> None:
    alice = owner(office)
    with pytest.raises(Fault) as refused:
        office.create("AppPassword", alice, alice.account, **given)
    assert refused.value.facts["properties"] == [property]


def test_an_app_password_cannot_make_another(office: Office) -> None:
    alice = owner(office)
    scoped = msgspec.structs.replace(alice, scope=AppPassword(label="x").capabilities)
    with pytest.raises(Fault) as refused:
        office.create("AppPassword", scoped, alice.account, label="second")
    assert refused.value.kind is Kind.FORBIDDEN


def test_a_delegate_neither_sees_nor_makes_app_passwords(office: Office) -> None:
    alice, bob = owner(office), office.account("bob@example.org")
    office.create("AppPassword", alice, alice.account, label="phone")
    office.update("Account", alice.account, {"delegates": {bob: "write"}})
    assert alice.account in office.caller(bob).accounts
    assert office.records("AppPassword", caller=office.caller(bob), account=alice.account) == []
    with pytest.raises(Fault) as refused:
        office.create("AppPassword", office.caller(bob), alice.account, label="back door")
    assert refused.value.kind is Kind.FORBIDDEN


def test_the_number_of_app_passwords_is_limited(office: Office) -> None:
    alice = owner(office)
    limit = office.store.limits.max_app_passwords
    create = {str(n): {"label": f"program {n}"} for n in range(limit + 1)}
    answer = office.call("AppPassword/set", alice, accountId=alice.account, create=create)
    assert len(answer["created"]) == limit
    (fault,) = answer["notCreated"].values()
    assert fault.kind is Kind.OVER_QUOTA


def test_app_passwords_are_in_no_directory(office: Office) -> None:
    with pytest.raises(Fault) as refused:
        office.create("AppPassword", account=DIRECTORY, label="x")
    assert refused.value.kind is Kind.ACCOUNT_NOT_SUPPORTED
