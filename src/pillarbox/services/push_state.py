"""StateChange objects, made from the numbers that the change feed tells (RFC 8620 §7.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from pillarbox.core.account import DIRECTORY, Caller
from pillarbox.datatypes.declare import DataType
from pillarbox.datatypes.view import View

Numbers = Mapping[str, Mapping[str, int]]  # account -> type -> the number of its last change
_MARK = re.compile(r"([A-Za-z0-9_-]{1,255})\.([0-9]{1,18})((?:\.[A-Za-z]{1,40}-[0-9]{1,18}){0,60})\Z", re.ASCII)
_MAX_ID, _LONG_ID = 16_384, 4_096


class PushedTypes:
    """The types whose changes are pushed, as a client may ask for them."""

    def __init__(self, types: Iterable[DataType[Any]]) -> None:
        self._types = {kind.name: kind for kind in types if kind.push}

    def wanted(self, text: str, caller: Caller) -> frozenset[str]:
        """The names in a comma-separated list, or all for `*`, of what this server has and the caller may see."""
        return self.chosen(None if text == "*" else text.split(","), caller)

    def chosen(self, names: Iterable[str] | None, caller: Caller) -> frozenset[str]:
        """The same from names, or all for None."""
        known = self._types.keys() if names is None else self._types.keys() & set(names)
        return frozenset(name for name in known if caller.allows(self._types[name].capability))

    def present(self, view: View, caller: Caller) -> dict[str, dict[str, int]]:
        """The numbers of all types in all accounts of a caller."""
        out: dict[str, dict[str, int]] = {}
        for account in caller.accounts:
            kinds = [k for k in self._types.values() if k.directory == (account == DIRECTORY)]
            out[account] = {k.name: view.state(k, account) for k in kinds}
        return out


def chosen(numbers: Numbers, types: frozenset[str], accounts: Iterable[str]) -> dict[str, dict[str, int]]:
    """What of the numbers is of these types and accounts."""
    out = {
        account: {name: number for name, number in numbers[account].items() if name in types}
        for account in accounts
        if account in numbers
    }
    return {account: states for account, states in out.items() if states}


def state_change(
    numbers: Numbers, types: frozenset[str], accounts: Iterable[str], push_state: Position | None = None
) -> bytes | None:
    """A StateChange object as JSON, of these types and accounts only; None when nothing is left to tell.

    With `push_state` the object has the position as its pushState (RFC 8887 §4.3.5.1).
    """
    told = chosen(numbers, types, accounts)
    if not told:
        return None
    changed = {account: {name: str(number) for name, number in states.items()} for account, states in told.items()}
    more = {"pushState": str(push_state)} if push_state is not None else {}
    return msgspec.json.encode({"@type": "StateChange", "changed": changed, **more})


class Position:
    """What a stream has told, exactly; as text it is the id of an event, or a pushState.

    For each account, the number up to which all was known when the stream began, and of each type that was told since
    its own number. News of several processes overtake one another: a single number would claim more than was told.
    """

    __slots__ = ("_base", "_told")

    def __init__(self, base: Mapping[str, int], told: Numbers | None = None) -> None:
        self._base = dict(base)
        self._told: dict[str, dict[str, int]] = {account: dict(types) for account, types in (told or {}).items()}

    @classmethod
    def of(cls, numbers: Numbers) -> Position:
        """The position where all of this, the numbers of all types, has been told."""
        return cls({account: max(types.values(), default=0) for account, types in numbers.items()})

    @classmethod
    def parse(cls, text: str) -> Position | None:
        """The position that an event id stands for; None for what is no id of ours."""
        matches = [_MARK.match(part) for part in text[:_MAX_ID].split(",")]
        base: dict[str, int] = {}
        told: dict[str, dict[str, int]] = {}
        for found in matches:
            if found is None:
                return None
            base[found[1]] = int(found[2])
            pairs = (pair.split("-") for pair in found[3].split(".")[1:])
            told[found[1]] = {name: int(number) for name, number in pairs}
        return cls(base, told)

    def __str__(self) -> str:
        whole = ",".join(f"{account}.{number}{self._more(account)}" for account, number in sorted(self._base.items()))
        # It has to fit into a header; the base alone may tell something twice, and leaves nothing out.
        return whole if len(whole) <= _LONG_ID else ",".join(f"{a}.{n}" for a, n in sorted(self._base.items()))

    def _more(self, account: str) -> str:
        return "".join(f".{name}-{number}" for name, number in sorted(self._told.get(account, {}).items()))

    def advance(self, numbers: Numbers) -> None:
        """Note that this has been told too."""
        for account, types in numbers.items():
            base, told = self._base.setdefault(account, 0), self._told.setdefault(account, {})
            for name, number in types.items():
                if number > max(base, told.get(name, 0)):
                    told[name] = number

    def knows(self, account: str, name: str, number: int) -> bool:
        """Whether this state, or a later one, has been told."""
        return number <= max(self._base.get(account, -1), self._told.get(account, {}).get(name, -1))

    def missed(self, present: Numbers) -> dict[str, dict[str, int]]:
        """What of the present numbers is later than this position."""
        return {
            account: {name: number for name, number in types.items() if not self.knows(account, name, number)}
            for account, types in present.items()
        }
