"""Whom an address belongs to, who may send as it, and what somebody may open."""

import pytest

from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.admin.account import ACCOUNT
from pillarbox.datatypes.capability import MAIL
from pillarbox.services.directory import Recipient, Refusal, caller_for, find_recipient, may_send_as
from tests.directory_fixture import Office


def recipient(office: Office, address: str) -> Recipient:
    return office.store.read(lambda view: find_recipient(view, address))


def domain(office: Office) -> str:
    (id,) = office.call("Domain/query")["ids"]
    return str(id)


def test_an_address_is_found_whatever_its_case(office: Office) -> None:
    alice = office.account("alice@example.org")
    assert recipient(office, "ALICE@Example.Org") == Recipient(accounts=(alice,))


def test_a_sub_address_leads_to_its_account_and_keeps_its_detail(office: Office) -> None:
    alice = office.account("alice@example.org")
    assert recipient(office, "alice+Lists+x@example.org") == Recipient(accounts=(alice,), detail="Lists+x")
    assert recipient(office, "+lists@example.org").refusal is Refusal.UNKNOWN


def test_an_exact_address_wins_over_a_sub_address(office: Office) -> None:
    office.account("alice@example.org")
    exact = office.account("alice+work@example.org")
    assert recipient(office, "alice+work@example.org") == Recipient(accounts=(exact,))


def test_the_separator_is_the_domains(office: Office) -> None:
    alice = office.account("alice@example.org")
    office.update("Domain", domain(office), {"subaddressSeparator": "-"})
    assert recipient(office, "alice-x@example.org") == Recipient(accounts=(alice,), detail="x")
    assert recipient(office, "alice+x@example.org").refusal is Refusal.UNKNOWN
    office.update("Domain", domain(office), {"subaddressSeparator": None})
    assert recipient(office, "alice-x@example.org").refusal is Refusal.UNKNOWN


def test_an_alias_leads_to_its_enabled_targets(office: Office) -> None:
    alice, bob = office.account("alice@example.org"), office.account("bob@example.org")
    alias = office.create("Alias", address="both@example.org", targets=[alice, bob])["id"]
    assert recipient(office, "both@example.org").accounts == (alice, bob)
    office.update("Account", alice, {"isEnabled": False})
    assert recipient(office, "both@example.org").accounts == (bob,)
    office.update("Alias", alias, {"isEnabled": False})
    assert recipient(office, "both@example.org").refusal is Refusal.DISABLED


def test_catch_all_gets_what_nobody_has_but_not_what_is_disabled(office: Office) -> None:
    alice, bob = office.account("alice@example.org"), office.account("bob@example.org")
    office.update("Domain", domain(office), {"catchAll": alice})
    office.update("Account", bob, {"isEnabled": False})
    assert recipient(office, "anything@example.org") == Recipient(accounts=(alice,))
    assert recipient(office, "bob@example.org").refusal is Refusal.DISABLED


@pytest.mark.parametrize(
    ("address", "refusal"),
    [
        ("nobody@example.org", Refusal.UNKNOWN),
        ("alice@example.net", Refusal.NOT_OURS),
        ("alice", Refusal.NOT_OURS),
        ("@example.org", Refusal.NOT_OURS),
        ("alice@example.org@example.net", Refusal.NOT_OURS),
    ],
)
def test_what_takes_no_mail_says_why(office: Office, address: str, refusal: Refusal) -> None:
    office.account("alice@example.org")
    assert recipient(office, address) == Recipient(refusal=refusal)


def test_a_disabled_domain_takes_no_mail(office: Office) -> None:
    office.account("alice@example.org")
    office.update("Domain", domain(office), {"isEnabled": False})
    assert recipient(office, "alice@example.org").refusal is Refusal.DISABLED


def test_who_gets_the_mail_of_an_address_may_send_as_it(office: Office) -> None:
    alice, bob = office.account("alice@example.org"), office.account("bob@example.org")
    office.create("Alias", address="info@example.org", targets=[alice])

    def may(account: str, address: str) -> bool:
        return office.store.read(lambda view: may_send_as(view, account, address))

    assert [may(alice, a) for a in ("Alice@example.org", "alice+x@example.org", "info@example.org")] == [True] * 3
    assert not any(may(bob, a) for a in ("alice@example.org", "info@example.org", "x@example.org", "*@example.org"))
    office.update("Domain", domain(office), {"catchAll": bob})
    assert [may(bob, a) for a in ("x@example.org", "*@Example.org", "alice@example.org")] == [True, True, False]


def test_a_caller_has_their_own_account_and_those_they_are_a_delegate_of(office: Office) -> None:
    alice, bob = office.account("alice@example.org"), office.account("bob@example.org")
    team = office.account("team@example.org", kind="group", delegates={alice: "write", bob: "read"})
    off = office.account("off@example.org", kind="group", delegates={alice: "write"}, isEnabled=False)
    caller = office.caller(alice)
    assert list(caller.accounts) == [alice, team]
    assert off not in caller.accounts
    assert not caller.accounts[team].is_read_only
    assert not caller.accounts[team].is_personal
    assert office.caller(bob).accounts[team].is_read_only


def test_only_administrators_see_the_directory_and_only_with_that_scope(office: Office) -> None:
    root = office.account("root@example.org", isAdmin=True)
    assert DIRECTORY in office.caller(root).accounts
    assert DIRECTORY not in office.caller(office.account("alice@example.org")).accounts

    def limited(view: object) -> bool:
        account = view.get(ACCOUNT, DIRECTORY, root)  # type: ignore[attr-defined]
        return caller_for(view, account, frozenset({MAIL})).is_admin  # type: ignore[arg-type]

    assert office.store.read(limited) is False


def test_who_gets_mail_by_a_forward_may_not_send_as_its_address(office: Office) -> None:
    alice, bob = office.account("alice@example.org"), office.account("bob@example.org")
    office.update("Account", alice, {"forwardTo": ["bob@example.org"], "keepsCopy": False})
    office.create("Alias", address="info@example.org", targets=[alice], forwardTo=["bob@example.org"])

    def may(account: str, address: str) -> bool:
        return office.store.read(lambda view: may_send_as(view, account, address))

    assert (may(alice, "alice@example.org"), may(bob, "alice@example.org")) == (True, False)
    assert (may(alice, "info@example.org"), may(bob, "info@example.org")) == (True, False)


def test_owners_send_as_a_list_and_targets_as_what_their_pattern_matches(office: Office) -> None:
    alice, bob = office.account("alice@example.org"), office.account("bob@example.org")
    office.create("MailingList", address="team@example.org", owners=[alice], members=[bob])
    office.create("Alias", address="shop-*@example.org", targets=[bob])

    def may(account: str, address: str) -> bool:
        return office.store.read(lambda view: may_send_as(view, account, address))

    assert (may(alice, "team@example.org"), may(bob, "team@example.org")) == (True, False)
    assert (may(bob, "shop-1@example.org"), may(alice, "shop-1@example.org")) == (True, False)
    assert not may(alice, "team-owner@example.org")
    assert not may(bob, "*@example.org")
    office.create("Alias", address="*@example.org", targets=[bob])
    assert may(bob, "*@example.org")
