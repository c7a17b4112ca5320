"""What clients were promised: for each thing its acknowledged value, and what it may be while an answer is missing."""

import time
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field

Key = tuple[str, str, str]  # account, kind, name
GONE = None


@dataclass
class Promise:
    """The values that one thing may have; one, unless somebody waits for an answer or was never given one."""

    allowed: list[Hashable]
    id: str = ""  # the server's, once it is known
    octets: bytes = b""  # what it has to end with
    ask: str = ""  # the id of the blob that has these octets alone


@dataclass
class Change:
    """One request's changes, of which all happen or none."""

    news: dict[Key, Hashable]
    telling: frozenset[Key]  # what looks another way afterwards


@dataclass
class Event:
    """A line of the ledger's history; `time` in nanoseconds of the monotonic clock."""

    time: int
    what: str
    change: Change
    news: dict[Key, Hashable]


class Ledger:
    """The promises to one client, which alone changes the things that are named in it."""

    def __init__(self) -> None:
        self.promises: dict[Key, Promise] = {}
        self.open: list[Change] = []
        self.acknowledged = 0
        self.history: list[Event] = []

    def begin(self, news: Mapping[Key, Hashable]) -> Change:
        """Something is asked for: from now on it may have happened."""
        for key, new in news.items():
            self.promises.setdefault(key, Promise([GONE])).allowed.append(new)
        change = Change(dict(news), frozenset(key for key in news if len(set(self.promises[key].allowed)) == 2))
        self.open.append(change)
        self.history.append(Event(time.monotonic_ns(), "begin", change, dict(news)))
        return change

    def done(self, change: Change, keys: Iterable[Key] | None = None) -> None:
        """It was acknowledged, or only some of it."""
        keys = list(change.news) if keys is None else list(keys)
        for key in keys:
            self.promises[key].allowed = [change.news.pop(key)]
            self.acknowledged += 1
        self.history.append(Event(time.monotonic_ns(), "done", change, dict.fromkeys(keys)))
        self._close(change)

    def refused(self, change: Change, keys: Iterable[Key] | None = None) -> None:
        """It was answered that nothing was changed."""
        keys = list(change.news) if keys is None else list(keys)
        for key in keys:
            change.news.pop(key)
            del self.promises[key].allowed[1:]
        self.history.append(Event(time.monotonic_ns(), "refused", change, dict.fromkeys(keys)))
        self._close(change)

    def _close(self, change: Change) -> None:
        if not change.news:
            self.open.remove(change)

    def certain(self, account: str, kind: str) -> list[Key]:
        """The things of a kind that are there for certain, with a known id."""
        return [
            key
            for key, promise in self.promises.items()
            if key[:2] == (account, kind)
            and len(promise.allowed) == 1
            and promise.allowed[0] is not GONE
            and promise.id
        ]


def replayed(ledger: Ledger, at: int) -> Ledger:
    """The ledger as it was at a time, in nanoseconds of the monotonic clock."""
    then, changes = Ledger(), dict[int, Change]()
    for event in ledger.history:
        if event.time > at:
            break
        if event.what == "begin":
            changes[id(event.change)] = then.begin(event.news)
        elif event.what == "done":
            then.done(changes[id(event.change)], event.news)
        else:
            then.refused(changes[id(event.change)], event.news)
    for key, promise in then.promises.items():
        promise.octets = ledger.promises[key].octets
    return then


@dataclass
class Seen:
    """What is found on the server: one account's things by kind and name, each with (value, id, blob)."""

    things: dict[Key, list[tuple[Hashable, str, str]]] = field(default_factory=dict)

    def add(self, key: Key, value: Hashable, id: str, blob: str = "") -> None:
        """Note one."""
        self.things.setdefault(key, []).append((value, id, blob))


def compare(ledgers: Iterable[Ledger], seen: Seen) -> list[str]:
    """What is not as it was promised, in words. What was uncertain is certain afterwards."""
    wrong: list[str] = []
    unknown = dict(seen.things)
    for ledger in ledgers:
        found = {key: unknown.pop(key, []) for key in ledger.promises}
        wrong += [
            f"{key}: {[value for value, *_ in things]} of {ledger.promises[key].allowed}"
            for key, things in found.items()
            if not _is_allowed(ledger.promises[key], things)
        ]
        wrong += [f"half of a request: {change.news}" for change in ledger.open if _is_half(change, found)]
        ledger.open.clear()
        _learn(ledger, found)
    return wrong + [f"nobody asked for {key}: {things}" for key, things in unknown.items()]


def _is_allowed(promise: Promise, things: list[tuple[Hashable, str, str]]) -> bool:
    return len(things) <= 1 and (things[0][0] if things else GONE) in promise.allowed


def _is_half(change: Change, found: Mapping[Key, list[tuple[Hashable, str, str]]]) -> bool:
    happened = {
        (found[key][0][0] if found[key] else GONE) == change.news[key] for key in change.telling & set(change.news)
    }
    return len(happened) == 2


def _learn(ledger: Ledger, found: Mapping[Key, list[tuple[Hashable, str, str]]]) -> None:
    for key, things in found.items():
        promise = ledger.promises[key]
        if not things:
            del ledger.promises[key]
            continue
        value, promise.id, promise.ask = things[0]
        promise.allowed = [value]
