"""EmailDelivery: moves when an email comes in, by whatever way, and at nothing else (RFC 8621 §1.5)."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pillarbox.datatypes.email import EMAIL
from pillarbox.datatypes.email.delivery import EMAIL_DELIVERY
from pillarbox.services.mail.deliver import deliver
from pillarbox.storage import change
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.storage.store import Changed
from tests.support.mail_house import House, message


def number(house: House, account: str = "a1") -> int:
    return house.store.read(lambda view: view.state(EMAIL_DELIVERY, account))


def delivered(house: House) -> str:
    return house.store.write(lambda tx: deliver(tx, "a1", message()).id)


def imported(house: House) -> str:
    blob = house.store.write(lambda tx: tx.put_blob("a1", message("Imported"), pending=True))
    given = {"blobId": blob, "mailboxIds": {house.box["inbox"]: True}}
    return str(house.call("Email/import", emails={"new": given})["created"]["new"]["id"])


def written(house: House) -> str:
    return house.create("Email", mailboxIds={house.box["archive"]: True}, subject="A note to myself")


@pytest.mark.parametrize("arrive", [delivered, imported, written])
def test_an_email_that_comes_in_moves_the_state(house: House, arrive: Callable[[House], str]) -> None:
    before = number(house)
    arrive(house)
    assert number(house) > before


def test_it_is_told_beside_the_other_types_under_the_same_number(house: House) -> None:
    told: list[Changed] = []
    house.store.listeners.append(told.append)
    delivered(house)
    (changed,) = told
    assert changed["a1"]["EmailDelivery"] == changed["a1"]["Email"] == number(house)


def test_keywords_mailboxes_and_destruction_leave_it_alone(house: House) -> None:
    id = delivered(house)
    before = number(house)
    told: list[Changed] = []
    house.store.listeners.append(told.append)
    house.update("Email", id, {"keywords/$seen": True})
    house.update("Email", id, {"mailboxIds": {house.box["archive"]: True}})
    house.call("Email/set", destroy=[id])
    assert number(house) == before
    assert all("EmailDelivery" not in changed["a1"] for changed in told)


def test_drafts_and_what_becomes_of_them_leave_it_alone(house: House) -> None:
    before = number(house)
    id = house.create("Email", mailboxIds={house.box["drafts"]: True}, keywords={"$draft": True}, subject="Soon")
    house.update("Email", id, {"keywords/$draft": None, "mailboxIds": {house.box["sent"]: True}})
    assert number(house) == before


def test_an_email_that_is_refused_moves_nothing(house: House) -> None:
    before = number(house)
    house.not_created("Email", {"mailboxIds": {"nonsense": True}, "subject": "x"})
    assert number(house) == before


def test_it_is_the_accounts_own(house: House) -> None:
    before = number(house, "a2")
    delivered(house)
    assert number(house, "a2") == before


def test_it_survives_a_restart_and_the_purge_of_the_email(house: House, tmp_path: Path) -> None:
    id = delivered(house)
    before = number(house)
    house.call("Email/set", destroy=[id])
    house.store.write(lambda tx: change.purge(tx.db, "a1", EMAIL.name, 10**9))
    again = EmbeddedStore(tmp_path / "data")
    try:
        assert again.read(lambda view: view.state(EMAIL_DELIVERY, "a1")) == before
    finally:
        again.close()


def test_no_method_acts_on_it(house: House) -> None:
    assert house.refuse("EmailDelivery/get", ids=None)["type"] == "unknownMethod"
    assert house.refuse("EmailDelivery/changes", sinceState="0")["type"] == "unknownMethod"
