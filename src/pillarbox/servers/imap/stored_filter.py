"""Searches that were stored under a name, and stand in others (RFC 5466).

They are annotations of the server: /private/filters/values/NAME before /shared/filters/values/NAME.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.annotation import ACCOUNT_ITSELF, OWNER, SHARED, annotations_of
from pillarbox.datatypes.view import View
from pillarbox.servers.imap.done import Ended, no
from pillarbox.servers.imap.session import Session
from pillarbox.wire.imap import command as c
from pillarbox.wire.imap import message_command as m
from pillarbox.wire.imap import search_key as k
from pillarbox.wire.imap.refusal import Refused
from pillarbox.wire.imap.scanner import ATOM_CHARS
from pillarbox.wire.imap.search_syntax import stored_program

_VALUES = "/filters/values/"
_ENTRY = re.compile(rf"/(?:private|shared){_VALUES}(.*)", re.DOTALL)
_NAME = re.compile(f"[{ATOM_CHARS}]+".replace("/", ""))
# RFC 5466 §3.1: "Implementations MUST be able to perform at least 3 substitution passes".
_MOST_PASSES = 8
_MOST_KEYS, _MOST_LEVELS = 2_000, 100  # what a program may have that has no filters
Find = Callable[[str], bytes | None]


def check_filter(entry: str, value: bytes) -> str:
    """What is wrong with a value that is to be stored; empty when nothing is, or when the entry is no filter."""
    match = _ENTRY.fullmatch(entry)
    if match is None:
        return ""
    if not _NAME.fullmatch(match[1]):
        return "The name of a filter is an atom without slashes"
    try:
        stored_program(value)
    except Refused as refused:
        return str(refused)
    return ""


async def with_filters(session: Session, command: m.Search | m.Sort | m.Thread) -> c.Command:
    """The command with stored programs in the place of their names. Raises Ended for one that is not there."""
    if not _has_filter(command.key):
        return command
    assert session.logged_in is not None
    me = session.logged_in.caller.account

    def body(view: View) -> k.SearchKey:
        own = annotations_of(view, me, ACCOUNT_ITSELF, OWNER)
        shared = annotations_of(view, DIRECTORY, ACCOUNT_ITSELF, SHARED)

        def find(name: str) -> bytes | None:
            entry = _VALUES + name.lower()
            found = [kept[entry].value for kept in (own, shared) if entry in kept]
            return next((value for value in found if value is not None), None)

        assert isinstance(command, m.Search | m.Sort | m.Thread)
        return _Expansion(find).expand(command.key, (), 1)

    key = await session.read(body)
    if isinstance(command, m.Thread):
        return replace(command, key=key)
    return replace(command, key=key, is_modseq_wanted=command.is_modseq_wanted or _has(key, k.ModSeq))


def _has_filter(key: k.SearchKey) -> bool:
    return _has(key, k.StoredFilter)


def _has(key: k.SearchKey, kind: type[object]) -> bool:
    return any(isinstance(one, kind) for one in k.all_keys(key))


class _Expansion:
    """Puts stored programs in; what comes of it is bounded, for filters in filters grow by multiplying."""

    def __init__(self, find: Find) -> None:
        self._find = find
        self._count = 0

    def expand(self, key: k.SearchKey, within: tuple[str, ...], depth: int) -> k.SearchKey:
        """A key without filters; `within` are the names of those that it is a part of."""
        self._count += 1
        if self._count > _MOST_KEYS or depth > _MOST_LEVELS:
            raise Ended(no("The search program is too deep or too long", "LIMIT"))
        match key:
            case k.StoredFilter(name):
                return self.expand(self._stored(name, within), (*within, name.lower()), depth + 1)
            case k.Every(keys):
                return k.Every(tuple(self.expand(one, within, depth + 1) for one in keys))
            case k.Either(first, second):
                return k.Either(self.expand(first, within, depth + 1), self.expand(second, within, depth + 1))
            case k.Not(inner):
                return k.Not(self.expand(inner, within, depth + 1))
            case k.Fuzzy(inner):
                return k.Fuzzy(self.expand(inner, within, depth + 1))
            case _:
                return key

    def _stored(self, name: str, within: tuple[str, ...]) -> k.SearchKey:
        # RFC 5466 §3.1: one that stands in itself is as one that does not exist.
        value = self._find(name) if name.lower() not in within and len(within) < _MOST_PASSES else None
        if value is not None:
            try:
                return stored_program(value)
            except Refused:
                pass
        raise Ended(no("There is no such filter", f"UNDEFINED-FILTER {name}"))
