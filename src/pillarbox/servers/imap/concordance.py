"""A concordance: the words of a run of a mailbox's messages, and in which of them each stands, in header or body.

What is written in a message never changes, so neither does a concordance of it. It is stored as a memo: whoever has
none reads the messages again.
"""

from __future__ import annotations

import base64
import zlib
from array import array
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from pillarbox.datatypes.view import View
from pillarbox.servers.imap.message_text import message_texts
from pillarbox.servers.imap.needle import Needle, words_of
from pillarbox.servers.imap.word_list import Gathering, Packed, WordList, joined, unpacked

_MOST_GATHERED = 64_000_000  # octets; anybody may send a message in which no word is like another
_LEVEL = 1  # of compression: it is written while somebody waits


class _Stored(msgspec.Struct, array_like=True):
    after: int
    last: int
    uids: bytes
    head: Packed
    body: Packed


_encode, _decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(_Stored).decode


class Concordance(NamedTuple):
    """Of the messages with uids above `after` and up to `last`: of those that there were."""

    after: int
    last: int
    uids: array[int]
    head: WordList
    body: WordList

    @property
    def weight(self) -> int:
        """The octets that it takes."""
        return 4 * len(self.uids) + self.head.weight + self.body.weight

    def in_body(self, needle: Needle) -> set[int]:
        """The uids of the messages whose body has all the pieces."""
        return self._with(needle, self.body)

    def in_head(self, needle: Needle) -> set[int]:
        """The uids of those whose header has."""
        return self._with(needle, self.head)

    def _with(self, needle: Needle, words: WordList) -> set[int]:
        if not needle.pieces:
            return set(self.uids)
        found = words.rows(needle.pieces[0])
        for piece in needle.pieces[1:]:
            found &= words.rows(piece) if found else found
        uids = self.uids
        return {uids[row] for row in found}

    def to_text(self) -> str:
        """As it is stored."""
        stored = _Stored(self.after, self.last, self.uids.tobytes(), self.head.packed(), self.body.packed())
        return base64.b64encode(zlib.compress(_encode(stored), _LEVEL)).decode("ascii")


def from_text(text: str) -> Concordance | None:
    """What was stored; None when it was something else."""
    try:
        stored = _decode(zlib.decompress(base64.b64decode(text)))
        uids = array("I")
        uids.frombytes(stored.uids)
        count = len(uids)
        return Concordance(stored.after, stored.last, uids, unpacked(count, stored.head), unpacked(count, stored.body))
    except (ValueError, zlib.error, msgspec.MsgspecError):
        return None


def read_concordance(view: View, account: str, mailbox: str, after: int, uids: Sequence[int]) -> Concordance:
    """That of messages of a mailbox, by uid; between `after` and the last of them there are no others.

    Of the first of them, when they have more words than fit into memory at a time: it ends with the last that it has.
    """
    rows = view.memberships_of(account, mailbox, uids)
    head, body, read = Gathering(), Gathering(), array("I")
    for row, text in zip(rows, message_texts(view, account, [row.item for row in rows]), strict=True):
        head.add(words_of(text.head))
        body.add(words_of(text.body))
        read.append(row.uid)
        if head.weight + body.weight > _MOST_GATHERED:
            break
    last = uids[-1] if len(read) == len(rows) else read[-1]
    return Concordance(after, last, read, head.done(), body.done())


def merged(one: Concordance, other: Concordance) -> Concordance:
    """One of both, where the other begins after the first."""
    uids = array("I", one.uids)
    uids.extend(other.uids)
    return Concordance(one.after, other.last, uids, joined(one.head, other.head), joined(one.body, other.body))
