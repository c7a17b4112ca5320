"""The properties of a record, read from its annotations (RFC 8620 §1.3)."""

from __future__ import annotations

import typing
from dataclasses import dataclass
from typing import Any

import msgspec

from pillarbox.datatypes.mark import Mark


@dataclass(frozen=True, slots=True, eq=False)
class Property:
    """One property of a record, as its annotation declares it."""

    name: str  # on the wire
    attribute: str  # in Python
    type: Any
    marks: frozenset[Mark]
    required: bool
    default: Any

    def is_marked(self, mark: Mark) -> bool:
        """Whether the property bears the mark."""
        return mark in self.marks

    @property
    def settable(self) -> bool:
        """Whether a client may give it a value of its choice on create."""
        return not (self.marks & {Mark.SERVER_SET, Mark.INTERNAL, Mark.COMPUTED})

    @property
    def visible(self) -> bool:
        """Whether a client may see it."""
        return not (self.marks & {Mark.INTERNAL, Mark.WRITE_ONLY})


def properties_of(record: type[msgspec.Struct]) -> list[Property]:
    """The properties in the order of their declaration."""
    hints = typing.get_type_hints(record, include_extras=True)
    out = []
    for info in msgspec.structs.fields(record):
        hint = hints[info.name]
        marks = frozenset(m for m in getattr(hint, "__metadata__", ()) if isinstance(m, Mark))
        default = info.default if info.default is not msgspec.NODEFAULT else msgspec.NODEFAULT
        if info.default_factory is not msgspec.NODEFAULT:
            default = info.default_factory()
        out.append(Property(info.encode_name, info.name, hint, marks, info.required, default))
    return out
