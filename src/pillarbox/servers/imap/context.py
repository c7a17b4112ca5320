"""Results of searches that are kept up to date (RFC 5267 §4.3: UPDATE, ADDTO, REMOVEFROM, NOUPDATE; RFC 5465 §7).

After each change that a client is told of, its searches are made again, and told is what has come and gone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pillarbox.core.faults import Fault
from pillarbox.datatypes.view import View
from pillarbox.wire.imap import search_key as k
from pillarbox.wire.imap.response import string
from pillarbox.wire.imap.sequence_set import is_whole, to_set

MOST_CONTEXTS = 8  # in one session: each costs a search with every change
_MOST_SINGLY = 1_000  # changes of a sorted result that are told by their positions
NumberOf = Callable[[int], int | None]


@dataclass(slots=True)
class Context:
    """One result: `uids` as the client knows it; `find` finds it anew; `is_sorted`: positions count in it.

    `fetch`, if there is one, tells of messages that have come into it what was asked for.
    """

    tag: str
    find: Callable[[View], Sequence[int]]
    uids: Sequence[int]
    is_uid: bool
    is_sorted: bool
    fetch: Callable[[Sequence[int]], Awaitable[None]] | None = None


Updates = list[tuple[Context, Sequence[int]]]  # what each finds now
Contexts = dict[str, Context]  # by tag


def find_all(view: View, contexts: Mapping[str, Context]) -> tuple[Updates, list[str]]:
    """What all of them find now, and the tags of those that cannot be found any more."""
    found: Updates = []
    lost = []
    for tag, context in contexts.items():
        try:
            found.append((context, context.find(view)))
        except Fault:  # the mailbox has grown too large for it, as one
            lost.append(tag)
    return found, lost


def drop(contexts: Contexts, lost: Iterable[str]) -> bytes:
    """Keep these up to date no longer, which is told."""
    return b"".join([no_update(tag) for tag in lost if contexts.pop(tag, None) is not None])


def no_update(tag: str) -> bytes:
    """That a result is not kept up to date, or no longer (RFC 5267 §4.3.1)."""
    return f"* NO [NOUPDATE {string(tag)}] This result is not kept up to date\r\n".encode()


def removed(found: Updates, number_of: NumberOf) -> bytes:
    """What has left results, by the numbers that messages still have: it is told before EXPUNGE (RFC 5267 §4.3.2)."""
    lines = []
    for context, uids in found:
        left = frozenset(context.uids).difference(uids)
        if left:
            lines.append(_line(context, "REMOVEFROM", _leaving(context, left), number_of))
            context.uids = [uid for uid in context.uids if uid not in left]
    return b"".join(lines)


def added(found: Updates, number_of: NumberOf) -> Iterator[tuple[Context, bytes, Sequence[int]]]:
    """What has come into results, once the client knows of it, as it is told and as UIDs (RFC 5267 §4.3.3).

    From here on the client has them.
    """
    for context, uids in found:
        came = frozenset(uids).difference(context.uids)
        context.uids = uids
        if came:
            yield context, _line(context, "ADDTO", _coming(context, uids, came), number_of), sorted(came)


def _leaving(context: Context, left: frozenset[int]) -> list[tuple[int, list[int]]]:
    if not context.is_sorted or len(left) > _MOST_SINGLY:
        return [(0, sorted(left))]
    # From the last up, so that no position moves before it is told.
    return [(at, [uid]) for at, uid in _numbered(context.uids, left)][::-1]


def _coming(context: Context, uids: Sequence[int], came: frozenset[int]) -> list[tuple[int, list[int]]]:
    if not context.is_sorted or len(came) > _MOST_SINGLY:
        return [(0, sorted(came))]
    # Each at the place that it has once those before it are there.
    return [(at, [uid]) for at, uid in _numbered(uids, came)]


def _numbered(uids: Sequence[int], wanted: frozenset[int]) -> Iterator[tuple[int, int]]:
    return ((at, uid) for at, uid in enumerate(uids, 1) if uid in wanted)


def _line(context: Context, word: str, changes: Sequence[tuple[int, list[int]]], number_of: NumberOf) -> bytes:
    pairs = []
    for at, uids in changes:
        numbers = uids if context.is_uid else [number for uid in uids if (number := number_of(uid)) is not None]
        if numbers:
            pairs.append(f"{at} {to_set(numbers)}")
    if not pairs:
        return b""
    uid = " UID" if context.is_uid else ""
    return f"* ESEARCH (TAG {string(context.tag)}){uid} {word} ({' '.join(pairs)})\r\n".encode()


def can_be_kept(key: k.SearchKey) -> bool:
    """Whether the program means the same later: message numbers move, and `$` is replaced."""
    numbers = [one for one in k.all_keys(key) if isinstance(one, k.Numbers)]
    return all((one.is_uid and not one.set.is_saved) or is_whole(one.set) for one in numbers)
