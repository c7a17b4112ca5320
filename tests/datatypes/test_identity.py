"""Identities: addresses that an account may send as."""

from typing import Any

import pytest

from pillarbox.core.faults import Kind
from pillarbox.core.limits import Limits
from pillarbox.datatypes.identity import Identity
from tests.datatypes.account_data import call
from tests.directory_fixture import Office, office

__all__ = ["office"]


@pytest.fixture
def alice(office: Office) -> str:
    return office.account("alice@example.org", description="Alice Ex")


def create(office: Office, account: str, **given: Any) -> Any:
    answer = call(office, account, "Identity/set", create={"i": given})
    return answer["notCreated"]["i"] if answer["notCreated"] else answer["created"]["i"]


def test_an_account_has_an_identity_that_cannot_be_deleted(office: Office, alice: str) -> None:
    (own,) = call(office, alice, "Identity/get", ids=None)["list"]
    assert (own["email"], own["name"], own["mayDelete"]) == ("alice@example.org", "Alice Ex", False)
    answer = call(office, alice, "Identity/set", destroy=[own["id"]])
    assert answer["notDestroyed"][own["id"]].kind is Kind.FORBIDDEN


def test_an_identity_of_a_sub_address_can_be_made_changed_and_deleted(office: Office, alice: str) -> None:
    made = create(office, alice, email="alice+shop@example.org", replyTo=[{"email": "x@example.org"}])
    assert made["mayDelete"] is True
    assert made["replyTo"] == [{"name": None, "email": "x@example.org"}]
    answer = call(office, alice, "Identity/set", update={made["id"]: {"name": "Shop", "bcc": None}})
    assert answer["updated"] == {made["id"]: None}
    answer = call(office, alice, "Identity/set", update={made["id"]: {"email": "alice@example.org"}})
    assert answer["notUpdated"][made["id"]].facts["properties"] == ["email"]
    assert call(office, alice, "Identity/set", destroy=[made["id"]])["destroyed"] == [made["id"]]


def test_an_address_of_somebody_else_is_refused(office: Office, alice: str) -> None:
    office.account("bob@example.org")
    for email in ("bob@example.org", "alice@elsewhere.test", "*@example.org"):
        assert create(office, alice, email=email).kind is Kind.FORBIDDEN_FROM


def test_a_whole_domain_can_be_sent_as_by_who_gets_all_its_mail(office: Office, alice: str) -> None:
    (domain,) = office.records("Domain")
    office.update("Domain", domain["id"], {"catchAll": alice})
    assert create(office, alice, email="*@example.org")["mayDelete"] is True


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({}, ["email"]),
        ({"email": "no address"}, ["email"]),
        ({"email": "a@b\r\nBcc: x@y"}, ["email"]),
        ({"email": "alice@example.org", "mayDelete": False}, ["mayDelete"]),
        ({"email": "alice@example.org", "name": "n" * 2000, "textSignature": "s" * 300_000}, ["name", "textSignature"]),
        ({"email": "alice@example.org", "replyTo": "x"}, ["replyTo"]),
    ],
)
def test_wrong_properties_are_named(office: Office, alice: str, given: dict[str, Any], names: list[str]) -> None:
    fault = create(office, alice, **given)
    assert (fault.kind, fault.facts["properties"]) == (Kind.INVALID_PROPERTIES, names)


def test_the_number_of_identities_is_bounded(office: Office, alice: str) -> None:
    office.store.limits = Limits(max_identities=2)
    assert create(office, alice, email="alice@example.org")["id"]
    assert create(office, alice, email="alice@example.org").kind is Kind.OVER_QUOTA


@pytest.mark.parametrize(
    ("email", "address", "covers"),
    [
        ("a@example.org", "A@EXAMPLE.org", True),
        ("a@example.org", "b@example.org", False),
        ("*@example.org", "b@example.org", True),
        ("*@example.org", "b@sub.example.org", False),
        ("*@example.org", "no address", False),
    ],
)
def test_an_identity_covers_its_address_or_its_domain(email: str, address: str, covers: bool) -> None:
    assert Identity(id="i", email=email).covers(address) is covers
