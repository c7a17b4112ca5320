"""SCRAM against the directory: every password of an account, names that nobody has, and keys made later."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from scramp import ScramClient

from pillarbox.core.account import DIRECTORY
from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.admin import scram_secret as secret_module
from pillarbox.datatypes.admin.account import ACCOUNT
from pillarbox.datatypes.app_password import APP_PASSWORD
from pillarbox.datatypes.capability import MAIL, SUBMISSION
from pillarbox.services.login import Channel, LoggedIn, Policy
from pillarbox.services.scram import parameters_for
from pillarbox.wire.sasl import scram_key
from pillarbox.wire.sasl.scram_client import Bound
from pillarbox.wire.sasl.scram_client import scram_sha_256 as client
from pillarbox.wire.sasl.step import Challenge, Parameters
from tests.directory_fixture import PASSWORD, Office
from tests.services.sasl_desk import ALICE, ITERATIONS, SECURE, Desk, app_password, plain, turn_scram

BOUND = Channel("192.0.2.1", is_encrypted=True, bindings={"tls-exporter": b"exported"})


@pytest.fixture
def desk(office: Office) -> Desk:
    turn_scram(office)
    return Desk(office)


@pytest.fixture
def alice(desk: Desk) -> str:
    return desk.office.account(ALICE)


def parameters(office: Office, name: str) -> Parameters:
    return office.store.read(lambda view: parameters_for(view, name))


def test_the_password_is_proved_in_any_spelling_of_the_name(desk: Desk, alice: str) -> None:
    for name in (ALICE, "Alice@Example.ORG"):
        assert desk.scram(name).access.account == alice


@pytest.mark.usefixtures("alice")
def test_wrong_passwords_and_unknown_names_are_refused_alike(desk: Desk, office: Office) -> None:
    office.account("team@example.org", kind="group")
    disabled = office.account("gone@example.org")
    office.update("Account", disabled, {"isEnabled": False})
    assert desk.scram_refusal(ALICE, "wrong") is Kind.FORBIDDEN
    for name in ("nobody@example.org", "team@example.org", "gone@example.org", "no address", "x" * 1000):
        assert desk.scram_refusal(name) is Kind.FORBIDDEN


def test_app_passwords_are_proved_as_well_and_open_what_they_name(desk: Desk, office: Office, alice: str) -> None:
    secrets = [app_password(office, alice, scope=["mail"]) for _ in range(3)]
    for secret in secrets:
        entered = desk.scram(password=secret)
        assert entered.caller.allows(MAIL)
        assert not entered.caller.allows(SUBMISSION)
        assert desk.scram_refusal(password=secret, capability=SUBMISSION) is Kind.ACCOUNT_NOT_FOUND
    assert desk.scram().caller.allows(SUBMISSION)
    desk.keep()
    shown = office.records("AppPassword", caller=office.caller(alice), account=alice)
    assert all(app["lastUsedAt"] for app in shown)
    assert not any("scram" in app for app in shown)
    assert "scram" not in office.get("Account", alice)


def test_revoked_and_expired_app_passwords_prove_nothing(desk: Desk, office: Office, alice: str) -> None:
    gone = app_password(office, alice)
    old = app_password(office, alice, expiresAt="2023-11-14T22:13:30Z")  # ten seconds after the clock's time
    desk.scram(password=old)
    office.clock.forward(seconds=11)
    assert desk.scram_refusal(password=old) is Kind.FORBIDDEN
    for app in office.records("AppPassword", caller=office.caller(alice), account=alice):
        office.call("AppPassword/set", office.caller(alice), accountId=alice, destroy=[app["id"]])
    assert desk.scram_refusal(password=gone) is Kind.FORBIDDEN


def test_one_acts_as_an_account_that_is_shared(desk: Desk, office: Office, alice: str) -> None:
    team = office.account("team@example.org", kind="group", delegates={alice: "write"})
    assert desk.scram(authorization="team@example.org").access.account == team
    assert desk.scram_refusal(authorization="other@example.org") is Kind.ACCOUNT_NOT_FOUND


def test_a_new_password_takes_the_place_of_the_old_one_and_leaves_app_passwords(
    desk: Desk, office: Office, alice: str
) -> None:
    secret, before = app_password(office, alice), parameters(office, ALICE)
    office.update("Account", alice, {"password": "another horse"})
    assert desk.scram_refusal() is Kind.FORBIDDEN
    assert desk.scram(password="another horse").access.account == alice
    office.update("Account", alice, {"name": "al@example.org"})
    office.update("Account", alice, {"password": "a third horse", "name": "alice@example.org"})
    office.update("Account", alice, {"name": "al@example.org"})
    for password in ("a third horse", secret, app_password(office, alice)):
        assert desk.scram("al@example.org", password).access.account == alice
    assert parameters(office, "al@example.org") == before


def test_an_open_connection_ends_with_the_password_it_proved(desk: Desk, office: Office, alice: str) -> None:
    entered = desk.scram()
    assert desk.check(entered) == entered
    office.update("Account", alice, {"password": "another horse"})
    office.clock.forward(seconds=1)
    assert desk.check(entered) is None


# --- no oracle


@pytest.mark.usefixtures("desk")
def test_the_salt_of_a_name_tells_nothing_of_its_having_an_account(office: Office) -> None:
    before = [parameters(office, ALICE), parameters(office, "Alice@EXAMPLE.org")]
    account = office.account(ALICE)
    app_password(office, account)
    assert {parameters(office, ALICE), *before} == {before[0]}
    office.update("Account", account, {"password": "another horse"})
    assert parameters(office, ALICE) == before[0]
    office.update("Account", account, {"isEnabled": False})
    assert parameters(office, ALICE) == before[0]
    assert parameters(office, "bob@example.org").salt != before[0].salt
    assert parameters(office, "bob@example.org").iterations == before[0].iterations == ITERATIONS


@pytest.mark.usefixtures("desk")
def test_salts_differ_between_stores(office: Office, tmp_path: Any) -> None:
    from pillarbox.storage.embedded import EmbeddedStore  # noqa: PLC0415

    store = EmbeddedStore(tmp_path / "other", clock=office.clock)
    try:
        store.write(lambda tx: tx.add_account(DIRECTORY))
        turn_scram(Office(store, office.clock))
        assert store.read(lambda view: parameters_for(view, ALICE)) != parameters(office, ALICE)
    finally:
        store.close()


def test_a_proof_costs_the_same_number_of_hashes_whoever_it_is_about(
    desk: Desk, office: Office, alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        app_password(office, alice)
    counts: list[int] = [0]
    fits: Callable[..., bool] = scram_key.fits

    def counted(*given: Any) -> bool:
        counts[-1] += 1
        return fits(*given)

    monkeypatch.setattr("pillarbox.services.scram.fits", counted)
    for name in (ALICE, "nobody@example.org", "no address"):
        desk.scram_refusal(name, "wrong")
        counts.append(0)
    desk.scram()
    assert counts == [1 + office.store.limits.max_app_passwords] * 4


def test_guesses_are_held_back_from_the_first_message_on(desk: Desk, alice: str) -> None:
    for name in (ALICE, "nobody@example.org"):
        kinds = [
            desk.scram_refusal(name, f"guess {at}", channel=Channel(f"192.0.2.{at}", is_encrypted=True))
            for at in range(11)
        ]
        assert kinds == [Kind.FORBIDDEN] * 10 + [Kind.RATE_LIMIT]
        assert desk.refusal("SCRAM-SHA-256", f"n,,n={name},r=abc".encode()) is Kind.RATE_LIMIT
    assert desk.refusal("PLAIN", plain()) is Kind.RATE_LIMIT
    desk.office.clock.forward(seconds=1)
    assert desk.scram().access.account == alice


@pytest.mark.usefixtures("alice")
def test_an_exchange_that_is_given_up_is_no_failure(desk: Desk) -> None:
    for _ in range(30):
        (said,) = desk.run("SCRAM-SHA-256", b"n,,n=alice@example.org,r=abc")
        assert isinstance(said, Challenge)
    desk.scram()


# --- channel binding


def test_plus_is_offered_where_the_connection_can_be_bound_as_all_clients_do(desk: Desk, alice: str) -> None:
    certificate = Channel("192.0.2.1", is_encrypted=True, bindings={"tls-server-end-point": b"hashed"})
    assert desk.logins.mechanisms(BOUND)[:2] == ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256")
    assert desk.logins.mechanisms(SECURE)[0] == "SCRAM-SHA-256"
    assert desk.logins.mechanisms(certificate)[0] == "SCRAM-SHA-256"
    chosen = Desk(desk.office, Policy(certificate_binding=True))
    assert chosen.logins.mechanisms(certificate)[0] == "SCRAM-SHA-256-PLUS"
    assert chosen.scram(bound=Bound("tls-server-end-point", b"hashed"), channel=certificate).access.account == alice


def test_an_exchange_is_bound_to_its_connection(desk: Desk, alice: str) -> None:
    assert desk.scram(bound=Bound("tls-exporter", b"exported"), channel=BOUND).access.account == alice
    for bound in (Bound("tls-exporter", b"another's"), Bound("tls-unique", b"x"), Bound(is_able=True)):
        assert desk.scram_refusal(bound=bound, channel=BOUND) is Kind.FORBIDDEN
    assert desk.scram(bound=Bound(is_able=True)).access.account == alice


# --- off, and on again


def test_scram_that_is_off_is_not_offered(office: Office) -> None:
    desk = Desk(office, Policy(scram=False))
    assert not any("SCRAM" in name for name in desk.logins.mechanisms(BOUND))
    assert desk.refusal("SCRAM-SHA-256", b"n,,n=a,r=b") is Kind.FORBIDDEN


@pytest.mark.parametrize("secret_shown", [True, False])
def test_passwords_of_before_are_proved_once_they_were_shown(office: Office, secret_shown: bool) -> None:
    alice = office.account(ALICE)
    secret = app_password(office, alice)
    turn_scram(office)
    desk = Desk(office)
    shown, other = (secret, PASSWORD) if secret_shown else (PASSWORD, secret)
    assert desk.scram_refusal(password=shown) is Kind.FORBIDDEN
    desk.enters("PLAIN", plain(password=shown))
    desk.keep()
    assert desk.scram(password=shown).access.account == alice
    assert desk.scram_refusal(password=other) is Kind.FORBIDDEN
    desk.enters("PLAIN", plain(password=other))
    desk.keep()
    assert desk.scram(password=other).access.account == alice
    assert desk.scram(password=shown).access.account == alice


def test_keys_that_come_too_late_are_not_kept(office: Office) -> None:
    alice = office.account(ALICE)
    turn_scram(office)
    desk = Desk(office)
    desk.enters("PLAIN", plain())
    office.update("Account", alice, {"password": "another horse"})
    desk.keep()
    assert desk.scram(password="another horse").access.account == alice
    assert desk.scram_refusal() is Kind.FORBIDDEN


def test_keys_are_dropped_when_people_log_in_after_scram_was_turned_off(desk: Desk, office: Office, alice: str) -> None:
    secret = app_password(office, alice)
    turn_scram(office, on=False)
    desk.enters("PLAIN", plain())
    desk.enters("PLAIN", plain(password=secret))
    desk.keep()

    def kept(view: Any) -> list[str]:
        return [view.get(ACCOUNT, DIRECTORY, alice).scram, *(app.scram for app in view.all(APP_PASSWORD, alice))]

    assert office.store.read(kept) == ["", ""]
    app_password(office, alice)
    office.update("Account", alice, {"password": "another horse"})
    assert office.store.read(kept) == ["", "", ""]


def test_a_store_without_the_secret_lets_nobody_in_by_scram(office: Office) -> None:
    office.account(ALICE)
    with pytest.raises(Fault) as refused:
        Desk(office).scram()
    assert refused.value.kind is Kind.FORBIDDEN


def test_keys_are_made_once_for_many_logins(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.account(ALICE)
    turn_scram(office)
    made: list[Any] = []
    derive = scram_key.derive

    def counted(*given: Any) -> Any:
        made.append(given)
        return derive(*given)

    monkeypatch.setattr(secret_module, "derive", counted)
    desk = Desk(office)
    for _ in range(5):
        desk.enters("PLAIN", plain())
    desk.keep()
    for _ in range(5):
        desk.enters("LOGIN", ALICE.encode(), PASSWORD.encode())
    assert len(made) == 1


# --- other people's client


@pytest.mark.parametrize("mechanisms", [["SCRAM-SHA-256"], ["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"]])
@pytest.mark.parametrize(
    "password", ["correct horse", "Zoe\u0308 \u2168 says", "\u05d0\u05d1\u05d2\u05d3\u05d4\u05d5\u05d6\u05d7"]
)
def test_other_peoples_client_proves_itself_and_believes_us(desk: Desk, mechanisms: list[str], password: str) -> None:
    account = desk.office.account(ALICE, password=password)
    binding = ("tls-server-end-point", b"hashed") if len(mechanisms) == 2 else None
    channel = Channel("192.0.2.1", is_encrypted=True, bindings=dict([binding] if binding else []))
    logins = Desk(desk.office, Policy(certificate_binding=True)).logins
    peer = ScramClient(mechanisms, ALICE, password, channel_binding=binding)
    exchange = logins.begin(mechanisms[-1], channel, MAIL)

    def say(text: str) -> Challenge | LoggedIn:
        return desk.office.store.read(exchange.respond(text.encode()))

    first = say(peer.get_client_first())
    assert isinstance(first, Challenge)
    peer.set_server_first(first.data.decode())
    final = say(peer.get_client_final())
    assert isinstance(final, Challenge)
    assert final.is_final
    peer.set_server_final(final.data.decode())
    end = say("")
    assert isinstance(end, LoggedIn)
    assert end.access.account == account


def test_our_client_proves_itself_to_other_peoples_server() -> None:
    from scramp import ScramMechanism  # noqa: PLC0415

    mechanism = ScramMechanism("SCRAM-SHA-256")
    kept = mechanism.make_auth_info("Zoe\u0308 says", iteration_count=ITERATIONS)
    server = mechanism.make_server(lambda _: kept)
    peer = client("a=b,c", "Zo\u00eb says")
    server.set_client_first((next(peer).data or b"").decode())
    server.set_client_final((peer.send(server.get_server_first().encode()).data or b"").decode())
    assert peer.send(server.get_server_final().encode()).is_complete
