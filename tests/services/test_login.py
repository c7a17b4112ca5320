"""Logging in without HTTP: what is offered where, every mechanism against the directory, and as whom one acts."""

import json

import pytest

from pillarbox.core.account import DIRECTORY
from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.admin import password as password_module
from pillarbox.datatypes.capability import MAIL, SUBMISSION
from pillarbox.services.login import Channel, Logins, Policy
from pillarbox.wire.sasl.step import Challenge
from tests.directory_fixture import PASSWORD, Office
from tests.services.sasl_desk import SECURE, Desk, app_password, plain


@pytest.fixture
def desk(office: Office) -> Desk:
    return Desk(office)


@pytest.fixture
def alice(office: Office) -> str:
    return office.account("alice@example.org")


def token(secret: str, authorization: str = "") -> bytes:
    return f"n,{'a=' if authorization else ''}{authorization},\x01auth=Bearer {secret}\x01\x01".encode()


def test_plain_and_login_let_in_who_has_the_password(desk: Desk, alice: str) -> None:
    assert desk.enters("PLAIN", plain()).access.account == alice
    assert desk.run("plain", None)[0] == Challenge(b"")
    assert desk.enters("PLAIN", None, plain("Alice@Example.ORG")).access.account == alice
    assert desk.enters("LOGIN", None, b"alice@example.org", PASSWORD.encode()).caller.account == alice


def test_app_passwords_are_passwords_and_bearer_tokens(desk: Desk, office: Office, alice: str) -> None:
    secret = app_password(office, alice)
    assert desk.enters("PLAIN", plain(password=secret)).access.account == alice
    assert desk.enters("OAUTHBEARER", token(secret)).access.account == alice
    assert desk.enters("OAUTHBEARER", token(secret, "alice@example.org")).access.account == alice
    assert desk.enters("XOAUTH2", f"user=alice@example.org\x01auth=Bearer {secret}\x01\x01".encode()).caller.scope


@pytest.mark.usefixtures("alice")
def test_wrong_credentials_are_refused_alike(desk: Desk, office: Office) -> None:
    office.account("team@example.org", kind="group")
    for name in ("alice@example.org", "nobody@example.org", "team@example.org", "no address"):
        assert desk.refusal("PLAIN", plain(name, "wrong")) is Kind.FORBIDDEN
        assert desk.refusal("LOGIN", None, name.encode(), b"wrong") is Kind.FORBIDDEN
    assert desk.refusal("PLAIN", plain(authorization="nobody@example.org", password="wrong")) is Kind.FORBIDDEN


def test_a_wrong_token_is_told_as_json_first_and_then_refused(desk: Desk, office: Office, alice: str) -> None:
    wrong = "pbx_a0_" + "0" * 32
    for mechanism, message in (
        ("OAUTHBEARER", token(wrong)),
        ("OAUTHBEARER", token("x.y.z")),
        ("OAUTHBEARER", b"n,,\x01\x01"),
        ("XOAUTH2", f"user=alice@example.org\x01auth=Bearer {wrong}\x01\x01".encode()),
    ):
        (challenge,) = desk.run(mechanism, message)
        assert isinstance(challenge, Challenge)
        assert json.loads(challenge.data)["status"] in {"invalid_token", "401"}
        assert desk.refusal(mechanism, message, b"\x01") is Kind.FORBIDDEN
    secret = app_password(office, alice, scope=["submission"])
    (challenge,) = desk.run("OAUTHBEARER", token(secret))
    assert isinstance(challenge, Challenge)
    assert json.loads(challenge.data)["status"] == "insufficient_scope"
    assert desk.refusal("OAUTHBEARER", token(secret), b"\x01") is Kind.ACCOUNT_NOT_FOUND


@pytest.mark.usefixtures("alice")
def test_a_question_without_a_token_is_no_failure(desk: Desk) -> None:
    for _ in range(30):
        assert desk.refusal("OAUTHBEARER", b"n,,\x01\x01", b"\x01") is Kind.FORBIDDEN
    desk.enters("PLAIN", plain())


def test_an_app_password_opens_what_its_scope_names(desk: Desk, office: Office, alice: str) -> None:
    secret = app_password(office, alice, scope=["mail"])
    desk.enters("PLAIN", plain(password=secret), capability=MAIL)
    assert desk.refusal("PLAIN", plain(password=secret), capability=SUBMISSION) is Kind.ACCOUNT_NOT_FOUND


def test_one_acts_as_an_account_that_is_shared_and_as_no_other(desk: Desk, office: Office, alice: str) -> None:
    team = office.account("team@example.org", kind="group", delegates={alice: "read"})
    office.account("bob@example.org")
    entered = desk.enters("PLAIN", plain(authorization="Team@example.org"))
    assert (entered.access.account, entered.access.is_read_only, entered.caller.account) == (team, True, alice)
    assert desk.enters("PLAIN", plain(authorization="alice@example.org")).access.account == alice
    assert desk.enters("OAUTHBEARER", token(app_password(office, alice), "team@example.org")).access.account == team
    for other in ("bob@example.org", "nobody@example.org", "Directory", "no address"):
        assert desk.refusal("PLAIN", plain(authorization=other)) is Kind.ACCOUNT_NOT_FOUND


def test_an_administrator_does_not_act_as_the_directory(desk: Desk, office: Office) -> None:
    office.account("root@example.org", isAdmin=True)
    for name in ("Directory", DIRECTORY):
        assert desk.refusal("PLAIN", plain("root@example.org", authorization=name)) is Kind.ACCOUNT_NOT_FOUND


def test_an_open_connection_ends_with_its_rights(desk: Desk, office: Office, alice: str) -> None:
    team = office.account("team@example.org", kind="group", delegates={alice: "write"})
    entered = desk.enters("PLAIN", plain(authorization="team@example.org"))
    assert desk.check(entered) == entered
    office.update("Account", team, {"delegates": {alice: "read"}})
    office.clock.forward(seconds=1)
    checked = desk.check(entered)
    assert checked is not None
    assert checked.access.is_read_only
    office.update("Account", team, {"delegates": {}})
    office.clock.forward(seconds=1)
    assert desk.check(entered) is None
    own = desk.enters("PLAIN", plain())
    office.update("Account", alice, {"password": "another horse"})
    office.clock.forward(seconds=1)
    assert desk.check(own) is None


@pytest.mark.usefixtures("alice")
def test_without_tls_nothing_is_offered_but_on_loopback(desk: Desk) -> None:
    for address in ("192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"):
        bare = Channel(address, is_encrypted=False)
        assert desk.logins.mechanisms(bare) == ()
        assert desk.refusal("PLAIN", plain(), channel=bare) is Kind.FORBIDDEN
        with pytest.raises(Fault):
            desk.office.store.read(
                lambda view, bare=bare: desk.logins.log_in(view, "alice@example.org", PASSWORD, bare, MAIL)  # type: ignore[misc]
            )
        assert Logins(desk.authentication, Policy(without_tls=True)).mechanisms(bare)
    for address in ("127.0.0.1", "::1", ""):
        assert "PLAIN" in desk.logins.mechanisms(Channel(address, is_encrypted=False))
    assert {"PLAIN", "LOGIN", "OAUTHBEARER", "XOAUTH2"} <= set(desk.logins.mechanisms(SECURE))


def test_a_mechanism_that_is_not_known_is_refused(desk: Desk) -> None:
    for name in ("CRAM-MD5", "", "EXTERNAL", "ANONYMOUS"):
        assert desk.refusal(name, b"") is Kind.FORBIDDEN


@pytest.mark.usefixtures("alice")
def test_a_broken_message_is_no_guess(desk: Desk) -> None:
    for _ in range(30):
        assert desk.refusal("PLAIN", b"\0alice@example.org") is Kind.INVALID_ARGUMENTS
    desk.enters("PLAIN", plain())


@pytest.mark.usefixtures("alice")
def test_guesses_are_held_back_over_all_mechanisms_together_whoever_they_are_about(desk: Desk) -> None:
    for name in ("alice@example.org", "nobody@example.org"):
        kinds = []
        for at in range(11):
            channel = Channel(f"192.0.2.{at}", is_encrypted=True)
            mechanism, *responses = [
                ("PLAIN", plain(name, f"guess {at}")),
                ("LOGIN", name.encode(), f"guess {at}".encode()),
            ][at % 2]
            kinds.append(desk.refusal(str(mechanism), *responses, channel=channel))  # type: ignore[arg-type]
        assert kinds == [Kind.FORBIDDEN] * 10 + [Kind.RATE_LIMIT]
    assert desk.refusal("PLAIN", plain()) is Kind.RATE_LIMIT


class Counting:
    """Counts the hashes that are computed."""

    def __init__(self) -> None:
        self.passwords: list[str] = []
        self._verify = password_module._hasher.verify

    def verify(self, hashed: str, password: str) -> bool:
        self.passwords.append(password)
        return self._verify(hashed, password)


@pytest.mark.usefixtures("alice")
def test_every_name_costs_one_hash_and_a_client_that_comes_again_none(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = Counting()
    monkeypatch.setattr(password_module, "_hasher", counting)
    for name in ("alice@example.org", "nobody@example.org", "no address"):
        desk.refusal("PLAIN", plain(name, "wrong"))
    assert counting.passwords == ["wrong"] * 3
    for _ in range(5):
        desk.enters("PLAIN", plain())
        desk.enters("LOGIN", b"alice@example.org", PASSWORD.encode())
    assert counting.passwords == [*["wrong"] * 3, PASSWORD]


def test_what_is_remembered_is_looked_at_again(desk: Desk, office: Office, alice: str) -> None:
    desk.enters("PLAIN", plain())
    office.update("Account", alice, {"isEnabled": False})
    assert desk.refusal("PLAIN", plain()) is Kind.FORBIDDEN
