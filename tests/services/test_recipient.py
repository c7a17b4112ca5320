"""Where mail for an address goes: domain aliases, patterns, forwards, lists, and what leads nowhere."""

from typing import Any

import pytest

from pillarbox.core.faults import Fault, Kind
from pillarbox.services.recipient import Forward, Recipient, Refusal, find_recipient
from tests.directory_fixture import Office


def find(office: Office, address: str) -> Recipient:
    return office.store.read(lambda view: find_recipient(view, address))


def domain(office: Office, **patch: Any) -> str:
    (id,) = office.call("Domain/query", filter={"name": "example.org"})["ids"]
    if patch:
        office.update("Domain", id, patch)
    return str(id)


def remote(found: Recipient) -> list[str]:
    return [forward.address for forward in found.forwards]


def refused(office: Office, type: str, **given: Any) -> Fault:
    with pytest.raises(Fault) as caught:
        office.create(type, **given)
    return caught.value


def test_all_addresses_of_an_alias_domain_are_those_of_the_other(office: Office) -> None:
    alice = office.account("alice@example.org")
    other = office.create("Domain", name="example.net", aliasOf=domain(office, catchAll=alice))["id"]
    office.create("Alias", address="info@example.org", forwardTo=["x@far.test"])
    assert find(office, "Alice+News@EXAMPLE.net") == Recipient(accounts=(alice,), detail="News")
    assert remote(find(office, "info@example.net")) == ["x@far.test"]
    assert find(office, "anything@example.net").accounts == (alice,)
    office.update("Domain", other, {"isEnabled": False})
    assert find(office, "alice@example.net").refusal is Refusal.DISABLED


def test_an_alias_domain_has_no_addresses_and_leads_no_further(office: Office) -> None:
    main = domain(office)
    office.account("alice@example.org")
    alias = office.create("Domain", name="example.net", aliasOf=main)["id"]
    assert refused(office, "Account", name="bob@example.net", password="correct horse").facts["properties"] == ["name"]
    assert refused(office, "Domain", name="example.com", aliasOf=alias).facts["properties"] == ["aliasOf"]
    third = office.create("Domain", name="third.test")["id"]
    for id, wrong in ((main, third), (main, main), (third, alias)):
        with pytest.raises(Fault) as caught:
            office.update("Domain", id, {"aliasOf": wrong})
        assert caught.value.kind is Kind.INVALID_PROPERTIES
    with pytest.raises(Fault) as caught:
        office.destroy("Domain", main)
    assert caught.value.kind is Kind.HAS_CONTENT


def test_an_alias_leads_elsewhere_too_and_keeps_the_case_of_local_parts(office: Office) -> None:
    alice = office.account("alice@example.org")
    office.create("Alias", address="Sales@example.org", targets=[alice], forwardTo=["John.Doe@FAR.test", "b@far.test"])
    found = find(office, "sales@EXAMPLE.org")
    assert found.accounts == (alice,)
    assert found.forwards == (
        Forward("John.Doe@far.test", "sales@example.org", "directory"),
        Forward("b@far.test", "sales@example.org", "directory"),
    )


def test_the_same_place_is_reached_once_whatever_the_way_and_the_case(office: Office) -> None:
    alice = office.account("alice@example.org")
    office.create("Alias", address="one@example.org", targets=[alice], forwardTo=["x@far.test", "two@example.org"])
    office.create("Alias", address="two@example.org", targets=[alice], forwardTo=["X@FAR.test", "y@far.test"])
    found = find(office, "one@example.org")
    assert (found.accounts, remote(found)) == ((alice,), ["x@far.test", "y@far.test"])


def test_aliases_that_lead_to_each_other_end(office: Office) -> None:
    office.create("Alias", address="one@example.org", forwardTo=["two@example.org"])
    office.create("Alias", address="two@example.org", forwardTo=["one@example.org"])
    assert find(office, "one@example.org") == Recipient(refusal=Refusal.LOOP)
    alice = office.account("alice@example.org")
    office.create("Alias", address="three@example.org", targets=[alice], forwardTo=["one@example.org"])
    assert find(office, "three@example.org") == Recipient(accounts=(alice,))


def test_a_long_chain_ends(office: Office) -> None:
    alice = office.account("alice@example.org")
    for n in range(12):
        office.create("Alias", address=f"a{n}@example.org", forwardTo=[f"a{n + 1}@example.org"])
    office.create("Alias", address="a12@example.org", targets=[alice])
    assert find(office, "a5@example.org").accounts == (alice,)
    assert find(office, "a0@example.org") == Recipient(refusal=Refusal.LOOP)


def test_an_alias_expires_and_a_disabled_one_takes_no_mail(office: Office) -> None:
    alice = office.account("alice@example.org")
    alias = office.create("Alias", address="shop@example.org", targets=[alice], expiresAt="2023-11-14T22:13:21Z")["id"]
    assert find(office, "shop@example.org").accounts == (alice,)
    office.clock.forward(seconds=1)
    assert find(office, "shop@example.org").refusal is Refusal.DISABLED
    office.update("Alias", alias, {"expiresAt": None})
    assert find(office, "shop@example.org").accounts == (alice,)
    office.update("Alias", alias, {"isEnabled": False})
    assert find(office, "shop@example.org").refusal is Refusal.DISABLED
    assert refused(office, "Alias", address="x@example.org", targets=[alice], expiresAt="soon").facts == {
        "properties": ["expiresAt"]
    }


def test_the_pattern_with_most_of_its_own_matches_after_addresses_and_before_the_catch_all(office: Office) -> None:
    alice, bob, carol, dave = (office.account(f"{n}@example.org") for n in ("alice", "bob", "carol", "dave"))
    domain(office, catchAll=dave)
    office.create("Alias", address="*-list@example.org", targets=[alice])
    office.create("Alias", address="Shop-*@example.org", targets=[bob])
    assert find(office, "shop-x@example.org").accounts == (bob,)
    assert find(office, "a-list@example.org").accounts == (alice,)
    assert find(office, "shop-list@example.org").accounts in {(alice,), (bob,)}
    assert find(office, "-lis@example.org").accounts == (dave,)
    office.create("Alias", address="*@example.org", targets=[carol])
    assert find(office, "anything@example.org").accounts == (carol,)
    assert find(office, "alice@example.org").accounts == (alice,)
    assert find(office, "alice+x@example.org").accounts == (alice,)
    assert refused(office, "Alias", address="a*b*@example.org", targets=[alice]).facts["properties"] == ["address"]


def test_a_subdomain_may_be_an_accounts(office: Office) -> None:
    alice = office.account("alice@example.org")
    assert find(office, "Shop@alice.example.org").refusal is Refusal.NOT_OURS
    domain(office, takesSubdomains=True)
    assert find(office, "Shop@alice.example.org") == Recipient(accounts=(alice,), detail="Shop")
    assert find(office, "shop@nobody.example.org").refusal is Refusal.UNKNOWN
    assert find(office, "shop@x.alice.example.org").refusal is Refusal.NOT_OURS


def test_a_forward_keeps_a_copy_when_it_is_to_and_when_it_leads_nowhere(office: Office) -> None:
    alice, bob = office.account("alice@example.org"), office.account("bob@example.org")
    office.update("Account", alice, {"forwardTo": ["x@far.test", "Bob@example.org"]})
    found = find(office, "alice@example.org")
    assert (set(found.accounts), found.forwards) == ({alice, bob}, (Forward("x@far.test", "alice@example.org", alice),))
    office.update("Account", alice, {"keepsCopy": False})
    assert find(office, "alice@example.org").accounts == (bob,)
    office.update("Account", alice, {"forwardTo": ["nobody@example.org"]})
    assert find(office, "alice@example.org").accounts == (alice,)
    office.update("Account", alice, {"forwardTo": ["alice@example.org"]})
    assert find(office, "alice@example.org").accounts == (alice,)


def test_two_who_forward_to_each_other_lose_nothing(office: Office) -> None:
    alice, bob = office.account("alice@example.org"), office.account("bob@example.org")
    office.update("Account", alice, {"forwardTo": ["bob@example.org"], "keepsCopy": False})
    office.update("Account", bob, {"forwardTo": ["alice@example.org"], "keepsCopy": False})
    assert find(office, "alice@example.org").accounts == (bob,)
    assert find(office, "bob@example.org").accounts == (alice,)


def test_a_list_leads_to_its_members_and_its_roles_to_the_owners(office: Office) -> None:
    alice, bob = office.account("alice@example.org"), office.account("bob@example.org")
    office.create(
        "MailingList",
        address="Team@example.org",
        members=[alice, bob],
        memberAddresses=["Carl@far.test", "carl@far.test"],
        owners=[bob],
    )
    (posting,) = find(office, "team@example.org").postings
    assert (posting.accounts, [f.address for f in posting.forwards]) == ((alice, bob), ["Carl@far.test"])
    for role in ("owner", "bounces"):
        assert find(office, f"team-{role}@example.org") == Recipient(accounts=(bob,))
    assert find(office, "nolist-owner@example.org").refusal is Refusal.UNKNOWN


def test_lists_that_are_members_of_each_other_end(office: Office) -> None:
    alice = office.account("alice@example.org")
    for one, other in (("a", "b"), ("b", "a")):
        office.create(
            "MailingList",
            address=f"{one}@example.org",
            members=[alice] if one == "b" else [],
            memberAddresses=[f"{other}@example.org"],
            owners=[alice],
        )
    (posting,) = find(office, "a@example.org").postings
    (inside,) = posting.postings
    assert (posting.accounts, inside.accounts, inside.postings) == ((), (alice,), ())


def test_a_list_needs_an_owner_and_an_address_of_its_own(office: Office) -> None:
    alice = office.account("alice@example.org")
    assert refused(office, "MailingList", address="a@example.org").facts["properties"] == ["owners"]
    assert refused(office, "MailingList", address="alice@example.org", owners=[alice]).kind is Kind.ALREADY_EXISTS
    office.create("MailingList", address="a@example.org", owners=[alice])
    assert refused(office, "Alias", address="a@example.org", targets=[alice]).kind is Kind.ALREADY_EXISTS
    wrong = refused(office, "MailingList", address="b@example.org", owners=[alice], name="x\r\nBcc: y")
    assert wrong.facts["properties"] == ["name"]


def test_who_is_gone_is_in_no_list_and_no_alias(office: Office) -> None:
    office.account("root@example.org", isAdmin=True)
    alice, bob = office.account("alice@example.org"), office.account("bob@example.org")
    one = office.create("MailingList", address="a@example.org", owners=[alice, bob], members=[alice])["id"]
    alias = office.create("Alias", address="b@example.org", targets=[alice], forwardTo=["x@far.test"])["id"]
    office.destroy("Account", alice)
    assert (office.get("MailingList", one)["owners"], office.get("MailingList", one)["members"]) == ([bob], [])
    assert office.get("Alias", alias)["targets"] == []


@pytest.mark.parametrize("bad", ["nobody", "a@b@", "a b@far.test", "x@far.test>\r\nRCPT TO:<y@far.test"])
def test_what_is_no_address_is_not_forwarded_to(office: Office, bad: str) -> None:
    assert refused(office, "Alias", address="x@example.org", forwardTo=[bad]).facts["properties"] == ["forwardTo"]


def test_an_account_forwards_to_so_many_addresses_at_most(office: Office) -> None:
    alice = office.account("alice@example.org")
    with pytest.raises(Fault) as caught:
        office.update("Account", alice, {"forwardTo": [f"a{n}@far.test" for n in range(21)]})
    assert caught.value.facts["properties"] == ["forwardTo"]
