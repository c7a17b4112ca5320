"""Domains and aliases: spelling, uniqueness, and what holds them."""

from typing import Any

import pytest

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.admin.name import address_name, domain_name
from tests.directory_fixture import Office


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("EXAMPLE.com.", "example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("straße.example", "xn--strae-oqa.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
    ],
)
def test_a_domain_has_one_spelling(given: str, kept: str) -> None:
    assert domain_name(given) == kept


@pytest.mark.parametrize(
    "given", ["", ".", "a b.example", "-a.example", "a..b", "x" * 64 + ".example", "[127.0.0.1]", "\ud800.x"]
)
def test_what_is_no_domain_is_none(given: str) -> None:
    assert domain_name(given) is None


def test_an_address_has_one_spelling_whatever_its_case_and_normal_form() -> None:
    assert address_name("Ame\u0301lie@BÜCHER.example") == ("am\u00e9lie", "xn--bcher-kva.example")
    assert address_name('"quoted"@example.org') is None


def test_a_domain_is_kept_once(office: Office) -> None:
    with pytest.raises(Fault) as refused:
        office.create("Domain", name="example.org.")
    assert refused.value.kind is Kind.ALREADY_EXISTS


@pytest.mark.parametrize(
    ("given", "property"),
    [
        ({"name": "no domain"}, "name"),
        ({"name": "a.example", "subaddressSeparator": "@"}, "subaddressSeparator"),
        ({"name": "a.example", "catchAll": "nobody"}, "catchAll"),
        ({"name": "a.example", "description": "x" * 1001}, "description"),
    ],
)
def test_a_wrong_value_is_named(office: Office, given: dict[str, Any], property: str) -> None:
    with pytest.raises(Fault) as refused:
        office.create("Domain", **given)
    assert refused.value.facts["properties"] == [property]


def test_a_domain_with_addresses_cannot_be_destroyed(office: Office) -> None:
    (domain,) = office.call("Domain/query")["ids"]
    account = office.account("alice@example.org")
    with pytest.raises(Fault) as refused:
        office.destroy("Domain", domain)
    assert refused.value.kind is Kind.HAS_CONTENT
    office.destroy("Account", account)
    office.destroy("Domain", domain)
    assert office.call("Domain/query")["ids"] == []


def test_a_domain_keeps_its_name(office: Office) -> None:
    (domain,) = office.call("Domain/query")["ids"]
    with pytest.raises(Fault) as refused:
        office.update("Domain", domain, {"name": "example.net"})
    assert refused.value.facts["properties"] == ["name"]


@pytest.mark.parametrize("targets", [[], ["nobody"], "alice"])
def test_an_alias_leads_to_accounts(office: Office, targets: object) -> None:
    with pytest.raises(Fault) as refused:
        office.create("Alias", address="info@example.org", targets=targets)
    assert refused.value.facts["properties"] == ["targets"]


def test_an_alias_may_not_take_the_name_of_an_account(office: Office) -> None:
    account = office.account("alice@example.org")
    with pytest.raises(Fault) as refused:
        office.create("Alias", address="Alice@example.org", targets=[account])
    assert refused.value.facts["existing_id"] == account


def test_targets_are_kept_once_and_in_order(office: Office) -> None:
    one, two = office.account("one@example.org"), office.account("two@example.org")
    made = office.create("Alias", address="all@example.org", targets=[two, one, two])
    assert office.get("Alias", made["id"])["targets"] == [two, one]


def test_the_purge_of_a_removed_account_can_be_moved_but_not_made_up(office: Office) -> None:
    office.destroy("Account", office.account("alice@example.org"))
    (removal,) = office.call("AccountRemoval/query")["ids"]
    office.update("AccountRemoval", removal, {"purgeAt": "2020-01-01T00:00:00Z"})
    with pytest.raises(Fault) as refused:
        office.update("AccountRemoval", removal, {"purgeAt": "soon"})
    assert refused.value.facts["properties"] == ["purgeAt"]
    for act in ({"create": {"new": {"purgeAt": "2020-01-01T00:00:00Z"}}}, {"destroy": [removal]}):
        answer = office.call("AccountRemoval/set", **act)
        (fault,) = (answer["notCreated"] or answer["notDestroyed"]).values()
        assert fault.kind is Kind.FORBIDDEN
