"""Logging in: what is right, what is wrong, what is remembered, and that revoking holds at once."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from pillarbox.core.account import DIRECTORY, Caller
from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.admin import password as password_module
from pillarbox.datatypes.capability import MAIL
from pillarbox.services.authentication import Authentication
from pillarbox.services.credential import parse_authorization
from tests.directory_fixture import PASSWORD, Office

AWAY = "192.0.2.1"


class Door:
    """An Authentication beside a store, and who is let in."""

    def __init__(self, office: Office, *, hears: bool = True) -> None:
        self.office = office
        self.authentication = Authentication(office.clock)
        if hears:
            office.store.listeners.append(self.authentication.changed)

    def verify(self, header: str, address: str = AWAY) -> Caller:
        return self.office.store.read(lambda view: self.authentication.verify(view, header, address))

    def remembered(self, header: str) -> Caller | None:
        """Who that is without a hash, looked at again only when that is due."""
        held = self.authentication.held(header)
        if held is None:
            return None
        if self.authentication.is_due(held):
            self.office.store.read(lambda view: self.authentication.look_again(view, held))
        return self.authentication.check(held)

    def refusal(self, header: str, address: str = AWAY) -> Kind:
        with pytest.raises(Fault) as refused:
            self.verify(header, address)
        return refused.value.kind


def basic(name: str, password: str = PASSWORD) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def app_password(office: Office, account: str, **given: Any) -> tuple[str, str]:
    made = office.create("AppPassword", office.caller(account), account, label="phone", **given)
    return made["id"], made["secret"]


@pytest.fixture
def alice(office: Office) -> str:
    return office.account("alice@example.org")


def test_a_right_password_is_let_in_and_remembered(office: Office, alice: str) -> None:
    door = Door(office)
    header = basic("Alice@Example.org")
    assert door.remembered(header) is None
    assert door.verify(header).account == alice
    assert door.remembered(header) == door.verify(header)


@pytest.mark.usefixtures("alice")
def test_what_is_remembered_is_forgotten_after_some_minutes(office: Office) -> None:
    door = Door(office)
    door.verify(basic("alice@example.org"))
    office.clock.forward(seconds=301)
    assert door.remembered(basic("alice@example.org")) is None


@pytest.mark.parametrize(
    "header",
    [
        basic("alice@example.org", "wrong"),
        basic("nobody@example.org"),
        basic("alice"),
        basic("alice@example.org", ""),
        basic("alice@example.org", "x" * 5000),
        "Basic !!!",
        "Basic " + base64.b64encode(b"\xff:x").decode(),
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Bearer",
        "Bearer pbx_a0_" + "0" * 32,
        "Digest x",
        "",
    ],
)
@pytest.mark.usefixtures("alice")
def test_wrong_credentials_are_all_refused_alike(office: Office, header: str) -> None:
    door = Door(office)
    assert door.refusal(header) is Kind.FORBIDDEN
    assert door.remembered(header) is None


@pytest.mark.usefixtures("alice")
def test_an_unknown_name_costs_a_hash_as_a_wrong_password_does(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    door, hashed = Door(office), []
    original: Callable[..., bool] = password_module._hasher.verify

    class Counting:
        def verify(self, *arguments: str) -> bool:
            hashed.append(arguments[1])
            return original(*arguments)

    monkeypatch.setattr(password_module, "_hasher", Counting())
    office.account("team@example.org", kind="group")
    for name in ("alice@example.org", "nobody@example.org", "no address", "team@example.org"):
        door.refusal(basic(name, "wrong"))
    assert hashed == ["wrong"] * 4


def test_a_password_is_the_same_in_every_normal_form(office: Office) -> None:
    office.account("zoe@example.org", password="Zo\u00eb says hello")
    assert Door(office).verify(basic("zoe@example.org", "Zoe\u0308 says hello")).username == "zoe@example.org"


def test_a_header_is_read_as_utf_8_with_colons_in_the_password() -> None:
    assert parse_authorization(basic("a", "b:ö")) == ("a", "b:ö")
    assert parse_authorization("bearer  token ") == (None, "token")


@pytest.mark.parametrize(
    ("type", "patch"),
    [
        ("Account", {"isEnabled": False}),
        ("Account", {"password": "another one"}),
        ("Account", {"name": "al@example.org"}),
    ],
)
@pytest.mark.parametrize("hears", [True, False])
def test_a_changed_account_is_no_longer_remembered(
    office: Office, alice: str, type: str, patch: dict[str, Any], hears: bool
) -> None:
    door, header = Door(office, hears=hears), basic("alice@example.org")
    door.verify(header)
    office.update(type, alice, patch)
    if not hears:  # the change was made by another process
        office.clock.forward(seconds=0.5)
    assert door.remembered(header) is None
    assert door.refusal(header) is Kind.FORBIDDEN


@pytest.mark.usefixtures("alice")
def test_disabling_a_domain_ends_all_its_logins(office: Office) -> None:
    door, header = Door(office), basic("alice@example.org")
    door.verify(header)
    (domain,) = office.call("Domain/query")["ids"]
    office.update("Domain", domain, {"isEnabled": False})
    assert door.remembered(header) is None
    assert door.refusal(header) is Kind.FORBIDDEN


def test_a_change_elsewhere_in_the_directory_keeps_logins_without_hashing_again(office: Office, alice: str) -> None:
    door, header = Door(office), basic("alice@example.org")
    door.verify(header)
    team = office.account("team@example.org", kind="group", delegates={alice: "read"})
    caller = door.remembered(header)
    assert caller is not None
    assert caller.accounts[team].is_read_only


def test_an_app_password_is_a_basic_password_and_a_bearer_token(office: Office, alice: str) -> None:
    _, secret = app_password(office, alice, scope=["mail"])
    door = Door(office)
    for header in (basic("alice@example.org", secret), f"Bearer {secret}"):
        caller = door.verify(header)
        assert caller.account == alice
        assert MAIL in caller.scope


def test_an_app_password_under_another_name_is_refused(office: Office, alice: str) -> None:
    office.account("bob@example.org")
    _, secret = app_password(office, alice)
    assert Door(office).refusal(basic("bob@example.org", secret)) is Kind.FORBIDDEN


@pytest.mark.parametrize("hears", [True, False])
def test_a_revoked_app_password_stops_working(office: Office, alice: str, hears: bool) -> None:
    id, secret = app_password(office, alice)
    door = Door(office, hears=hears)
    door.verify(f"Bearer {secret}")
    office.call("AppPassword/set", office.caller(alice), accountId=alice, destroy=[id])
    if not hears:
        office.clock.forward(seconds=0.5)
    assert door.remembered(f"Bearer {secret}") is None
    assert door.refusal(f"Bearer {secret}") is Kind.FORBIDDEN


def test_an_expired_app_password_stops_working(office: Office, alice: str) -> None:
    _, secret = app_password(office, alice, expiresAt="2023-11-14T22:13:30Z")  # ten seconds after the clock's time
    door = Door(office)
    door.verify(f"Bearer {secret}")
    office.clock.forward(seconds=9)
    assert door.remembered(f"Bearer {secret}") is not None
    office.clock.forward(seconds=2)
    assert door.remembered(f"Bearer {secret}") is None
    assert door.refusal(f"Bearer {secret}") is Kind.FORBIDDEN


def test_an_app_password_outlives_a_new_password_of_the_account(office: Office, alice: str) -> None:
    _, secret = app_password(office, alice)
    door = Door(office)
    door.verify(f"Bearer {secret}")
    office.update("Account", alice, {"password": "another one"})
    assert door.remembered(f"Bearer {secret}") is not None


def test_an_administrators_app_password_sees_the_directory_only_when_it_says_so(office: Office) -> None:
    root = office.account("root@example.org", isAdmin=True)
    door = Door(office)
    assert DIRECTORY not in door.verify(f"Bearer {app_password(office, root)[1]}").accounts
    assert DIRECTORY in door.verify(f"Bearer {app_password(office, root, scope=['admin'])[1]}").accounts


def test_the_last_use_of_an_app_password_is_written_once_an_hour(office: Office, alice: str) -> None:
    id, secret = app_password(office, alice)
    door = Door(office)

    def last_use() -> Any:
        door.remembered(f"Bearer {secret}") or door.verify(f"Bearer {secret}")
        uses = door.authentication.take_uses()
        office.store.write(lambda tx, uses=uses: door.authentication.write_uses(tx, uses))  # type: ignore[misc]
        (found,) = office.records("AppPassword", [id], office.caller(alice), alice)
        return found["lastUsedAt"]

    assert last_use() == "2023-11-14T22:13:20Z"
    office.clock.forward(seconds=1800)
    assert last_use() == "2023-11-14T22:13:20Z"
    office.clock.forward(seconds=1800)
    assert last_use() == "2023-11-14T23:13:20Z"
    assert not door.authentication.has_uses


def test_a_login_that_was_taken_back_does_not_come_back(office: Office, alice: str) -> None:
    door = Door(office)
    door.verify(basic("alice@example.org"))
    held = door.authentication.held(basic("alice@example.org"))
    assert held is not None
    for is_enabled in (False, True):
        office.update("Account", alice, {"isEnabled": is_enabled})
        office.store.read(lambda view: door.authentication.look_again(view, held))
        assert door.authentication.check(held) is None
        assert not door.authentication.is_due(held)


@pytest.mark.usefixtures("alice")
def test_a_login_outlives_a_store_that_is_away_for_minutes_and_no_longer(office: Office) -> None:
    door = Door(office)
    door.verify(basic("alice@example.org"))
    held = door.authentication.held(basic("alice@example.org"))
    assert held is not None
    office.clock.forward(seconds=299)
    assert door.authentication.is_due(held)
    assert door.authentication.check(held) == held.login.caller
    office.clock.forward(seconds=1)
    with pytest.raises(Fault) as refused:
        door.authentication.check(held)
    assert refused.value.kind is Kind.UNAVAILABLE
    office.store.read(lambda view: door.authentication.look_again(view, held))
    assert door.authentication.check(held) == held.login.caller


@pytest.mark.usefixtures("alice")
def test_a_look_that_ends_just_after_the_time_was_read_does_not_end_a_login(office: Office) -> None:
    door = Door(office)
    door.verify(basic("alice@example.org"))
    held = door.authentication.held(basic("alice@example.org"))
    assert held is not None
    assert held.caller(held.checked_at - 1) == held.login.caller
    with pytest.raises(Fault):
        held.caller(held.checked_at - 300_000)  # a clock that was set back says nothing


def test_too_many_failures_are_held_back_whoever_they_are_about(office: Office, alice: str) -> None:
    door = Door(office)
    for name in ("alice@example.org", "nobody@example.org"):
        kinds = [door.refusal(basic(name, f"guess {n}"), f"192.0.2.{n}") for n in range(11)]
        assert kinds == [Kind.FORBIDDEN] * 10 + [Kind.RATE_LIMIT]
    # The right password is not told apart from a wrong one while it is held back.
    assert door.refusal(basic("alice@example.org")) is Kind.RATE_LIMIT
    office.clock.forward(seconds=1)
    assert door.verify(basic("alice@example.org")).account == alice


def test_the_same_wrong_password_again_is_not_a_further_guess(office: Office, alice: str) -> None:
    door = Door(office)
    assert {door.refusal(basic("alice@example.org", "stale")) for _ in range(30)} == {Kind.FORBIDDEN}
    assert door.verify(basic("alice@example.org")).account == alice


def test_a_password_that_was_refused_is_let_in_once_it_is_the_right_one(office: Office, alice: str) -> None:
    door, header = Door(office, hears=False), basic("alice@example.org", "the new one")
    door.refusal(header)
    office.update("Account", alice, {"password": "the new one"})
    assert door.verify(header).account == alice
