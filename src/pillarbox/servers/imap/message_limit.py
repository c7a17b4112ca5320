"""With how many messages one command deals: of more, the newest, and the client is told where to go on (RFC 9738).

COPY, APPEND, SORT and THREAD do all or nothing, and are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pillarbox.servers.imap.chosen import Span, count
from pillarbox.servers.imap.done import Done, Ended, no
from pillarbox.servers.imap.selected import Selected
from pillarbox.servers.imap.session import Session
from pillarbox.wire.imap import search_key as k
from pillarbox.wire.imap.sequence_set import SequenceSet

_HIGHEST = 2**32 - 1


class Cut(NamedTuple):
    """The messages that a command deals with; `code` tells that there are more, else it is ""."""

    spans: Sequence[Span]
    code: str = ""

    def ended(self, session: Session, done: Done) -> Done:
        """How the command ends. RFC 9738 §3.1: what has no place in the tagged response is told in an untagged NO."""
        if not self.code:
            return done
        if not done.code and done.status == "OK":
            return done._replace(code=self.code)
        session.say(no("Of more messages, only the newest", self.code).line("*"))
        return done


def cut(session: Session, selected: Selected, spans: Sequence[Span]) -> Cut:
    """Those with the highest UIDs, so many as one command may deal with (RFC 9738 §3.1)."""
    return _newest(selected, spans, session.service.settings.message_limit)


def _newest(selected: Selected, spans: Sequence[Span], most: int) -> Cut:
    if not most or count(spans) <= most:
        return Cut(spans)
    kept: list[Span] = []
    left = most
    for start, before in reversed(spans):
        kept.append((max(start, before - left), before))
        left -= before - kept[-1][0]
        if not left:
            break
    kept.reverse()
    return Cut(kept, f"MESSAGELIMIT {most} {selected.uids[kept[0][0]]}")


def need_fewer(session: Session, selected: Selected, spans: Sequence[Span]) -> None:
    """Raises Ended where a command that is done wholly or not at all would deal with too many messages."""
    if code := cut(session, selected, spans).code:
        raise too_many(code)


def need_fewer_copied(session: Session, selected: Selected, spans: Sequence[Span]) -> None:
    """Raises Ended where COPY would store too many messages."""
    if code := _newest(selected, spans, _most_saved(session)).code:
        raise too_many(code)


def need_fewer_appended(session: Session, messages: int) -> None:
    """Raises Ended where APPEND would store too many messages."""
    if 0 < (most := _most_saved(session)) < messages:
        raise too_many(f"MESSAGELIMIT {most}")


def _most_saved(session: Session) -> int:
    """SAVELIMIT is about COPY and APPEND alone."""
    settings = session.service.settings
    return settings.save_limit or settings.message_limit


def too_many(code: str) -> Ended:
    """The command deals with no message, as there are too many."""
    return Ended(no("That are too many messages for one command", code))


def searched(selected: Selected, key: k.SearchKey) -> list[Span]:
    """The messages that a program looks at: all, or those that its outermost keys name by number or UID."""
    spans = [(0, len(selected.uids))] if selected.uids else []
    for one in key.keys if isinstance(key, k.Every) else (key,):
        if isinstance(one, k.Numbers):
            spans = _both(spans, _named(selected, one))
    return spans


def from_uid(key: k.SearchKey, uid: int) -> k.SearchKey:
    """The same program, for messages from this UID on."""
    return k.Every((k.Numbers(SequenceSet(((uid, _HIGHEST),)), is_uid=True), key))


def _named(selected: Selected, numbers: k.Numbers) -> list[Span]:
    if numbers.is_uid or numbers.set.is_saved:
        return selected.spans(numbers.set, is_uid=True)
    # A number that is too high names nothing: RFC 9051 §6.4.4 lets a search for it end well.
    highest = len(selected.uids)
    pairs = [(max(first, 1) - 1, min(last, highest)) for first, last in numbers.set.bounded(highest)]
    return [(start, before) for start, before in pairs if start < before]


def _both(one: Sequence[Span], other: Sequence[Span]) -> list[Span]:
    """The places that are in both; each rises."""
    out, i, j = [], 0, 0
    while i < len(one) and j < len(other):
        start, before = max(one[i][0], other[j][0]), min(one[i][1], other[j][1])
        if start < before:
            out.append((start, before))
        if one[i][1] < other[j][1]:
            i += 1
        else:
            j += 1
    return out
