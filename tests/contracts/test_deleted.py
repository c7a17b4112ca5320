r"""IMAP's \Deleted: seen by IMAP alone, taken back without a trace, and gone with its last membership.

RFC 8621 §4.1.1, RFC 9051 §2.3.2, §6.4.3.
"""

from typing import Any

import pytest

from pillarbox.core.faults import Fault
from pillarbox.datatypes.email import EMAIL
from pillarbox.datatypes.email.reading import read_message
from pillarbox.datatypes.email.record import Email
from pillarbox.datatypes.email.store import new_email
from pillarbox.datatypes.membership import UNSEEN
from pillarbox.datatypes.thread import THREAD
from pillarbox.services.mail.flag import expunge, remove, set_deleted
from pillarbox.services.verify.run import verify
from pillarbox.storage import change, purge
from tests.support.mail_house import House, message


def delete(house: House, *ids: str, box: str = "inbox", on: bool = True) -> list[str]:
    return house.store.write(lambda tx: set_deleted(tx, "a1", house.box[box], ids, on=on))


def wipe(house: House, *ids: str, box: str = "inbox") -> list[str]:
    return house.store.write(lambda tx: expunge(tx, "a1", house.box[box], ids))


def members(house: House, box: str = "inbox") -> list[Any]:
    return house.store.read(lambda view: view.memberships("a1", house.box[box]))


def kept(house: House, id: str) -> Email | None:
    return house.store.read(lambda view: view.get_with_deleted(EMAIL, "a1", [id])).get(id)


def states(house: House) -> dict[str, str]:
    return {type: house.state(type) for type in ("Email", "Thread", "Mailbox", "Quota")}


def sound(house: House) -> bool:
    report = verify(house.store)
    assert report.is_sound, report.findings
    return True


def test_a_deleted_email_is_gone_for_jmap_and_there_for_imap(house: House) -> None:
    id = house.add(message("Ferry", "apple"), keywords={"$flagged": True})
    email, state = house.get("Email", id), house.state("Email")
    assert delete(house, id) == [id]
    assert house.call("Email/get", ids=[id])["notFound"] == [id]
    assert house.call("Thread/get", ids=[email["threadId"]])["notFound"] == [email["threadId"]]
    box = {"inMailbox": house.box["inbox"]}
    for filter in (
        None,
        box,
        {"text": "apple"},
        {**box, "text": "apple"},
        {"hasKeyword": "$flagged"},
        {"header": ["Subject"]},
    ):
        assert house.query(filter=filter) == []
    assert house.query(filter={"inMailboxOtherThan": []}) == []
    counters = house.get("Mailbox", house.box["inbox"], "totalEmails", "unreadEmails", "totalThreads", "unreadThreads")
    assert {n for name, n in counters.items() if name != "id"} == {0}
    assert house.call("Email/changes", sinceState=state)["destroyed"] == [id]
    assert house.call("Blob/lookup", ids=[email["blobId"]], typeNames=["Email", "Thread", "Mailbox"])["list"] == [
        {"id": email["blobId"], "matchedIds": {"Email": [], "Thread": [], "Mailbox": []}}
    ]
    (member,) = members(house)
    assert (member.uid, member.item, member.words, bool(member.is_deleted)) == (1, id, " $flagged ", True)
    record = kept(house, id)
    assert record is not None
    assert (record.mailbox_ids, record.deleted_ids) == ({}, (house.box["inbox"],))
    assert house.store.read(lambda view: view.read_blob("a1", record.blob_id)) == message("Ferry", "apple")
    assert house.get("Quota", "count", "used")["used"] == 1
    assert house.not_updated("Email", id, {"keywords/$seen": True})["type"] == "notFound"
    assert house.call("Email/set", destroy=[id])["notDestroyed"][id]["type"] == "notFound"
    assert sound(house)


def test_taken_back_it_is_the_same_email_in_the_same_thread_at_the_same_uid(house: House) -> None:
    id = house.add(message("Ferry", "apple"))
    before, old = house.get("Email", id), states(house)
    delete(house, id)
    hidden = states(house)
    assert delete(house, id, on=False) == [id]
    assert house.get("Email", id) == before
    assert house.get("Thread", before["threadId"])["emailIds"] == [id]
    assert house.query(filter={"text": "apple"}) == [id]
    assert house.get("Mailbox", house.box["inbox"], "totalEmails")["totalEmails"] == 1
    assert [(m.uid, bool(m.is_deleted)) for m in members(house)] == [(1, False)]
    for type, one in (("Email", id), ("Thread", before["threadId"])):
        # Who knew it knows it still; who looked meanwhile learns of it.
        assert house.call(f"{type}/changes", sinceState=old[type])["updated"] == [one]
        assert house.call(f"{type}/changes", sinceState=hidden[type])["created"] == [one]
        assert house.call(f"{type}/changes", sinceState="0")["created"] == [one]
    assert house.store.read(lambda view: view.get(EMAIL, "a1", id)) == kept(house, id)
    assert sound(house)


def test_many_turns_are_remembered_as_far_as_a_client_can_be_misled(house: House) -> None:
    id = house.add()
    seen: list[tuple[str, bool]] = []
    for turn in range(50):
        seen.append((house.state("Email"), turn % 2 == 0))
        delete(house, id, on=turn % 2 == 0)
    assert house.query() == [id]
    for number, (state, was_there) in enumerate(seen):
        page = house.call("Email/changes", sinceState=state)
        recent = number >= len(seen) - 30
        assert page["destroyed"] == []
        # What is long ago may be told as created to those who have it, never as updated to those who have not.
        assert page["updated" if was_there and recent else "created"] == [id] or (was_there and not recent)
        assert was_there or page["updated"] == []


def test_an_email_in_two_mailboxes_leaves_only_the_one(house: House) -> None:
    id = house.add(None, "inbox", "archive")
    state = house.state("Email")
    delete(house, id)
    assert house.get("Email", id)["mailboxIds"] == {house.box["archive"]: True}
    assert house.call("Email/changes", sinceState=state)["updated"] == [id]
    assert house.query(filter={"inMailbox": house.box["inbox"]}) == []
    assert house.query(filter={"inMailboxOtherThan": [house.box["archive"]]}) == []
    assert "deletedIds" not in house.get("Email", id)
    house.update("Email", id, {"keywords/$seen": True})
    assert [m.words for m in members(house) + members(house, "archive")] == [" $seen "] * 2
    before = states(house)
    assert wipe(house, id) == [id]
    assert states(house) == before, "nobody but IMAP sees what was expunged"
    assert members(house) == []
    assert kept(house, id) == house.store.read(lambda view: view.get(EMAIL, "a1", id))
    assert sound(house)


def test_what_is_expunged_from_its_last_mailbox_is_gone_for_good(house: House) -> None:
    one, two = house.add(message("Ferry", "apple")), house.add(message("Ferry", "berry"))
    blob, since = (
        house.get("Email", one)["blobId"],
        house.store.read(lambda v: v.container("a1", house.box["inbox"])).modseq,
    )
    delete(house, one)
    before = house.state("Email")
    assert wipe(house, one, two, "enobody") == [one], "the other is not deleted"
    assert house.state("Email") == before
    assert kept(house, one) is None
    assert house.get("Quota", "count", "used")["used"] == 1
    assert house.store.read(lambda view: view.pending_use("a1"))[0] == 1
    assert house.store.read(lambda view: view.blob_references("a1", blob)) == []
    assert [m.item for m in members(house)] == [two]
    assert house.store.read(lambda view: view.removed_uids("a1", house.box["inbox"], since)) == [1]
    assert house.call("Email/changes", sinceState="0")["created"] == [two]
    assert sound(house)


def test_what_is_removed_need_not_be_deleted_before(house: House) -> None:
    one, two = house.add(), house.add(None, "inbox", "archive")
    assert house.store.write(lambda tx: remove(tx, "a1", house.box["inbox"], [two, one, two])) == [two, one]
    assert house.every("Email", "mailboxIds").keys() == {two}
    assert members(house) == []
    assert sound(house)


def test_flags_of_a_hidden_email_change_for_imap_alone(house: House) -> None:
    id = house.add()
    delete(house, id)
    before, since = states(house), members(house)[0].modseq
    told: list[Any] = []
    house.store.listeners.append(told.append)

    def mark(tx: Any) -> None:
        email = tx.get(EMAIL, "a1", id, with_deleted=True)
        assert tx.get(EMAIL, "a1", id) is None
        tx.write(EMAIL, "a1", email, Email(**{**_fields(email), "keywords": {"$seen": True}}))

    house.store.write(mark)
    assert states(house) == before
    assert [set(changed["a1"]) for changed in told] == [{UNSEEN}]
    (member,) = house.store.read(lambda view: view.memberships("a1", house.box["inbox"], since=since))
    assert member.words == " $seen "
    assert house.store.read(lambda view: view.container("a1", house.box["inbox"])).modseq == member.modseq > since
    delete(house, id, on=False)
    assert house.get("Email", id)["keywords"] == {"$seen": True}
    assert house.get("Mailbox", house.box["inbox"], "unreadEmails")["unreadEmails"] == 0
    assert sound(house)


def _fields(email: Email) -> dict[str, Any]:
    return {name: getattr(email, name) for name in email.__struct_fields__}


def test_a_reply_finds_the_thread_of_a_hidden_parent(house: House) -> None:
    parent = house.add(message("Ferry", id="m1"))
    thread = house.get("Email", parent)["threadId"]
    delete(house, parent)
    state = house.state("Thread")
    reply = house.add(message("Re: Ferry", headers={"References": "<m1@example.org>"}, id="m2"))
    assert house.get("Email", reply)["threadId"] == thread
    assert house.get("Thread", thread)["emailIds"] == [reply]
    assert house.call("Thread/changes", sinceState=state)["created"] == [thread]
    delete(house, parent, on=False)
    assert house.get("Thread", thread)["emailIds"] == [parent, reply]
    delete(house, parent, reply)
    wipe(house, parent)
    assert house.store.read(lambda view: view.get(THREAD, "a1", thread)) is None
    wipe(house, reply)
    assert house.store.read(lambda view: view.get_with_deleted(THREAD, "a1", [thread])) == {}
    assert (
        house.get("Email", house.add(message("Re: Ferry", headers={"References": "<m1@example.org>"})))["threadId"]
        != thread
    )
    assert sound(house)


def test_jmap_brings_back_what_it_files_where_it_is_deleted(house: House) -> None:
    id = house.add(None, "inbox", "archive")
    delete(house, id)
    house.update("Email", id, {f"mailboxIds/{house.box['inbox']}": True})
    assert [(m.uid, bool(m.is_deleted)) for m in members(house)] == [(1, False)]
    delete(house, id)
    error = house.not_updated("Email", id, {f"mailboxIds/{house.box['archive']}": None})
    assert (error["type"], error["properties"]) == ("invalidProperties", ["mailboxIds"])
    house.update("Email", id, {"mailboxIds": {house.box["sent"]: True}})
    assert [bool(m.is_deleted) for m in members(house)] == [True]
    assert sound(house)


def test_jmap_destroys_an_email_wherever_it_is(house: House) -> None:
    id = house.add(None, "inbox", "archive")
    delete(house, id)
    house.destroy("Email", id)
    assert kept(house, id) is None
    assert members(house) == members(house, "archive") == []
    assert house.get("Quota", "count", "used")["used"] == 0
    assert sound(house)


def test_a_mailbox_with_nothing_but_deleted_mail_is_empty_for_jmap_and_takes_it_along(house: House) -> None:
    box = house.create("Mailbox", name="Old")
    only, both = house.add(None, box), house.add(None, box, "archive")
    house.store.write(lambda tx: set_deleted(tx, "a1", box, [only, both], on=True))
    house.destroy("Mailbox", box)
    assert kept(house, only) is None
    record = kept(house, both)
    assert record is not None
    assert (record.mailbox_ids, record.deleted_ids) == ({house.box["archive"]: True}, ())
    assert sound(house)


def test_what_leaves_a_destroyed_mailbox_and_is_deleted_elsewhere_is_hidden(house: House) -> None:
    box = house.create("Mailbox", name="Old")
    id = house.add(None, box, "inbox")
    delete(house, id)
    assert house.call("Mailbox/set", destroy=[box])["notDestroyed"][box]["type"] == "mailboxHasEmail"
    house.destroy("Mailbox", box, onDestroyRemoveEmails=True)
    assert house.call("Email/get", ids=[id])["notFound"] == [id]
    assert [bool(m.is_deleted) for m in members(house)] == [True]
    delete(house, id, on=False)
    assert house.get("Email", id)["mailboxIds"] == {house.box["inbox"]: True}
    assert sound(house)


def test_the_trash_may_go_while_mail_of_its_threads_is_hidden(house: House) -> None:
    id = house.add(message(id="m1"), "inbox", "trash")
    house.add(message(headers={"References": "<m1@example.org>"}), "trash")
    delete(house, id)
    house.destroy("Mailbox", house.box["trash"], onDestroyRemoveEmails=True)
    assert sound(house)
    delete(house, id, on=False)
    assert house.get("Mailbox", house.box["inbox"], "unreadThreads")["unreadThreads"] == 1
    assert sound(house)


def test_mail_may_come_hidden_and_move_so(house: House) -> None:
    state = house.state("Email")

    def append(tx: Any) -> str:
        reading = read_message(message("Ferry", "apple"))
        email, extra = new_email(EMAIL, tx, "a1", reading, {}, {}, 0)
        email = Email(**{**_fields(email), "deleted_ids": (house.box["inbox"],)})
        tx.write(EMAIL, "a1", None, email, extra)
        return email.id

    id = house.store.write(append)
    assert house.query() == house.query(filter={"text": "apple"}) == []
    page = house.call("Email/changes", sinceState=state)
    assert (page["created"], page["updated"], page["destroyed"]) == ([], [], [])
    late = house.state("Email")

    def move(tx: Any) -> None:
        email = tx.get(EMAIL, "a1", id, with_deleted=True)
        tx.write(EMAIL, "a1", email, Email(**{**_fields(email), "deleted_ids": (house.box["archive"],)}))

    house.store.write(move)
    assert (members(house), [m.item for m in members(house, "archive")]) == ([], [id])
    assert house.state("Email") == late
    delete(house, id, box="archive", on=False)
    assert house.call("Email/changes", sinceState=late)["created"] == [id]
    assert house.call("Email/changes", sinceState=state)["created"] == [id]
    assert house.query(filter={"text": "apple"}) == [id]
    assert sound(house)


@pytest.mark.parametrize("places", [((), ()), (("inbox",), ("inbox",)), ((), ("nowhere",))])
def test_an_email_is_somewhere_and_once_in_each_mailbox(house: House, places: tuple[tuple[str, ...], ...]) -> None:
    id = house.add()
    live, deleted = ([house.box.get(box, box) for box in boxes] for boxes in places)

    def place(tx: Any) -> None:
        email = tx.get(EMAIL, "a1", id)
        fields = {**_fields(email), "mailbox_ids": dict.fromkeys(live, True), "deleted_ids": tuple(deleted)}
        tx.write(EMAIL, "a1", email, Email(**fields))

    with pytest.raises(Fault, match="mailbox"):
        house.store.write(place)


def test_a_purge_keeps_what_is_hidden_and_what_a_backup_has_yet_to_learn(house: House) -> None:
    one, two = house.add(), house.add()
    delete(house, one, two)
    hidden_at = house.store.read(lambda view: view.state(EMAIL, "a1"))
    wipe(house, two)
    house.store.write(lambda tx: change.purge(tx.db, "a1", "Email", hidden_at))
    sql = "SELECT id, destroyed FROM record WHERE account = 'a1' AND type = 'Email' ORDER BY id"
    assert house.store.read(lambda view: view.db.rows(sql)) == [(one, 2), (two, 1)]
    house.add()
    # Nor does the daily work forget it too early, or never.
    house.store.write(lambda tx: purge.step(tx.db, "a1", EMAIL, hidden_at))
    assert house.store.read(lambda view: view.db.rows(sql))[1] == (two, 1)
    house.store.write(lambda tx: purge.step(tx.db, "a1", EMAIL, 10**6))
    assert house.store.read(lambda view: view.db.rows(sql))[0] == (one, 2)
    assert [id for id, _ in house.store.read(lambda view: view.db.rows(sql))].count(two) == 0
    delete(house, one, on=False)
    assert house.get("Email", one)["id"] == one
