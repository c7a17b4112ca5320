"""Subscribed names that no mailbox has: kept, bounded, taken up again (RFC 9051 §6.3.7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from pillarbox.datatypes import subscription
from pillarbox.datatypes.annotation import ANNOTATION
from pillarbox.datatypes.mailbox import MAILBOX
from pillarbox.datatypes.subscription import names_without_mailbox, unsubscribe_name
from tests.directory_fixture import SetClock
from tests.support.engine import ENGINES, opener
from tests.support.mail_house import House


@pytest.fixture(params=ENGINES)
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    clock = SetClock()
    with opener(request, tmp_path, clock=clock) as open_store:
        yield House(open_store(), clock)


def kept(house: House) -> list[str]:
    return house.store.read(lambda view: names_without_mailbox(view, "a1"))


def is_subscribed(house: House, id: str) -> bool:
    box = house.store.read(lambda view: view.get(MAILBOX, "a1", id))
    assert box is not None
    return box.is_subscribed


def make(house: House, name: str, *, subscribed: bool = True, parent: str | None = None) -> str:
    return house.create("Mailbox", name=name, parentId=parent, isSubscribed=subscribed)


def test_a_destroyed_mailbox_leaves_its_name_when_it_was_subscribed(house: House) -> None:
    top = make(house, "a/b")
    below = make(house, "c", parent=top)
    quiet = make(house, "quiet", subscribed=False)
    for id in (below, quiet, top):
        house.destroy("Mailbox", id)
    assert kept(house) == ["a\u2215b/c", "a\u2215b"]


@pytest.mark.parametrize("subscribed", [True, False])
def test_a_mailbox_made_again_takes_its_name_out_of_the_list(house: House, *, subscribed: bool) -> None:
    house.destroy("Mailbox", make(house, "Lists"))
    again = make(house, "Lists", subscribed=subscribed)
    assert kept(house) == []
    assert is_subscribed(house, again) is subscribed
    house.destroy("Mailbox", again)
    assert kept(house) == (["Lists"] if subscribed else [])


def test_renaming_leaves_the_old_names_of_all_that_moves_along(house: House) -> None:
    top = make(house, "Old")
    below = make(house, "Below", parent=top)
    make(house, "Quiet", parent=top, subscribed=False)
    house.update("Mailbox", top, {"name": "New"})
    assert kept(house) == ["Old", "Old/Below"]
    assert is_subscribed(house, top)
    assert is_subscribed(house, below)
    house.update("Mailbox", top, {"name": "Old"})
    assert kept(house) == ["New", "New/Below"]


def test_what_is_moved_to_a_subscribed_name_is_subscribed_with_what_is_below(house: House) -> None:
    top = make(house, "Old")
    house.destroy("Mailbox", make(house, "Below", parent=top))
    house.destroy("Mailbox", top)
    other = make(house, "Other", subscribed=False)
    below = make(house, "Below", parent=other, subscribed=False)
    aside = make(house, "Aside", parent=other, subscribed=False)
    house.update("Mailbox", other, {"name": "Old"})
    assert [is_subscribed(house, id) for id in (other, below, aside)] == [True, True, False]
    assert kept(house) == []


def test_two_that_change_their_names_in_one_request_leave_nothing(house: House) -> None:
    one, two = make(house, "One"), make(house, "Two")
    answer = house.call("Mailbox/set", update={one: {"name": "Two"}, two: {"name": "One"}})
    assert set(answer["updated"]) == {one, two}
    assert kept(house) == []


def test_a_change_of_something_else_leaves_the_list_alone(house: House) -> None:
    house.destroy("Mailbox", make(house, "Gone"))
    house.update("Mailbox", make(house, "Here"), {"sortOrder": 4, "isSubscribed": False})
    assert kept(house) == ["Gone"]


def test_a_name_is_unsubscribed_once_and_an_empty_list_is_no_annotation(house: House) -> None:
    house.destroy("Mailbox", make(house, "Gone"))
    assert house.store.write(lambda tx: unsubscribe_name(tx, "a1", "Gone"))
    assert not house.store.write(lambda tx: unsubscribe_name(tx, "a1", "Gone"))
    assert house.store.read(lambda view: view.all(ANNOTATION, "a1")) == []


def test_the_oldest_names_make_room(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscription, "MOST_NAMES", 3)
    for name in "abcde":
        house.destroy("Mailbox", make(house, name))
    assert kept(house) == ["c", "d", "e"]


@pytest.mark.parametrize(
    ("octets", "names"),
    [(15, ["ä", "b", "c"]), (14, ["ä", "b", "c"]), (13, ["b", "c"]), (5, ["c"]), (4, []), (0, [])],
)
def test_the_list_is_no_longer_than_an_annotation_may_be(
    house_with: Callable[[int], House], octets: int, names: list[str]
) -> None:
    house = house_with(octets)
    for name in ("ä", "b", "c"):
        house.destroy("Mailbox", make(house, name))
    assert kept(house) == names
    assert all(len(one.value or b"") <= octets for one in house.store.read(lambda view: view.all(ANNOTATION, "a1")))


@pytest.fixture
def house_with(house: House, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], House]:
    def limited(octets: int) -> House:
        limits = msgspec.structs.replace(house.store.limits, max_size_annotation=octets)
        monkeypatch.setattr(house.store, "limits", limits)
        return house

    return limited
