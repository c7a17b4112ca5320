"""An answer is never larger than maxSizeAnswer allows, and neither is what is in memory while it is made."""

import tracemalloc
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pillarbox.core.limits import Limits
from pillarbox.datatypes.email import EMAIL
from pillarbox.services.methods.splice import cutter
from tests.support.mail_house import House, message, open_house

MOST = 1_000_000
LONG = " ".join(["word"] * 20_000)  # a field of 100,000 octets
FOLDED = LONG.replace("word word word word word", "word word word word word\r\n").strip()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A house whose answers have at most a million octets."""
    found = open_house(tmp_path, Limits(max_size_answer=MOST))
    yield found
    found.store.close()


def fill(house: House, count: int = 20) -> list[str]:
    return [house.add(message(FOLDED, FOLDED, headers={"X-Long": FOLDED}, id=str(at))) for at in range(count)]


def spellings(count: int) -> list[str]:
    """The same header field under many names."""
    cases = product(*((letter, letter.upper()) for letter in "subject"))
    return [f"header:{''.join(case)}:as{form}" for case in cases for form in ("Raw", "Text")][:count]


@pytest.mark.parametrize(
    "given",
    [
        {"properties": ["subject"]},
        {"properties": ["headers"]},
        {"properties": ["header:X-Long:asText"]},
        {"properties": ["header:X-Long:asRaw:all"]},
        {"properties": ["bodyValues"], "fetchAllBodyValues": True},
        {"properties": ["bodyStructure"], "bodyProperties": ["headers"]},
        {"properties": ["textBody"], "bodyProperties": ["header:x-long"]},
    ],
)
def test_what_twenty_emails_have_in_all_is_too_much_and_what_five_have_is_told(
    house: House, given: dict[str, Any]
) -> None:
    ids = fill(house)
    assert house.refuse("Email/get", ids=ids, **given)["type"] == "requestTooLarge"
    assert len(house.call("Email/get", ids=ids[:4], **given)["list"]) == 4
    blobs = [house.get("Email", id, "blobId")["blobId"] for id in ids]
    assert house.refuse("Email/parse", blobIds=blobs, **given)["type"] == "requestTooLarge"
    assert len(house.call("Email/parse", blobIds=blobs[:4], **given)["parsed"]) == 4


def test_so_are_snippets_and_blobs(house: House) -> None:
    ids = fill(house)
    search = {"filter": {"subject": "word"}}
    assert house.refuse("SearchSnippet/get", emailIds=ids, **search)["type"] == "requestTooLarge"
    assert len(house.call("SearchSnippet/get", emailIds=ids[:2], **search)["list"]) == 2
    blobs = [house.upload(b"%d" % at * 200_000) for at in range(6)]
    for names in (["data"], ["data:asText"], ["data:asBase64"]):
        assert house.refuse("Blob/get", ids=blobs, properties=names)["type"] == "requestTooLarge"
        assert len(house.call("Blob/get", ids=blobs[:3], properties=names)["list"]) == 3
    assert len(house.call("Blob/get", ids=blobs, properties=["size", "digest:sha"])["list"]) == 6


def test_all_answers_of_a_request_share_the_room_and_what_is_small_is_still_told(house: House) -> None:
    ids = fill(house, 10)
    some = ("Email/get", {"ids": ids[:6], "properties": ["subject"]})
    answers = house.request(some, some, ("Mailbox/get", {"ids": None}), some, ("Core/echo", {"x": 1}))
    assert [name for name, _, _ in answers] == ["Email/get", "error", "Mailbox/get", "error", "Core/echo"]
    assert answers[1][1]["type"] == answers[3][1]["type"] == "requestTooLarge"


def test_what_references_multiply_is_too_much(house: House) -> None:
    twice = {"resultOf": "0", "name": "Core/echo", "path": ""}
    answers = house.request(("Core/echo", {"x": "y" * 400_000}), ("Core/echo", {"#a": twice, "#b": twice}))
    assert [name for name, _, _ in answers] == ["Core/echo", "error"]
    assert answers[1][1]["type"] == "requestTooLarge"


def test_what_was_changed_is_told_whatever_room_there_is(house: House) -> None:
    (id,) = fill(house, 1)
    answers = house.request(
        ("Core/echo", {"x": "y" * (MOST - 60)}),
        ("Email/set", {"update": {id: {"keywords/$seen": True}}}),
        ("Email/get", {"ids": [id], "properties": ["keywords"]}),
    )
    assert [name for name, _, _ in answers] == ["Core/echo", "Email/set", "error"]
    assert answers[1][1]["updated"] == {id: None}
    assert house.get("Email", id, "keywords")["keywords"] == {"$seen": True}


@pytest.mark.parametrize(
    ("method", "given"),
    [
        ("Email/get", {"ids": [], "properties": spellings(201)}),
        ("Email/get", {"ids": [], "bodyProperties": spellings(201)}),
        ("Email/parse", {"blobIds": [], "properties": spellings(201)}),
        ("Email/parse", {"blobIds": [], "bodyProperties": spellings(201)}),
    ],
)
def test_nobody_needs_so_many_properties(house: House, method: str, given: dict[str, Any]) -> None:
    assert house.refuse(method, **given)["type"] == "requestTooLarge"


def test_the_largest_request_takes_no_more_memory_than_its_answer_may_have(house: House) -> None:
    ids = fill(house, 60)
    names = spellings(200)  # 60 times 200 times 100,000 octets in each of 16 calls: 19 gigabytes
    call = ("Email/get", {"ids": ids, "properties": names, "bodyProperties": names, "fetchAllBodyValues": True})
    tracemalloc.start()
    try:
        answers = house.request(*[call] * 16)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert {answer["type"] for _, answer, _ in answers} == {"requestTooLarge"}
    assert peak < 12 * MOST


def test_a_few_records_are_read_at_a_time(house: House) -> None:
    for _ in range(3):
        fill(house, 100)
    ids = house.query("Email", limit=300)
    house.call("Email/get", ids=ids[:1], properties=["subject"])  # what is loaded once
    tracemalloc.start()
    try:
        house.refuse("Email/get", ids=ids, properties=["subject"])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20 * MOST  # of 300, fifty; each is for a moment there as stored, as cut out, and as told


def test_what_is_large_is_not_remembered_for_the_next_who_asks(house: House) -> None:
    large, small = fill(house, 1)[0], house.add(message("short"))
    names = ("id", "subject")
    house.call("Email/get", ids=[large, small], properties=list(names))
    kept = cutter(EMAIL, names)._remembered
    assert {id for _, _, id in kept} & {large, small} == {small}


def test_the_answer_is_as_large_as_was_counted(house: House) -> None:
    ids = fill(house, 3)
    calls = ("Email/get", {"ids": ids, "properties": ["subject", "bodyStructure", "headers"]})
    answer = house.request(calls)[0][1]
    assert len(msgspec.json.encode(answer)) < MOST
    tight = Limits(max_size_answer=len(msgspec.json.encode(answer["list"])) - 100)
    house.store.limits = tight
    assert house.request(calls)[0][1]["type"] == "requestTooLarge"
