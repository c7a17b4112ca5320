"""Foo/set by Mailbox and Email (RFC 8620 §5.3)."""

from pathlib import Path

import pytest

from pillarbox.core.limits import Limits
from tests.support.mail_house import House, open_house


def test_a_record_can_be_updated_in_the_call_that_creates_it(house: House) -> None:
    answer = house.call("Mailbox/set", create={"x": {"name": "X"}}, update={"#x": {"name": "Y"}})
    id = answer["created"]["x"]["id"]
    assert list(answer["updated"]) == [id]
    assert house.get("Mailbox", id, "name") == {"id": id, "name": "Y"}


def test_a_child_may_stand_before_its_new_parent(house: House) -> None:
    chain = {f"c{n}": {"name": f"n{n}", "parentId": f"#c{n + 1}"} for n in range(9)}
    answer = house.call("Mailbox/set", create={**chain, "c9": {"name": "root"}})
    assert answer["notCreated"] is None
    assert house.get("Mailbox", answer["created"]["c0"]["id"])["parentId"] == answer["created"]["c1"]["id"]


@pytest.mark.parametrize("turn", [1, -1])
def test_parent_and_child_are_destroyed_in_one_call_in_any_order(house: House, turn: int) -> None:
    parent = house.create("Mailbox", name="p")
    child = house.create("Mailbox", name="c", parentId=parent)
    answer = house.call("Mailbox/set", destroy=[parent, child][::turn])
    assert sorted(answer["destroyed"]) == sorted([parent, child])
    assert answer["notDestroyed"] is None


def test_two_records_exchange_their_names(house: House) -> None:
    one, two = house.create("Mailbox", name="A"), house.create("Mailbox", name="B")
    answer = house.call("Mailbox/set", update={one: {"name": "B"}, two: {"name": "A"}})
    assert answer["notUpdated"] is None
    assert [house.get("Mailbox", id)["name"] for id in (one, two)] == ["B", "A"]


def test_two_mailboxes_exchange_their_roles(house: House) -> None:
    trash, archive = house.box["trash"], house.box["archive"]
    answer = house.call("Mailbox/set", update={trash: {"role": "archive"}, archive: {"role": "trash"}})
    assert answer["notUpdated"] is None
    assert answer["updated"] == {trash: None, archive: None}
    assert house.get("Mailbox", archive)["role"] == "trash"


def test_an_exchange_leaves_out_what_is_wrong_even_then(house: House) -> None:
    a, b, c = (house.create("Mailbox", name=name) for name in "ABC")
    answer = house.call("Mailbox/set", update={a: {"name": "B"}, b: {"name": "A"}, c: {"name": ""}})
    assert set(answer["updated"]) == {a, b}
    assert answer["notUpdated"][c]["type"] == "invalidProperties"


def test_an_exchange_whose_end_is_wrong_changes_nothing(house: House) -> None:
    a, b = house.create("Mailbox", name="A"), house.create("Mailbox", name="B")
    before = house.dump()
    answer = house.call("Mailbox/set", update={a: {"name": "Inbox"}, b: {"name": "A\x00"}})
    assert set(answer["notUpdated"]) == {a, b}
    after = house.dump()
    before.pop("account"), after.pop("account")
    assert after == before


def test_a_name_passes_on_within_one_call(house: House) -> None:
    old = house.create("Mailbox", name="A")
    answer = house.call("Mailbox/set", create={"x": {"name": "A"}}, update={old: {"name": "B"}})
    assert answer["notCreated"] is None
    assert answer["notUpdated"] is None
    other = house.call("Mailbox/set", create={"y": {"name": "B"}}, destroy=[old])
    assert other["notCreated"] is None


def test_what_is_destroyed_in_the_same_call_is_not_updated(house: House) -> None:
    id = house.create("Mailbox", name="A")
    answer = house.call("Mailbox/set", update={id: {"name": "B"}}, destroy=[id])
    assert answer["notUpdated"][id]["type"] == "willDestroy"
    assert answer["destroyed"] == [id]


@pytest.mark.parametrize("id", ["nope", "", "#unknown", "é", "\x00", "a" * 300, "x y", "'; --", "%"])
def test_ids_that_are_none_come_back_as_they_were_given(house: House, id: str) -> None:
    for type in ("Mailbox", "Email", "Identity"):
        answer = house.call(f"{type}/set", update={id: {}}, destroy=[id] if type != "Mailbox" else [])
        assert answer["notUpdated"][id]["type"] in {"notFound", "willDestroy"}
        if type != "Mailbox":
            assert answer["notDestroyed"][id]["type"] == "notFound"
    for type in ("Mailbox", "Email", "Thread", "Identity", "Quota", "VacationResponse"):
        assert house.call(f"{type}/get", ids=[id])["notFound"] == [id]


def test_an_old_state_stops_the_call(house: House) -> None:
    old = house.state("Mailbox")
    house.create("Mailbox", name="A")
    assert house.refuse("Mailbox/set", ifInState=old, create={"x": {"name": "B"}})["type"] == "stateMismatch"
    assert house.query("Mailbox", {"name": "zzz"}) == []
    house.call("Mailbox/set", ifInState=house.state("Mailbox"), create={"x": {"name": "Zzz"}})


def test_too_many_objects_are_refused_as_a_whole(tmp_path: Path) -> None:
    house = open_house(tmp_path, Limits(max_objects_in_set=2))
    create = {str(n): {"name": str(n)} for n in range(3)}
    assert house.refuse("Mailbox/set", create=create)["type"] == "requestTooLarge"
    assert house.refuse("Email/set", create={str(n): {} for n in range(3)})["type"] == "requestTooLarge"
    assert house.refuse("Mailbox/set", create={"a": {"name": "a"}}, destroy=["x", "y"])["type"] == "requestTooLarge"
    house.store.close()


def test_a_creation_id_that_is_not_known_is_named(house: House) -> None:
    error = house.not_created("Mailbox", {"name": "A", "parentId": "#nobody"})
    assert (error["type"], error["properties"]) == ("invalidProperties", ["parentId"])
    draft = {"mailboxIds": {"#nobody": True}}
    assert house.not_created("Email", draft)["properties"] == ["mailboxIds"]
    email = house.add()
    assert house.not_updated("Email", email, {"mailboxIds/#nobody": True})["properties"] == ["mailboxIds"]


def test_a_creation_id_stands_for_an_id_everywhere(house: House) -> None:
    email = house.add()
    draft = {"mailboxIds": {"#box": True}, "subject": "zebra"}
    answers = house.request(
        ("Mailbox/set", {"create": {"box": {"name": "New"}}}),
        ("Email/set", {"update": {email: {"mailboxIds/#box": True}}, "create": {"d": draft}}),
        ("Email/get", {"ids": ["#d"], "properties": ["mailboxIds", "threadId"]}),
        ("Email/query", {"filter": {"inMailbox": "#box"}, "sort": [{"property": "receivedAt"}], "anchor": "#d"}),
        ("SearchSnippet/get", {"filter": {"inMailbox": "#box", "subject": "zebra"}, "emailIds": ["#d"]}),
        ("Email/query", {"filter": {"operator": "NOT", "conditions": [{"inMailboxOtherThan": ["#box"]}]}}),
        ("Mailbox/set", {"update": {"#box": {"name": "Newer"}}, "create": {"sub": {"name": "s", "parentId": "#box"}}}),
        ("Mailbox/query", {"filter": {"parentId": "#box"}}),
        ("Email/set", {"destroy": ["#d"]}),
    )
    assert not [answer for name, answer, _ in answers if name == "error"]
    box, d = answers[0][1]["created"]["box"]["id"], answers[1][1]["created"]["d"]["id"]
    assert answers[2][1]["list"][0]["mailboxIds"] == {box: True}
    assert answers[3][1]["ids"] == [d]
    assert answers[4][1]["list"][0]["subject"] == "<mark>zebra</mark>"
    assert answers[5][1]["ids"] == [d]
    assert answers[7][1]["ids"] == [answers[6][1]["created"]["sub"]["id"]]
    assert answers[8][1]["destroyed"] == [d]
    assert house.get("Email", email, "mailboxIds")["mailboxIds"] == {house.box["inbox"]: True, box: True}


def test_creation_ids_of_an_earlier_request_are_taken_from_the_client(house: House) -> None:
    created_ids = {"k": house.box["archive"]}
    answers = house.request(("Mailbox/get", {"ids": ["#k"], "properties": ["role"]}), created_ids=created_ids)
    assert answers[0][1]["list"] == [{"id": house.box["archive"], "role": "archive"}]


def test_the_current_values_are_taken_without_a_change(house: House) -> None:
    email = house.add()
    for type, id in (("Mailbox", house.box["archive"]), ("Email", email)):
        record = house.get(type, id)
        for name in ("textBody", "htmlBody", "attachments", "bodyValues"):
            record.pop(name, None)
        answer = house.call(f"{type}/set", update={id: record})
        assert answer["notUpdated"] is None
        assert answer["oldState"] == answer["newState"]


def test_all_that_is_wrong_is_named(house: House) -> None:
    given = {"name": 5, "sortOrder": "x", "totalEmails": 3, "nonsense": 1, "id": "m1", "myRights": {}}
    error = house.not_created("Mailbox", given)
    assert error["type"] == "invalidProperties"
    assert sorted(error["properties"]) == sorted(given)
    error = house.not_updated("Mailbox", house.box["archive"], given)
    assert sorted(error["properties"]) == sorted(given)
    assert house.not_created("Mailbox", {})["properties"] == ["name"]


def test_the_server_tells_what_it_set(house: House) -> None:
    answer = house.call("Mailbox/set", create={"x": {"name": "e\u0301", "sortOrder": 0}})["created"]["x"]
    assert answer.pop("id")
    assert answer.pop("myRights")["mayDelete"] is True
    assert answer == {
        "name": "é", "parentId": None, "role": None, "isSubscribed": True,
        "totalEmails": 0, "unreadEmails": 0, "totalThreads": 0, "unreadThreads": 0,
    }  # fmt: skip
    id = house.create("Mailbox", name="plain")
    assert house.update("Mailbox", id, {"name": "a\u0308"}) == {"name": "ä"}
    assert house.update("Mailbox", id, {"name": "b"}) is None


def test_null_gives_a_property_its_default(house: House) -> None:
    id = house.create("Mailbox", name="A", sortOrder=7, isSubscribed=False)
    house.update("Mailbox", id, {"sortOrder": None, "isSubscribed": None})
    record = house.get("Mailbox", id)
    assert (record["sortOrder"], record["isSubscribed"]) == (0, True)
    assert house.not_updated("Mailbox", id, {"name": None})["properties"] == ["name"]


def test_a_singleton_is_neither_made_nor_destroyed(house: House) -> None:
    answer = house.call(
        "VacationResponse/set", create={"x": {}}, destroy=["singleton"], update={"singleton": {"subject": "Away"}}
    )
    assert answer["notCreated"]["x"]["type"] == "singleton"
    assert answer["notDestroyed"]["singleton"]["type"] == "singleton"
    assert answer["updated"] == {"singleton": None}


@pytest.mark.parametrize(
    ("patch", "kind"),
    [
        ({"mailboxIds": {}, "mailboxIds/x": True}, "invalidPatch"),
        ({"keywords/$a/b": True}, "invalidPatch"),
        ({"receivedAt/0": "x"}, "invalidPatch"),
        ({"nothing/here": 1}, "invalidPatch"),
        ({"/keywords/$a": True}, "invalidPatch"),
        ({"keywords/$A": True, "keywords/$a": True}, "invalidPatch"),
        ({"keywords/$a": False}, "invalidProperties"),
        ({"keywords/a b": True}, "invalidProperties"),
        ({"mailboxIds": None}, "invalidProperties"),
        ({"": 1}, "invalidProperties"),
        ({"subject": "other"}, "invalidProperties"),
        ({"textBody": []}, "invalidProperties"),
    ],
)
def test_patches_that_cannot_be_applied(house: House, patch: dict[str, object], kind: str) -> None:
    assert house.not_updated("Email", house.add(), patch)["type"] == kind


def test_nothing_of_an_update_is_done_when_a_part_is_refused(house: House) -> None:
    id = house.add()
    house.not_updated("Email", id, {"keywords/$seen": True, "mailboxIds": {}})
    assert house.get("Email", id, "keywords")["keywords"] == {}


def test_one_call_takes_one_number(house: House) -> None:
    ids = [house.add() for _ in range(4)]
    before = int(house.state("Email"))
    answer = house.call("Email/set", update={id: {"keywords/$seen": True} for id in ids}, destroy=[])
    assert int(answer["newState"]) == before + 1
    assert house.state("Mailbox") == answer["newState"]
