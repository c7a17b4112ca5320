"""Mailboxes: names, places, roles, what destroying one does (RFC 8621 §2)."""

from typing import Any

import pytest

from tests.support.mail_house import House

WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"name": ""}, "invalidProperties", "name"),
    ({"name": "a\x00"}, "invalidProperties", "name"),
    ({"name": "x" * 256}, "invalidProperties", "name"),
    ({"name": "é" * 128}, "invalidProperties", "name"),
    ({"name": "a", "parentId": "nobody"}, "invalidProperties", "parentId"),
    ({"name": "a", "role": "king"}, "invalidProperties", "role"),
    ({"name": "a", "role": "inbox"}, "invalidProperties", "role"),
    ({"name": "a", "role": "Archive"}, "invalidProperties", "role"),
    ({"name": "a", "sortOrder": -1}, "invalidProperties", "sortOrder"),
    ({"name": "a", "sortOrder": 2**31}, "invalidProperties", "sortOrder"),
    ({"name": "Inbox"}, "alreadyExists", ""),
]


@pytest.mark.parametrize(("given", "kind", "named"), WRONG, ids=[str(given)[:50] for given, *_ in WRONG])
def test_a_mailbox_is_refused(house: House, given: dict[str, Any], kind: str, named: str) -> None:
    for error in (house.not_created("Mailbox", given), house.not_updated("Mailbox", house.box["sent"], given)):
        assert error["type"] == kind
        assert error.get("properties", [""]) == [named]
    if kind == "alreadyExists":
        assert error["existingId"] == house.box["inbox"]


def test_the_same_name_is_free_below_another_parent(house: House) -> None:
    house.create("Mailbox", name="Inbox", parentId=house.box["archive"])


def test_a_mailbox_is_never_inside_itself(house: House) -> None:
    parent = house.create("Mailbox", name="p")
    child = house.create("Mailbox", name="c", parentId=parent)
    for target in (parent, child):
        assert house.not_updated("Mailbox", parent, {"parentId": target})["properties"] == ["parentId"]


def test_mailboxes_are_nested_ten_deep_and_no_deeper(house: House) -> None:
    ids: list[str | None] = [None]
    for n in range(10):
        ids.append(house.create("Mailbox", name=str(n), parentId=ids[-1]))
    assert house.not_created("Mailbox", {"name": "x", "parentId": ids[-1]})["properties"] == ["parentId"]
    top = house.create("Mailbox", name="top")
    assert house.not_updated("Mailbox", str(ids[1]), {"parentId": top})["properties"] == ["parentId"]


def test_the_inbox_stays(house: House) -> None:
    inbox = house.box["inbox"]
    assert house.call("Mailbox/set", destroy=[inbox])["notDestroyed"][inbox]["type"] == "forbidden"
    for patch in ({"name": "x"}, {"parentId": house.box["archive"]}):
        assert house.not_updated("Mailbox", inbox, patch)["type"] == "forbidden"
    assert house.not_updated("Mailbox", inbox, {"role": None})["properties"] == ["role"]
    house.update("Mailbox", inbox, {"isSubscribed": False, "sortOrder": 3})


def test_set_refuses_to_destroy_a_mailbox_with_children(house: House) -> None:
    parent = house.create("Mailbox", name="p")
    house.create("Mailbox", name="c", parentId=parent)
    assert house.call("Mailbox/set", destroy=[parent])["notDestroyed"][parent]["type"] == "mailboxHasChild"


def test_a_mailbox_with_mail_goes_only_with_its_mail(house: House) -> None:
    box = house.create("Mailbox", name="b")
    here, both = house.add(None, box), house.add(None, box, "archive")
    assert house.call("Mailbox/set", destroy=[box])["notDestroyed"][box]["type"] == "mailboxHasEmail"
    house.destroy("Mailbox", box, onDestroyRemoveEmails=True)
    assert list(house.every("Email", "mailboxIds")) == [both]
    assert house.get("Email", both, "mailboxIds")["mailboxIds"] == {house.box["archive"]: True}
    assert house.call("Email/get", ids=[here])["notFound"] == [here]
    assert house.query(filter={"inMailbox": box}) == []


def test_only_counters_are_named_when_only_they_changed(house: House) -> None:
    state = house.state("Mailbox")
    house.add()
    answer = house.call("Mailbox/changes", sinceState=state)
    assert answer["updated"] == [house.box["inbox"]]
    assert answer["updatedProperties"] == ["totalEmails", "unreadEmails", "totalThreads", "unreadThreads"]
    house.update("Mailbox", house.box["sent"], {"name": "Sent mail"})
    assert house.call("Mailbox/changes", sinceState=state)["updatedProperties"] is None


def test_rights_are_those_of_the_caller(house: House) -> None:
    mine = house.get("Mailbox", house.box["archive"], "myRights")["myRights"]
    inbox = house.get("Mailbox", house.box["inbox"], "myRights")["myRights"]
    theirs = house.get("Mailbox", house.box["r1:inbox"], "myRights", accountId="r1")["myRights"]
    assert set(mine.values()) == {True}
    assert {n for n, v in inbox.items() if not v} == {"mayRename", "mayDelete"}
    assert [n for n, v in theirs.items() if v] == ["mayReadItems"]
    assert house.refuse("Mailbox/set", accountId="r1", create={})["type"] == "accountReadOnly"
    assert house.refuse("Mailbox/get", accountId="zz", ids=[])["type"] == "accountNotFound"


def test_a_query_shows_the_tree(house: House) -> None:
    b = house.create("Mailbox", name="b", sortOrder=1)
    a = house.create("Mailbox", name="a", sortOrder=2)
    under_b = house.create("Mailbox", name="x", parentId=b, sortOrder=0)
    sort = [{"property": "sortOrder"}, {"property": "name"}]
    tree = house.query("Mailbox", {"hasAnyRole": False}, sort=sort, sortAsTree=True)
    assert tree == [b, under_b, a]
    assert house.query("Mailbox", {"hasAnyRole": False}, sort=sort) == [under_b, b, a]
    assert house.query("Mailbox", {"name": "x"}, filterAsTree=True) == [house.box["inbox"]]
    assert house.query("Mailbox", {"parentId": b}) == [under_b]
    assert house.query("Mailbox", {"role": "trash"}) == [house.box["trash"]]
