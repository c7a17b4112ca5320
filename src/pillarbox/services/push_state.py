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
_MARK = re.compile(r"([A-Za-z0-9_-]{1,255})\.([0-9]{1,18})\Z", re.ASCII)
_MAX_ID = 16_384


class PushedTypes:
    """The types whose changes are pushed, as a client may ask for them."""

    def __init__(self, types: Iterable[DataType[Any]]) -> None:
        self._types = {kind.name: kind for kind in types if kind.push}

    def wanted(self, text: str, caller: Caller) -> frozenset[str]:
        """The names in a comma-separated list, or all for `*`, of what this server has and the caller may see."""
        names = self._types.keys() if text == "*" else self._types.keys() & set(text.split(","))
        return frozenset(name for name in names if caller.allows(self._types[name].capability))

    def present(self, view: View, caller: Caller) -> dict[str, dict[str, int]]:
        """The numbers of all types in all accounts of a caller."""
        out: dict[str, dict[str, int]] = {}
        for account in caller.accounts:
            kinds = [k for k in self._types.values() if k.directory == (account == DIRECTORY)]
            out[account] = {k.name: view.state(k, account) for k in kinds}
        return out


def state_change(numbers: Numbers, types: frozenset[str], accounts: Iterable[str]) -> bytes | None:
    """A StateChange object as JSON, of these types and accounts only; None when nothing is left to tell."""
    changed = {
        account: {name: str(number) for name, number in numbers[account].items() if name in types}
        for account in accounts
        if account in numbers
    }
    changed = {account: states for account, states in changed.items() if states}
    return msgspec.json.encode({"@type": "StateChange", "changed": changed}) if changed else None


class Position:
    """Up to which number of each account a stream has told; as text it is the id of an event."""

    def __init__(self, numbers: Mapping[str, int]) -> None:
        self._numbers = dict(numbers)

    @classmethod
    def of(cls, numbers: Numbers) -> Position:
        """The position where all of this has been told."""
        return cls({account: max(types.values(), default=0) for account, types in numbers.items()})

    @classmethod
    def parse(cls, text: str) -> Position | None:
        """The position that an event id stands for; None for what is no id of ours."""
        matches = [_MARK.match(part) for part in text[:_MAX_ID].split(",")]
        if not all(matches):
            return None
        return cls({m[1]: int(m[2]) for m in matches if m})

    def __str__(self) -> str:
        return ",".join(f"{account}.{number}" for account, number in sorted(self._numbers.items()))

    def advance(self, numbers: Numbers) -> None:
        """Note that this has been told too."""
        for account, types in numbers.items():
            self._numbers[account] = max(self._numbers.get(account, 0), *types.values(), 0)

    def missed(self, present: Numbers) -> dict[str, dict[str, int]]:
        """What of the present numbers is later than this position."""
        return {
            account: {name: number for name, number in types.items() if number > self._numbers.get(account, -1)}
            for account, types in present.items()
        }
