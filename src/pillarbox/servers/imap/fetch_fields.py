"""Chosen header fields of many messages, told of what is stored beside them: no message is read for that.

RFC 9051 §6.4.5.1, HEADER.FIELDS. What a choice takes of a message depends on its head alone (`header_part`), and most
messages of a mailbox have one of some hundred heads: for each there is a plan, which is remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from pillarbox.datatypes.email import header_part as h
from pillarbox.datatypes.email.declaration import EMAIL
from pillarbox.datatypes.view import View
from pillarbox.wire.imap.fetch_item import FetchItem, Section
from pillarbox.wire.imap.fetch_response import section_name

_MOST_CHOICES = 16  # that a process remembers
_MOST_PLANS = 2_000  # of each: about 400 octets a plan
_MOST_NAMES = 64  # in a section: they stand in the answer for each message
_Pieces = list[bytes]  # a head and the runs of fields behind it, those of the long part last


class Plan(NamedTuple):
    """How to take the chosen fields of a message."""

    take: Callable[[_Pieces], Sequence[bytes]] | None  # the chosen runs, in order; None: they are not all stored
    needs_more: bool = False  # some of them are in the long part


class Choice:
    """What one HEADER.FIELDS section takes of the stored fields. Several threads may share it."""

    def __init__(self, item: Section) -> None:
        """`item` is one of which `can_choose` is true."""
        self._form = section_name(item) + b" {%d}\r\n%b\r\n"
        self._codes = frozenset(h.CODES[name.lower()] for name in item.fields)
        self._plans: dict[bytes, Plan] = {}

    def plans(self, heads: Iterable[bytes]) -> Mapping[bytes, Plan]:
        """How to take the fields of messages that have these heads."""
        known = self._plans
        if len(known) > _MOST_PLANS:
            known = self._plans = {}
        return {head: known.get(head) or known.setdefault(head, self._plan(head)) for head in heads}

    def texts(self, messages: Sequence[_Pieces], plans: Mapping[bytes, Plan]) -> list[bytes | None]:
        """The section with its value, as it stands in the answer, of each message whose fields are stored."""
        form, takes = self._form, {head: plan.take for head, plan in plans.items()}
        if None in takes.values():
            chosen = [(take := takes[pieces[0]]) and b"".join(take(pieces)) for pieces in messages]
            return [None if octets is None else form % (len(octets) + 2, octets) for octets in chosen]
        fields = [b"".join(takes[pieces[0]](pieces)) for pieces in messages]  # type: ignore[misc]
        return [form % (len(octets) + 2, octets) for octets in fields]

    def _plan(self, head: bytes) -> Plan:
        if max(self._codes) >= head[0]:  # one of the names was not known yet
            return Plan(None)
        # Runs of the long part follow all those of the short one.
        at = {h.SHORT: 1, h.LONG: 1 + sum([octet & h.PLACE == h.SHORT for octet in head[1:]])}
        taken: list[int] = []
        needs_more = False
        for octet in head[1:]:
            place = octet & h.PLACE
            if octet & h.CODE in self._codes:
                if place == h.NOWHERE:
                    return Plan(None)
                taken.append(at[place])
                needs_more |= place == h.LONG
            if place != h.NOWHERE:
                at[place] += 1
        return Plan(_taker(taken), needs_more)


def can_choose(item: FetchItem) -> bool:
    """Whether an item is about fields of the message itself that are stored beside messages."""
    if not isinstance(item, Section) or item.what != "HEADER.FIELDS" or item.part or item.partial is not None:
        return False
    return len(item.fields) <= _MOST_NAMES and all(name.lower() in h.CODES for name in item.fields)


@lru_cache(_MOST_CHOICES)
def choice_of(item: Section) -> Choice:
    """The choice of a section of which `can_choose` is true."""
    return Choice(item)


def stored_fields(
    view: View, account: str, ids: Sequence[str], choices: Sequence[Choice]
) -> tuple[list[bytes | None], set[str]]:
    """All chosen sections of each message, as they stand in the answer; None where its octets have to be read.

    Then the ids of messages that lack a part, as nobody has asked for it, or they came before there was one.
    """
    stored = view.parts(EMAIL, account, ids, h.FIELDS)
    there = ids if len(stored) == len(ids) else [id for id in ids if id in stored]
    messages = [stored[id].split(h.SEPARATOR) for id in there]
    heads = {pieces[0] for pieces in messages}
    plans = [choice.plans(heads) for choice in choices]
    if needy := {head for each in plans for head, plan in each.items() if plan.needs_more}:
        there, messages = _with_more(view, account, there, messages, needy)
    columns = [choice.texts(messages, each) for choice, each in zip(choices, plans, strict=True)]
    texts = columns[0] if len(columns) == 1 else [_row(row) for row in zip(*columns, strict=True)]
    if there is ids:
        return texts, set()
    found = dict(zip(there, texts, strict=True))
    return [found.get(id) for id in ids], {id for id in ids if id not in found}


def _with_more(
    view: View, account: str, ids: Sequence[str], messages: list[_Pieces], needy: set[bytes]
) -> tuple[Sequence[str], list[_Pieces]]:
    """The messages that have everything, each with the runs of its long part where its head is one of those."""
    wanting = [(id, pieces) for id, pieces in zip(ids, messages, strict=True) if pieces[0] in needy]
    more = view.parts(EMAIL, account, [id for id, _ in wanting], h.MORE)
    for id, pieces in wanting:
        if id in more:
            pieces.extend(more[id].split(h.SEPARATOR))
    if len(more) == len(wanting):
        return ids, messages
    lost = {id for id, _ in wanting if id not in more}
    whole = [(id, pieces) for id, pieces in zip(ids, messages, strict=True) if id not in lost]
    return [id for id, _ in whole], [pieces for _, pieces in whole]


def _row(texts: Sequence[bytes | None]) -> bytes | None:
    return None if None in texts else b" ".join(texts)  # type: ignore[arg-type]


def _taker(places: Sequence[int]) -> Callable[[_Pieces], Sequence[bytes]]:
    if len(places) > 1:
        return itemgetter(*places)
    if places:
        return itemgetter(slice(places[0], places[0] + 1))
    return itemgetter(slice(0, 0))
