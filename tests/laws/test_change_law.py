"""What /changes tells is the difference of two readings, whatever happened between (RFC 8620 §5.2)."""

from typing import Any

import pytest

from pillarbox.datatypes.declare import CHANGES, DataType
from pillarbox.datatypes.registry import TYPES
from tests.support.history import History, account_of
from tests.support.mail_house import House

TOLD = [kind for kind in TYPES if CHANGES in kind.methods]
SEEN = {"Email": ["mailboxIds", "keywords", "receivedAt", "subject", "threadId"]}


def read(history: History, kind: DataType[Any]) -> tuple[str, dict[str, Any]]:
    call = (f"{kind.name}/get", {"accountId": account_of(kind), "ids": None, "properties": SEEN.get(kind.name)})
    ((name, answer, _),) = history.house.request(call, caller=history.admin if kind.directory else None)
    assert name != "error", answer
    return answer["state"], {record["id"]: record for record in answer["list"]}


def page(history: History, kind: DataType[Any], since: str, limit: int | None) -> Any:
    call = (f"{kind.name}/changes", {"accountId": account_of(kind), "sinceState": since, "maxChanges": limit})
    ((name, answer, _),) = history.house.request(call, caller=history.admin if kind.directory else None)
    assert name != "error", answer
    assert answer["oldState"] == since
    assert limit is None or len(answer["created"] + answer["updated"] + answer["destroyed"]) <= limit
    return answer


def walk(
    history: History, kind: DataType[Any], since: str, old: dict[str, Any], limit: int | None, *, busy: bool
) -> None:
    known, touched, told, more = set(old), set[str](), set[str](), True
    there = set(read(history, kind)[1])
    back: set[str] = set()  # what came, or came back, while the walk was under way
    for turn in range(2000):
        answer = page(history, kind, since, limit)
        created, updated, destroyed = (set(answer[n]) for n in ("created", "updated", "destroyed"))
        assert not (created - back) & (set(old) | told), "created, though it was known, or told of as changed"
        # What changes again during a walk may be told of twice, what came and went be told of as gone: harmless both.
        assert busy or not created & known
        assert busy or destroyed <= known
        assert updated <= known, "updated, though it was not known"
        told |= updated | destroyed
        assert len(created | updated | destroyed) == len(created) + len(updated) + len(destroyed)
        known = (known | created) - destroyed
        touched |= created | updated
        since, more = answer["newState"], answer["hasMoreChanges"]
        if not more:
            break
        if busy and turn < 25:
            history.step()
            now = set(read(history, kind)[1])
            there, back = now, back | (now - there)
    assert not more
    state, found = read(history, kind)
    assert since == state
    assert known == set(found)
    assert {id for id, record in found.items() if old.get(id) != record} <= touched


@pytest.mark.parametrize("seed", range(3))
def test_changes_are_the_difference_between_two_readings(house: House, seed: int) -> None:
    history = History(house, seed)
    history.steps(10)
    past = [{kind.name: read(history, kind) for kind in TOLD}]
    for _ in range(18):
        history.step()
        past.append({kind.name: read(history, kind) for kind in TOLD})
    for kind in TOLD:
        for moment in past:
            walk(history, kind, *moment[kind.name], None, busy=False)
        for moment in past[::6]:
            walk(history, kind, *moment[kind.name], history.chance.randrange(1, 4), busy=False)
    for kind in TOLD:
        walk(history, kind, *past[0][kind.name], history.chance.randrange(1, 4), busy=True)
    assert history.refused


@pytest.mark.parametrize("seed", range(3))
def test_changes_are_that_difference_too_when_mail_is_hidden_and_comes_back(house: House, seed: int) -> None:
    history = History(house, 300 + seed)
    history.acts = [
        *[history.receive] * 3,
        *[history.flag] * 9,
        *[history.mark] * 2,
        history.move,
        history.destroy_mailbox,
    ]
    history.steps(8)
    kinds = [kind for kind in TOLD if kind.name in {"Email", "Thread", "Mailbox"}]
    past = [{kind.name: read(history, kind) for kind in kinds}]
    for _ in range(20):
        history.step()
        past.append({kind.name: read(history, kind) for kind in kinds})
    for kind in kinds:
        for moment in past:
            walk(history, kind, *moment[kind.name], None, busy=False)
        for moment in past[::3]:
            walk(history, kind, *moment[kind.name], history.chance.randrange(1, 4), busy=False)
    for kind in kinds:
        for moment in past[::7]:
            walk(history, kind, *moment[kind.name], history.chance.randrange(1, 4), busy=True)


@pytest.mark.parametrize("seed", range(2))
def test_the_state_moves_forward_when_something_visible_changes_and_only_then(house: House, seed: int) -> None:
    history = History(house, 100 + seed)
    last = {kind.name: read(history, kind) for kind in TOLD}
    for _ in range(70):
        history.step()
        for kind in TOLD:
            state, records = read(history, kind)
            old_state, old_records = last[kind.name]
            assert int(state) >= int(old_state)
            if records != old_records:
                assert state != old_state
            elif kind.name == "Thread":
                assert state == old_state, "only what nobody sees has changed"
            last[kind.name] = state, records


@pytest.mark.parametrize("kind", TOLD, ids=lambda kind: kind.name)
@pytest.mark.parametrize("since", ["", "x", "-1", "99999999", "1.2", "1.2.", "0.99999999.e1", "9" * 30, "1 ", "٣"])
def test_a_state_that_was_never_given_is_refused(house: House, kind: DataType[Any], since: str) -> None:
    history = History(house, 0)
    call = (f"{kind.name}/changes", {"accountId": account_of(kind), "sinceState": since})
    ((name, answer, _),) = house.request(call, caller=history.admin if kind.directory else None)
    assert (name, answer["type"]) == ("error", "cannotCalculateChanges")
