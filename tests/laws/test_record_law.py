"""Properties as asked for, counters that equal a recount, refusals without a trace (RFC 8620 §5, RFC 8621 §2)."""

from collections import defaultdict
from typing import Any

import pytest

from pillarbox.core.account import DIRECTORY
from pillarbox.core.faults import Fault
from pillarbox.datatypes.declare import GET, SET, DataType
from pillarbox.datatypes.mark import Mark
from pillarbox.datatypes.quota import set_limits
from pillarbox.datatypes.registry import TYPES
from tests.laws.test_change_law import SEEN, read
from tests.support.history import History, account_of
from tests.support.mail_house import House


def recounted(house: House) -> dict[str, dict[str, int]]:
    """The counters of every mailbox from nothing but the emails (RFC 8621 §2)."""
    emails = house.every("Email", "mailboxIds", "keywords", "threadId")
    boxes = house.every("Mailbox", "role")
    trash = next((id for id, box in boxes.items() if box["role"] == "trash"), None)
    unread = {id for id, email in emails.items() if not {"$seen", "$draft"} & set(email["keywords"])}
    threads: dict[str, list[Any]] = defaultdict(list)
    for email in emails.values():
        threads[email["threadId"]].append(email)

    def is_unread(thread: str, box: str) -> bool:
        # RFC 8621 §2: what is only in the trash counts for the trash alone, what is not in the trash not for the trash.
        counted = [
            e
            for e in threads[thread]
            if (trash in e["mailboxIds"] if box == trash else set(e["mailboxIds"]) != {trash})
        ]
        return any(e["id"] in unread for e in counted)

    out = {}
    for box in boxes:
        inside = [e for e in emails.values() if box in e["mailboxIds"]]
        in_threads = {e["threadId"] for e in inside}
        out[box] = {
            "totalEmails": len(inside),
            "unreadEmails": sum(e["id"] in unread for e in inside),
            "totalThreads": len(in_threads),
            "unreadThreads": sum(is_unread(thread, box) for thread in in_threads),
        }
    return out


def hidden(house: House) -> dict[str, int]:
    """The sizes of emails that only IMAP sees: they take their room until they are expunged."""
    boxes = list(house.every("Mailbox"))
    members = house.store.read(lambda view: [one for box in boxes for one in view.memberships("a1", box)])
    return {one.item: one.size for one in members if one.is_deleted}


@pytest.mark.parametrize("seed", range(5))
def test_counters_threads_and_quotas_equal_a_recount(house: House, seed: int) -> None:
    history = History(house, 200 + seed)
    for _ in range(25):
        history.steps(4)
        wanted = recounted(house)
        boxes = house.every("Mailbox", "totalEmails", "unreadEmails", "totalThreads", "unreadThreads")
        assert {id: {k: v for k, v in box.items() if k != "id"} for id, box in boxes.items()} == wanted
        emails = house.every("Email", "threadId", "receivedAt", "size")
        threads: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for id, email in emails.items():
            threads[email["threadId"]].append((email["receivedAt"], id))
        # RFC 8621 §3: "sorted by the receivedAt date of the Email, oldest first."
        assert {id: t["emailIds"] for id, t in house.every("Thread").items()} == {
            thread: [id for _, id in sorted(found)] for thread, found in threads.items()
        }
        used = {id: quota["used"] for id, quota in house.every("Quota").items()}
        kept = {id: email["size"] for id, email in emails.items()} | hidden(house)
        if used:
            assert used == {"octets": sum(kept.values()), "count": len(kept)}


def test_deliveries_are_all_counted_in_their_quota(house: House) -> None:
    ids = [house.add() for _ in range(3)]
    assert house.get("Quota", "count", "used")["used"] == 3
    house.destroy("Email", *ids)
    assert {q["used"] for q in house.every("Quota").values()} == {0}


@pytest.mark.parametrize("kind", [k for k in TYPES if GET in k.methods], ids=lambda kind: kind.name)
def test_exactly_the_properties_that_were_asked_for_are_returned(house: House, kind: DataType[Any]) -> None:
    history = History(house, 5)
    history.steps(40)
    whole = all_of(history, kind, SEEN.get(kind.name))
    if kind.name not in {
        "EmailSubmission",
        "AppPassword",
        "Alias",
        "DkimKey",
        "DmarcReport",
        "TlsReport",
        "FeedbackReport",
        "MailingList",
        "SuppressedAddress",
        "AccountRemoval",
        "PushSubscription",
    }:
        assert whole, "the history has none of these"
    for name in kind.visible:
        for id, record in all_of(history, kind, [name]).items():
            assert set(record) == {"id", name}
            assert record["id"] == id
            if name in whole[id]:
                assert record[name] == whole[id][name]
    assert all(set(record) == {"id"} for record in all_of(history, kind, []).values())
    hidden = [p.name for p in kind.properties.values() if p.is_marked(Mark.INTERNAL) or p.is_marked(Mark.WRITE_ONLY)]
    for name in [*hidden, "nonsense", ""]:
        call = (f"{kind.name}/get", {"accountId": account_of(kind), "ids": None, "properties": [name]})
        ((_, answer, _),) = house.request(call, caller=history.admin if kind.directory else None)
        write_only = name in kind.properties and kind.properties[name].is_marked(Mark.WRITE_ONLY)
        assert answer["type"] == ("forbidden" if write_only else "invalidArguments")


def all_of(history: History, kind: DataType[Any], properties: list[str] | None) -> dict[str, Any]:
    call = (f"{kind.name}/get", {"accountId": account_of(kind), "ids": None, "properties": properties})
    ((name, answer, _),) = history.house.request(call, caller=history.admin if kind.directory else None)
    assert name != "error", answer
    return {record["id"]: record for record in answer["list"]}


SETTABLE = [kind for kind in TYPES if SET in kind.methods]


@pytest.mark.parametrize("kind", SETTABLE, ids=lambda kind: kind.name)
def test_what_is_fixed_is_named_and_refused_and_leaves_no_trace(house: House, kind: DataType[Any]) -> None:
    history = History(house, 6)
    history.steps(40)
    fixed = [
        p
        for p in kind.properties.values()
        if p.marks & {Mark.IMMUTABLE, Mark.SERVER_SET, Mark.INTERNAL} and p.name != "id"
    ]
    before = house.dump()
    for id, record in list(all_of(history, kind, SEEN.get(kind.name)).items())[:3]:
        patch: dict[str, Any] = {p.name: {"other": record.get(p.name)} for p in fixed}
        patch |= {"nonsense": 1, "Name": 2}
        refused(history, kind, "update", id, patch, sorted(patch))
    server_set = [p.name for p in fixed if Mark.IMMUTABLE not in p.marks]
    if not kind.singleton:
        refused(
            history,
            kind,
            "create",
            "new",
            dict.fromkeys([*server_set, "nonsense", "id"], 1),
            [*server_set, "nonsense", "id"],
        )
    after = house.dump()
    for dump in (before, after):
        dump.pop("account")  # a call may use up a number
    assert after == before


def refused(history: History, kind: DataType[Any], act: str, key: str, given: dict[str, Any], named: list[str]) -> None:
    call = (f"{kind.name}/set", {"accountId": account_of(kind), act: {key: given}})
    ((name, answer, _),) = history.house.request(call, caller=history.admin if kind.directory else None)
    assert name != "error", answer
    error = answer[f"not{act.title()}d"][key]
    if error["type"] in {"singleton", "forbidden"}:
        return
    assert error["type"] == "invalidProperties"
    assert set(named) <= set(error["properties"])
    assert answer.get("oldState") == answer.get("newState")


@pytest.mark.parametrize("kind", SETTABLE, ids=lambda kind: kind.name)
def test_the_record_as_it_is_may_be_given_back(house: House, kind: DataType[Any]) -> None:
    history = History(house, 8)
    history.steps(30)
    for id, record in all_of(history, kind, SEEN.get(kind.name)).items():
        call = (f"{kind.name}/set", {"accountId": account_of(kind), "update": {id: record}})
        ((name, answer, _),) = house.request(call, caller=history.admin if kind.directory else None)
        assert name != "error", answer
        assert answer["notUpdated"] is None
        assert answer.get("oldState") == answer.get("newState")


HOPELESS: list[tuple[str, dict[str, Any]]] = [
    ("Email/set", {"create": {"a": {"mailboxIds": {"nowhere": True}, "subject": "x"}}}),
    ("Email/set", {"create": {"a": {"mailboxIds": {}, "keywords": {"a b": True}}}}),
    ("Email/set", {"destroy": ["nobody"]}),
    ("Email/import", {"emails": {"a": {"blobId": "bnone", "mailboxIds": {"nowhere": True}}}}),
    ("Mailbox/set", {"create": {"a": {"name": "Inbox"}, "b": {"name": "x", "parentId": "#a"}}}),
    ("Mailbox/set", {"update": {"nobody": {"name": "x"}}, "destroy": ["nobody"]}),
    ("Identity/set", {"create": {"a": {"email": "somebody@example.com"}}}),
]


@pytest.mark.parametrize(("name", "arguments"), HOPELESS)
def test_a_refused_record_leaves_no_trace(house: House, name: str, arguments: dict[str, Any]) -> None:
    History(house, 9).steps(20)
    before = house.dump()
    answer = house.call(name, **arguments)
    assert any(answer.get(key) for key in ("notCreated", "notUpdated", "notDestroyed"))
    after = house.dump()
    for dump in (before, after):
        dump.pop("account")
    assert after == before


def test_a_message_refused_by_the_quota_leaves_no_trace(house: House) -> None:
    first = house.add()
    house.store.write(lambda tx: set_limits(tx, "a1", None, 1))
    before = house.dump()
    with pytest.raises(Fault, match="Number of messages"):
        house.add()
    assert house.dump() == before
    error = house.not_created("Email", {"mailboxIds": {house.box["inbox"]: True}})
    assert error["type"] == "overQuota"
    house.destroy("Email", first)
    house.add()


def test_the_directory_account_has_no_mail(house: House) -> None:
    history = History(house, 0)
    ((_, answer, _),) = house.request(("Email/get", {"accountId": DIRECTORY, "ids": []}), caller=history.admin)
    assert answer["type"] == "accountNotSupportedByMethod"
    assert list(read(history, next(k for k in TYPES if k.name == "Domain"))[1]) == ["d1"]
