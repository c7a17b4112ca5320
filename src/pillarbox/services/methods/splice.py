"""Stored JSON becomes the answer's JSON without being understood: the wanted properties are cut out and joined (RFC 8620 §5.1).

This is the hot path of every client, and half of what opening a mailbox costs.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from pillarbox.datatypes.declare import DataType
from pillarbox.datatypes.view import View

_encode = msgspec.json.Encoder().encode
_NULL = msgspec.Raw(b"null")


class Records(list[msgspec.Raw]):
    """Records of one answer as JSON, and the values that a result reference may ask for."""

    def __init__(self, cutter: Cutter, cut: Sequence[tuple[Any, ...]]) -> None:
        super().__init__(map(cutter.join, cut))
        self._cutter = cutter
        self._cut = cut

    def column(self, name: str) -> list[Any] | None:
        """The value of one property in each record, or None when the records were not asked for it."""
        found = self._cutter.where.get(name)
        if found is None:
            return None
        source, attribute = found
        return [msgspec.json.decode(getattr(pieces[source], attribute)) for pieces in self._cut]


class Cutter:
    """Cuts the wanted properties of a type out of its body and its fixed parts."""

    def __init__(self, kind: DataType[Any], names: Sequence[str]) -> None:
        stored = [n for n in names if n in kind.properties]
        self.parts = list(dict.fromkeys(kind.part_of[n] for n in names if n in kind.part_of))
        groups = [stored, *([n for n in names if kind.part_of.get(n) == part] for part in self.parts)]
        self.where = {n: (at, f"p{i}") for at, group in enumerate(groups) for i, n in enumerate(group)}
        # What an older version stored without a property that is new gets the property's default.
        self.decoders = [msgspec.json.Decoder(_shape(kind, group)) for group in groups]

    def cut(self, view: View, kind: DataType[Any], account: str, ids: Sequence[str]) -> tuple[list[str], list[tuple[Any, ...]]]:
        """The ids that exist, and for each the pieces of its body and parts."""
        bodies = view.bodies(kind, account, ids)
        parts = [view.parts(kind, account, list(bodies), part) for part in self.parts]
        body_decode, *part_decode = (d.decode for d in self.decoders)
        found = [id for id in ids if id in bodies]
        if not parts:
            return found, [(body_decode(bodies[id][0]),) for id in found]
        empty = b"{}"
        return found, [
            (body_decode(bodies[id][0]), *(d(p.get(id, empty)) for d, p in zip(part_decode, parts, strict=True))) for id in found
        ]

    def join(self, pieces: tuple[Any, ...]) -> msgspec.Raw:
        """One JSON object of the pieces; the first has at least the id."""
        if len(pieces) == 1:
            return msgspec.Raw(_encode(pieces[0]))
        return msgspec.Raw(b",".join([_encode(pieces[0])[:-1], *(_encode(piece)[1:-1] for piece in pieces[1:])]) + b"}")


def _shape(kind: DataType[Any], names: Iterable[str]) -> type[Any]:
    def default(name: str) -> msgspec.Raw:
        prop = kind.properties.get(name)
        return _NULL if prop is None or prop.required else msgspec.Raw(_encode(prop.default))

    fields = [(f"p{i}", msgspec.Raw, msgspec.field(default=default(n), name=n)) for i, n in enumerate(names)]
    return msgspec.defstruct("Cut", fields, gc=False)


@functools.lru_cache(maxsize=256)
def cutter(kind: DataType[Any], names: tuple[str, ...]) -> Cutter:
    """The cutter for these properties; clients ask for the same few sets of them again and again."""
    return Cutter(kind, names)
