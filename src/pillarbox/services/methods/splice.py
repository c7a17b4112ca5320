"""Stored JSON becomes the answer's without being understood: wanted properties are cut out and joined (RFC 8620 §5.1).

This is the hot path of every client, and half of what opening a mailbox costs.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from pillarbox.core.room import Room
from pillarbox.datatypes.declare import DataType
from pillarbox.datatypes.view import View

_encode = msgspec.json.Encoder().encode
_REMEMBERED = 2048  # records of one cutter, about 1 MB
_REMEMBERED_OCTETS = 8_192  # of one of them: hardly any is larger, and those are what somebody made so
AT_ONCE = 50  # records that are read before it is asked whether the answer has room for them
_NULL = msgspec.Raw(b"null")


class Records(list[msgspec.Raw]):
    """Records of one answer as JSON, and the values that a result reference may ask for."""

    def __init__(self, cutter: Cutter) -> None:
        super().__init__()
        self.ids: list[str] = []
        self._cutter, self._bodies = cutter, list[Any]()

    def add(self, ids: Sequence[str], bodies: Sequence[Any], ends: Sequence[bytes]) -> int:
        """Add records; how many octets they have."""
        texts = [_encode(body)[:-1] + end for body, end in zip(bodies, ends, strict=True)]
        self.extend(map(msgspec.Raw, texts))
        self.ids += ids
        self._bodies += bodies
        return sum(map(len, texts))

    def column(self, name: str) -> list[Any] | None:
        """The value of one property in each record, or None when it has to be looked for in the JSON."""
        attribute = self._cutter.attributes.get(name)
        if attribute is None:
            return None
        return [msgspec.json.decode(getattr(body, attribute)) for body in self._bodies]


class Cutter:
    """Cuts the wanted properties of a type out of its body and its fixed parts.

    What it cut out of fixed parts is remembered as the end of the record's JSON: such parts never change.
    """

    def __init__(self, kind: DataType[Any], names: Sequence[str]) -> None:
        stored = [n for n in names if n in kind.properties]
        self._kind = kind
        self.attributes = {n: f"p{i}" for i, n in enumerate(stored)}
        self._body = msgspec.json.Decoder(_shape(kind, stored))
        # What an older version stored without a property that is new gets the property's default.
        self._parts = {
            part: msgspec.json.Decoder(_shape(kind, [n for n in names if kind.part_of.get(n) == part]))
            for part in dict.fromkeys(kind.part_of[n] for n in names if n in kind.part_of)
        }
        self._remembered: dict[tuple[int, str, str], bytes] = {}

    def cut(self, view: View, account: str, ids: Sequence[str], room: Room) -> Records:
        """The records that exist, in the order of the ids, as far as the answer has room for them."""
        out = Records(self)
        for start in range(0, len(ids), AT_ONCE):
            some = ids[start : start + AT_ONCE]
            bodies = view.bodies(self._kind, account, some)
            found = [id for id in some if id in bodies]
            decode = self._body.decode
            cut = [decode(bodies[id][0]) for id in found]
            ends = self._ends(view, account, found) if self._parts else [b"}"] * len(found)
            room.take(out.add(found, cut, ends))
        return out

    def _ends(self, view: View, account: str, ids: Sequence[str]) -> list[bytes]:
        """The end of each record's JSON: what comes from its fixed parts, and the brace."""
        if view.cache is None:  # in a transaction a record may yet be undone, and its id used by nobody
            new = self._cut_ends(view, account, ids)
            return [new[id] for id in ids]
        store, known = view.cache.token, self._remembered
        missing = [id for id in ids if (store, account, id) not in known]
        if missing:
            if len(known) + len(missing) > _REMEMBERED:
                known = self._remembered = {}
                missing = list(ids)
            new = self._cut_ends(view, account, missing)
            known.update(((store, account, id), end) for id, end in new.items() if len(end) <= _REMEMBERED_OCTETS)
            return [new[id] if id in new else known[store, account, id] for id in ids]
        return [known[store, account, id] for id in ids]

    def _cut_ends(self, view: View, account: str, ids: Sequence[str]) -> dict[str, bytes]:
        pieces: dict[str, list[bytes]] = {id: [b""] for id in ids}
        for part, decoder in self._parts.items():
            stored = view.parts(self._kind, account, ids, part)
            for id, out in pieces.items():
                out.append(_encode(decoder.decode(stored.get(id, b"{}")))[1:-1])
        return {id: b",".join(out) + b"}" for id, out in pieces.items()}


def _shape(kind: DataType[Any], names: Iterable[str]) -> type[Any]:
    def default(name: str) -> msgspec.Raw:
        prop = kind.properties.get(name)
        return _NULL if prop is None or prop.required else msgspec.Raw(_encode(prop.default))

    fields = [(f"p{i}", msgspec.Raw, msgspec.field(default=default(n), name=n)) for i, n in enumerate(names)]
    return msgspec.defstruct("Cut", fields, gc=False)


@functools.lru_cache(maxsize=16)
def cutter(kind: DataType[Any], names: tuple[str, ...]) -> Cutter:
    """The cutter for these properties; clients ask for the same few sets of them again and again."""
    return Cutter(kind, names)
