"""Mailboxes: names, places, roles, what destroying one does (RFC 8621 §2)."""

from typing import Any

import pytest

from pillarbox.datatypes.mailbox import MAILBOX, Mailbox, MailboxRules
from pillarbox.datatypes.mailbox_name import from_level, to_level
from pillarbox.services.mail.mailbox_path import find_or_make, paths_of
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
    ({"name": "inbox"}, "alreadyExists", ""),
    ({"name": "INBOX"}, "alreadyExists", ""),
    ({"name": "other users"}, "invalidProperties", "name"),
    ({"name": "a\u2215b"}, "invalidProperties", "name"),
]


@pytest.mark.parametrize(("given", "kind", "named"), WRONG, ids=[str(given)[:50] for given, *_ in WRONG])
def test_a_mailbox_is_refused(house: House, given: dict[str, Any], kind: str, named: str) -> None:
    for error in (house.not_created("Mailbox", given), house.not_updated("Mailbox", house.box["sent"], given)):
        assert error["type"] == kind
        assert error.get("properties", [""]) == [named]
    if kind == "alreadyExists":
        assert error["existingId"] == house.box["inbox"]


def test_the_same_name_is_free_below_another_parent(house: House) -> None:
    for name in ("Inbox", "INBOX", "Other Users"):
        box = house.create("Mailbox", name=name, parentId=house.box["archive"])
        error = house.not_updated("Mailbox", box, {"parentId": None})
        assert error["type"] == ("invalidProperties" if name == "Other Users" else "alreadyExists")


def test_only_what_is_inbox_in_ascii_is_taken_for_the_inbox(house: House) -> None:
    # A letter that only Unicode takes for an I is no I in IMAP, whose INBOX is ASCII.
    assert house.create("Mailbox", name="\u0131nbox")
    assert house.create("Mailbox", name="inbox 2")


def test_a_name_from_before_the_rule_stays_until_it_is_changed(house: House) -> None:
    old = Mailbox(id="mold", name="inbox")
    rules = MAILBOX.rules
    assert isinstance(rules, MailboxRules)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rules, "check", lambda *_: None)
        house.store.write(lambda tx: tx.write(MAILBOX, "a1", None, old))
    house.update("Mailbox", "mold", {"sortOrder": 3})
    assert house.store.read(lambda view: paths_of(view, "a1"))["mold"] == ("inbox_",)
    assert house.not_updated("Mailbox", "mold", {"name": "iNbox"})["type"] == "alreadyExists"
    house.update("Mailbox", "mold", {"name": "Old mail"})


def test_a_slash_in_a_name_is_shown_as_another_one_and_read_back(house: House) -> None:
    box = house.create("Mailbox", name="Bills/2024")
    (level,) = house.store.read(lambda view: paths_of(view, "a1"))[box]
    assert from_level(to_level(level)) == "Bills/2024"
    assert "/" not in to_level(level)
    found = house.store.write(lambda tx: find_or_make(tx, "a1", [(to_level(level),), ("Bills/2024",)]))
    assert set(found.values()) == {box}


def test_an_archive_may_name_what_a_client_may_not(house: House) -> None:
    found = house.store.write(lambda tx: find_or_make(tx, "a1", [("inbox",), ("Other Users", "bob"), ("a\u2215b",)]))
    assert found[("inbox",)] == house.box["inbox"]
    paths = house.store.read(lambda view: paths_of(view, "a1"))
    assert {paths[str(id)] for id in found.values()} == {("INBOX",), ("Other Users_", "bob"), ("a/b",)}


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
