"""Calls in order, result references, arguments, capabilities and scopes (RFC 8620 §3)."""

from typing import Any

import msgspec
import pytest

from pillarbox.datatypes.capability import MAIL, QUOTA
from tests.support.mail_house import USING, House

BOXES = ("Mailbox/get", {"ids": None, "properties": ["role"]})


def refer(house: House, path: str, name: str = "Mailbox/get", of: str = "0") -> Any:
    ref = {"resultOf": of, "name": name, "path": path}
    return house.request(BOXES, ("Mailbox/get", {"#ids": ref}))[1]


def test_a_star_gathers_from_every_item(house: House) -> None:
    _, answer, _ = refer(house, "/list/*/id")
    assert len(answer["list"]) == 6
    assert len(refer(house, "/list/0/id")[1].get("list", [])) == 0  # one id is not a list of them


def test_what_is_a_list_itself_gives_its_items(house: House) -> None:
    house.add()
    threads = {"resultOf": "0", "name": "Email/get", "path": "/list/*/threadId"}
    emails = {"resultOf": "1", "name": "Thread/get", "path": "/list/*/emailIds"}
    query = {"ids": None, "properties": ["threadId"]}
    answers = house.request(("Email/get", query), ("Thread/get", {"#ids": threads}), ("Email/get", {"#ids": emails}))
    assert len(answers[2][1]["list"]) == 1


@pytest.mark.parametrize(
    "path",
    [
        "/list/*/nothing",
        "/nothing",
        "list/*/id",
        "/list/99/id",
        "/list/00/id",
        "/list/-/id",
        "/state/x",
        "/list/٠/id",
        "/list/*/*",
    ],
)
def test_a_path_that_leads_nowhere(house: House, path: str) -> None:
    assert refer(house, path)[:2][1]["type"] == "invalidResultReference"


def test_a_reference_names_the_call_and_its_method(house: House) -> None:
    assert refer(house, "/list/*/id", of="9")[1]["type"] == "invalidResultReference"
    assert refer(house, "/list/*/id", of="1")[1]["type"] == "invalidResultReference"
    assert refer(house, "/list/*/id", name="Email/get")[1]["type"] == "invalidResultReference"
    failed = house.request(
        ("Mailbox/get", {"ids": 5}), ("Core/echo", {"#x": {"resultOf": "0", "name": "error", "path": ""}})
    )
    assert failed[1][1]["type"] in {"invalidResultReference", "unknownMethod"}


@pytest.mark.parametrize("ref", [5, None, {}, {"resultOf": "0"}, {"resultOf": 0, "name": "x", "path": "/"}, "x", []])
def test_what_is_no_reference(house: House, ref: Any) -> None:
    assert house.request(BOXES, ("Mailbox/get", {"#ids": ref}))[1][1]["type"] == "invalidResultReference"


def test_an_argument_is_given_once(house: House) -> None:
    ref = {"resultOf": "0", "name": "Mailbox/get", "path": "/list/*/id"}
    assert house.request(BOXES, ("Mailbox/get", {"ids": [], "#ids": ref}))[1][1]["type"] == "invalidArguments"


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("Mailbox/get", {"ids": "x"}),
        ("Mailbox/get", {"ids": [1]}),
        ("Mailbox/get", {"colour": 1}),
        ("Mailbox/get", {"properties": ["x"]}),
        ("Mailbox/changes", {}),
        ("Mailbox/changes", {"sinceState": "0", "maxChanges": 0}),
        ("Mailbox/changes", {"sinceState": 0}),
        ("Mailbox/set", {"create": []}),
        ("Mailbox/set", {"create": {"a": 1}}),
        ("Email/query", {"limit": -1}),
        ("Email/query", {"filter": []}),
        ("Email/query", {"filter": {"operator": "XOR", "conditions": []}}),
        ("Email/query", {"filter": {"operator": "AND"}}),
        ("Email/query", {"filter": {"operator": "AND", "conditions": [], "x": 1}}),
        ("Email/query", {"filter": {"minSize": "1"}}),
        ("Email/query", {"filter": {"minSize": -1}}),
        ("Email/query", {"filter": {"minSize": 2**70}}),
        ("Email/query", {"filter": {"after": "x"}}),
        ("Email/query", {"filter": {"header": []}}),
        ("Email/query", {"filter": {"header": ["a", "b", "c"]}}),
        ("Email/query", {"sort": [{}]}),
        ("Email/query", {"sort": [{"property": "size", "isAscending": 1}]}),
        ("Email/query", {"sort": [{"property": "hasKeyword"}]}),
        ("Email/get", {"ids": [], "accountId": 5}),
    ],
)
def test_arguments_that_are_wrong(house: House, name: str, given: dict[str, Any]) -> None:
    assert house.refuse(name, **given)["type"] == "invalidArguments"


def test_a_comparator_may_hold_what_means_nothing_as_that_of_jmapc_does(house: House) -> None:
    sort = {"property": "receivedAt", "isAscending": False}
    odd = sort | {"anchorOffset": 0, "calculateTotal": False, "position": 0}
    assert house.call("Email/query", sort=[odd])["ids"] == house.call("Email/query", sort=[sort])["ids"]


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"filter": {"colour": "red"}}, "unsupportedFilter"),
        ({"sort": [{"property": "colour"}]}, "unsupportedSort"),
        ({"sort": [{"property": "size", "collation": "i;none"}]}, "unsupportedSort"),
        ({"filter": {"operator": "AND", "conditions": [{"text": "x"}] * 101}}, "unsupportedFilter"),
    ],
)
def test_questions_that_are_not_supported(house: House, given: dict[str, Any], kind: str) -> None:
    assert house.refuse("Email/query", **given)["type"] == kind


def test_an_empty_filter_matches_all_and_operators_of_nothing_are_what_logic_says(house: House) -> None:
    id = house.add()
    assert house.query(filter={}) == house.query(filter={"operator": "AND", "conditions": []}) == [id]
    assert house.query(filter={"operator": "OR", "conditions": []}) == []
    assert house.query(filter={"operator": "NOT", "conditions": []}) == [id]


def test_not_means_none_of_the_conditions(house: House) -> None:
    house.add(None, keywords={"a": True})
    neither = house.add(None, keywords={"c": True})
    filter = {"operator": "NOT", "conditions": [{"hasKeyword": "a"}, {"hasKeyword": "b"}]}
    assert house.query(filter=filter) == [neither]


def test_in_other_than_means_in_any_mailbox_outside_the_list(house: House) -> None:
    inside, both = house.add(), house.add(None, "inbox", "archive")
    assert house.query(filter={"inMailboxOtherThan": [house.box["inbox"]]}) == [both]
    assert sorted(house.query(filter={"inMailboxOtherThan": []})) == sorted([inside, both])
    assert sorted(house.query(filter={"inMailboxOtherThan": [f"m{n}" for n in range(40_000)]})) == sorted(
        [inside, both]
    )


@pytest.mark.parametrize("word", ["a b", "", "x" * 60_000, "%", "_", "\\", "a%"])
def test_what_is_no_keyword_is_on_no_email(house: House, word: str) -> None:
    id = house.add(None, keywords={"a": True, "b": True})
    for name in ("hasKeyword", "allInThreadHaveKeyword", "someInThreadHaveKeyword"):
        assert house.query(filter={name: word}) == []
    for name in ("notKeyword", "noneInThreadHaveKeyword"):
        assert house.query(filter={name: word}) == [id]


def test_a_method_exists_only_for_those_who_use_its_capability(house: House) -> None:
    ((name, answer, _),) = house.request(BOXES, using=[QUOTA])
    assert (name, answer["type"]) == ("error", "unknownMethod")
    assert house.refuse("Mailbox/copy")["type"] == "unknownMethod"
    assert house.refuse("Nonsense")["type"] == "unknownMethod"


def test_an_app_password_allows_what_it_names(house: House) -> None:
    caller = msgspec.structs.replace(house.caller, scope=frozenset({MAIL}))
    answers = house.request(BOXES, ("Quota/get", {"ids": None}), caller=caller, using=USING)
    assert answers[0][0] == "Mailbox/get"
    assert answers[1][1]["type"] == "forbidden"


def test_a_failing_call_does_not_stop_the_others(house: House) -> None:
    answers = house.request(
        BOXES, ("Email/get", {"ids": 1}), ("Mailbox/set", {"create": {"x": {"name": "x"}}}), ("Nonsense", {}), BOXES
    )
    assert [name for name, _, _ in answers] == ["Mailbox/get", "error", "Mailbox/set", "error", "Mailbox/get"]
    assert [id for _, _, id in answers] == ["0", "1", "2", "3", "4"]
    assert len(answers[4][1]["list"]) == len(answers[0][1]["list"]) + 1
