"""An old result and what /queryChanges tells make the new result (RFC 8620 §5.6); what claims to be local is."""

import random
from typing import Any

import pytest

from pillarbox.datatypes.declare import QUERY, QUERY_CHANGES, DataType
from pillarbox.datatypes.registry import TYPES
from tests.laws.test_change_law import read
from tests.support.history import History, account_of
from tests.support.mail_house import House
from tests.support.question import a_filter, a_sort, comparators, conditions

ASKED = [kind for kind in TYPES if QUERY in kind.methods]
FIXED_SEEDS = range(2)


def ask(history: History, kind: DataType[Any], verb: str, **given: Any) -> tuple[str, Any]:
    call = (f"{kind.name}/{verb}", {"accountId": account_of(kind), **given})
    ((name, answer, _),) = history.house.request(call, caller=history.admin if kind.directory else None)
    return name, answer


def result(history: History, kind: DataType[Any], **given: Any) -> Any:
    name, answer = ask(history, kind, "query", **given)
    assert name != "error", answer
    return answer


def spliced(old: list[str], changes: Any) -> list[str]:
    """What a client makes of it (RFC 8620 §5.6)."""
    gone = set(changes["removed"])
    out = [id for id in old if id not in gone]
    for item in changes["added"]:
        if item["index"] <= len(out):
            out.insert(item["index"], item["id"])
    return out


def questions(kind: DataType[Any], history: History, chance: random.Random, count: int) -> list[dict[str, Any]]:
    out = []
    for _ in range(count):
        question = {"filter": a_filter(kind, history, chance, local=True), "sort": a_sort(kind, chance, local=True)}
        if kind.collapse_argument:
            question[kind.collapse_argument] = chance.random() < 0.5
        out.append(question)
    return out


@pytest.mark.parametrize("kind", [k for k in ASKED if QUERY_CHANGES in k.methods], ids=lambda kind: kind.name)
@pytest.mark.parametrize("seed", FIXED_SEEDS)
def test_an_old_result_and_its_changes_make_the_new_result(house: House, kind: DataType[Any], seed: int) -> None:
    history = History(house, seed)
    history.steps(40)
    chance = random.Random(seed)
    for _ in range(4):
        asked = [(q, result(history, kind, **q)) for q in questions(kind, history, chance, 10)]
        history.steps(chance.choice((1, 6)))
        for question, old in asked:
            check(history, kind, question, old)


def check(history: History, kind: DataType[Any], question: dict[str, Any], old: Any) -> None:
    new = result(history, kind, **question)
    since = {"sinceQueryState": old["queryState"], "calculateTotal": True}
    assert old["canCalculateChanges"] is True
    name, changes = ask(history, kind, "queryChanges", **question, **since)
    assert name != "error", changes
    assert spliced(old["ids"], changes) == new["ids"], question
    assert (changes["oldQueryState"], changes["newQueryState"]) == (old["queryState"], new["queryState"])
    assert changes["total"] == len(new["ids"])
    assert len(set(changes["removed"])) == len(changes["removed"])
    if old["ids"]:
        at = len(old["ids"]) // 2
        name, changes = ask(history, kind, "queryChanges", **question, **since, upToId=old["ids"][at])
        part = spliced(old["ids"][: at + 1], changes)
        if old["ids"][at] in new["ids"]:
            end = new["ids"].index(old["ids"][at]) + 1
            assert part[:end] == new["ids"][:end], question
    count = len(changes["removed"]) + len(changes["added"])
    if count > 1:
        name, error = ask(history, kind, "queryChanges", **question, **since, maxChanges=1)
        assert (name, error["type"]) == ("error", "tooManyChanges")


@pytest.mark.parametrize("kind", ASKED, ids=lambda kind: kind.name)
def test_other_records_never_change_a_local_answer(house: House, kind: DataType[Any]) -> None:
    history, chance = History(house, 7), random.Random(7)
    history.steps(40)
    for _ in range(6):
        filters = {n: {n: v} for n, v in conditions(kind, history, chance).items() if kind.filters[n].local}
        sorts = {n: [c] for n, c in comparators(kind, chance).items() if kind.sorts[n].local}
        _, before = read(history, kind)
        matched = {n: set(result(history, kind, filter=f)["ids"]) for n, f in filters.items()}
        ordered = {n: result(history, kind, sort=s)["ids"] for n, s in sorts.items()}
        history.steps(5)
        _, after = read(history, kind)
        same = {id for id in before if before[id] == after.get(id)}
        for name, filter in filters.items():
            assert matched[name] & same == set(result(history, kind, filter=filter)["ids"]) & same, name
        for name, sort in sorts.items():
            now = result(history, kind, sort=sort)["ids"]
            assert [id for id in ordered[name] if id in same] == [id for id in now if id in same], name


@pytest.mark.parametrize("kind", ASKED, ids=lambda kind: kind.name)
def test_what_depends_on_other_records_says_so(house: House, kind: DataType[Any]) -> None:
    history, chance = History(house, 3), random.Random(3)
    history.steps(10)
    values, sorts = conditions(kind, history, chance), comparators(kind, chance)
    foreign: list[dict[str, Any]] = [{"filter": {n: values[n]}} for n, f in kind.filters.items() if not f.local]
    foreign += [{"sort": [sorts[n]]} for n, s in kind.sorts.items() if not s.local]
    for question in foreign:
        answer = result(history, kind, **question)
        assert answer["canCalculateChanges"] is False
        name, error = ask(history, kind, "queryChanges", **question, sinceQueryState=answer["queryState"])
        assert (name, error["type"]) == ("error", "cannotCalculateChanges")


@pytest.mark.parametrize("kind", ASKED, ids=lambda kind: kind.name)
def test_every_window_is_a_slice_of_the_whole(house: House, kind: DataType[Any]) -> None:
    history, chance = History(house, 11), random.Random(11)
    history.steps(50)
    for _ in range(12):
        question = {"filter": a_filter(kind, history, chance, local=False), "sort": a_sort(kind, chance, local=False)}
        if kind.collapse_argument:
            question[kind.collapse_argument] = chance.random() < 0.5
        whole = result(history, kind, **question, calculateTotal=True)
        ids, size = whole["ids"], len(whole["ids"])
        assert (whole["total"], whole["position"]) == (size, 0)
        for _ in range(4):
            limit, position = chance.randrange(size + 2), chance.randrange(-size - 2, size + 3)
            start = max(0, size + position) if position < 0 else position
            seen = result(
                history, kind, **question, position=position, limit=limit, calculateTotal=chance.random() < 0.5
            )
            assert seen["ids"] == ids[start : start + limit]
            assert seen.get("total", size) == size
            assert not seen["ids"] or seen["position"] == start
            if ids:
                anchor, offset = chance.choice(ids), chance.randrange(-size, size + 1)
                start = max(0, ids.index(anchor) + offset)
                seen = result(history, kind, **question, anchor=anchor, anchorOffset=offset, limit=limit, position=99)
                assert seen["ids"] == ids[start : start + limit]
                assert not seen["ids"] or seen["position"] == start
        name, error = ask(history, kind, "query", **question, anchor="nobody")
        assert (name, error["type"]) == ("error", "anchorNotFound")
        assert result(history, kind, **question, limit=0)["ids"] == []
        name, error = ask(history, kind, "query", **question, limit=-1)
        assert (name, error["type"]) == ("error", "invalidArguments")


def test_a_tree_of_mailboxes_cannot_tell_its_changes(house: House) -> None:
    history = History(house, 0)
    kind = next(k for k in TYPES if k.name == "Mailbox")
    for argument in ("sortAsTree", "filterAsTree"):
        answer = result(history, kind, **{argument: True})
        assert answer["canCalculateChanges"] is False
        name, _ = ask(history, kind, "queryChanges", **{argument: True}, sinceQueryState=answer["queryState"])
        assert name == "error"
