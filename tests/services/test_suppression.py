"""Addresses that refused mail for good are not written to: whose, for how long, and what senders hear."""

from collections.abc import Mapping
from typing import Any, cast

import pytest

from pillarbox.core.account import DIRECTORY
from pillarbox.core.faults import Fault
from pillarbox.datatypes.envelope import Address
from pillarbox.services.queue import Origin, Outgoing, enqueue
from pillarbox.services.suppression import Suppressed, ended, forget, is_hard, note_bounce, suppressed
from tests.directory_fixture import Office

BOB = "bob@two.test"
DAY = 86_400


def bounce(office: Office, account: str, address: str = BOB, days: float = 7.0) -> None:
    reply = "550 5.1.1 no\r\nsuch user \u2014"
    office.store.write(lambda tx: note_bounce(tx, account, address, reply, days))


def found(office: Office, account: str, address: str = BOB) -> Mapping[str, Suppressed]:
    return office.store.read(lambda view: suppressed(view, account, [address, "eve@two.test"]))


@pytest.mark.parametrize("reply", ["550 5.1.1 who", "554 5.1.6 moved", "556 5.1.10 null", "550 5.2.1 disabled"])
def test_what_is_said_of_the_address_for_good_is_hard(reply: str) -> None:
    assert is_hard(reply)


@pytest.mark.parametrize(
    "reply",
    [
        "450 4.1.1 not now", "450 5.1.1 contradictory", "550 no code", "550", "", "552 5.2.2 full", "552 5.3.4 large",
        "550 5.7.1 policy", "550 5.7.26 no DKIM", "553 5.1.7 your address", "553 5.1.8 your domain",
        "553 5.1.3 spelling", "554 5.6.0 content", "550 5.1.11 unheard of",
    ],
)  # fmt: skip
def test_what_is_about_anything_else_is_not(reply: str) -> None:
    assert not is_hard(reply)


def test_an_address_that_bounced_is_refused_to_its_account_alone_and_for_its_time(office: Office) -> None:
    alice, carol = office.account("alice@example.org"), office.account("carol@example.org")
    bounce(office, alice, "Bob@TWO.test")
    (refused,) = found(office, alice).values()
    assert (refused.status, refused.text.isascii(), "no  such user ?" in refused.text) == ("5.1.1", True, True)
    assert f"suppression remove {BOB}" in refused.text
    assert found(office, carol) == {}
    assert set(found(office, alice, "BOB@two.test")) == {"BOB@two.test"}
    office.clock.forward(seconds=7 * DAY)
    assert found(office, alice) == {}


def test_zero_days_remember_nothing(office: Office) -> None:
    alice = office.account("alice@example.org")
    bounce(office, alice, days=0)
    assert office.records("SuppressedAddress") == []


def test_another_bounce_renews_it_but_not_what_was_set_for_good(office: Office) -> None:
    alice = office.account("alice@example.org")
    bounce(office, alice)
    first = office.records("SuppressedAddress")
    office.clock.forward(seconds=DAY)
    bounce(office, alice)
    (again,) = office.records("SuppressedAddress")
    assert again["id"] == first[0]["id"]
    assert again["expiresAt"] > first[0]["expiresAt"]
    office.update("SuppressedAddress", again["id"], {"expiresAt": None})
    bounce(office, alice)
    assert office.get("SuppressedAddress", again["id"])["expiresAt"] is None


def test_what_is_set_by_hand_holds_for_everybody_and_says_so_in_other_words(office: Office) -> None:
    alice = office.account("alice@example.org")
    made = office.create("SuppressedAddress", address=BOB, reason="has asked for it")
    (refused,) = found(office, alice).values()
    assert refused.status == "5.7.1"
    assert "has asked for it" in refused.text
    assert set(found(office, DIRECTORY)) == {BOB}
    office.destroy("SuppressedAddress", made["id"])
    assert found(office, alice) == {}


@pytest.mark.parametrize(
    ("given", "property"),
    [
        ({"address": "nobody"}, "address"),
        ({"address": BOB, "accountId": "a99"}, "accountId"),
        ({"address": BOB, "expiresAt": "tomorrow"}, "expiresAt"),
        ({"address": BOB, "expiresAt": "2001-01-01T00:00:00Z"}, "expiresAt"),
        ({"address": BOB, "reason": "two\nlines"}, "reason"),
    ],
)
def test_what_cannot_be_meant_is_refused(office: Office, given: dict[str, Any], property: str) -> None:
    with pytest.raises(Fault) as refused:
        office.create("SuppressedAddress", **given)
    assert property in refused.value.facts["properties"]


def test_one_address_has_one_entry_for_each_account(office: Office) -> None:
    office.create("SuppressedAddress", address=BOB)
    with pytest.raises(Fault):
        office.create("SuppressedAddress", address="BOB@two.test")
    office.create("SuppressedAddress", address=BOB, accountId=office.account("alice@example.org"))


@pytest.mark.parametrize("origin", ["forward", "list", "report", "vacation", "notification"])
def test_nothing_of_any_kind_is_queued_for_it_while_the_others_get_theirs(office: Office, origin: Origin) -> None:
    alice = office.account("alice@example.org")
    bounce(office, alice)
    to = [Address(BOB), Address("eve@two.test")]
    out = Outgoing(account=alice, data=b"x", mail_from=Address(""), recipients=to, origin=origin)
    assert set(office.store.write(lambda tx: enqueue(tx, out))) == {BOB}
    rows = office.store.read(lambda view: view.db.rows("SELECT body FROM outbox"))
    (body,) = (cast("bytes", row[0]) for row in rows)
    assert b"eve@two.test" in body
    assert BOB.encode() not in body


def test_what_is_over_or_of_a_removed_account_is_deleted_and_nothing_else(office: Office) -> None:
    alice = office.account("alice@example.org")
    bounce(office, alice, "old@two.test", days=1)
    bounce(office, "agone", "gone@two.test")
    bounce(office, DIRECTORY, "list@two.test")
    office.create("SuppressedAddress", address="ever@two.test")
    office.clock.forward(seconds=DAY)
    ids = office.store.read(ended)
    kept = [one["id"] for one in office.records("SuppressedAddress") if one["id"] not in ids]
    office.store.write(lambda tx: forget(tx, [*ids, *kept]))
    assert {one["address"] for one in office.records("SuppressedAddress")} == {"list@two.test", "ever@two.test"}
