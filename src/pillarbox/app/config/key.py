"""The settings' tree as a flat list of keys, such as `http.listen`, with all that is to be said about each."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from pillarbox.app.config.settings import Settings


@dataclass(frozen=True, slots=True)
class Key:
    """One setting. `type` is its annotation, whole; a secret's value is never printed."""

    name: str
    type: Any
    default: Any
    doc: str
    secret: bool

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return "PILLARBOX_" + self.name.upper().replace(".", "_")

    @property
    def allowed(self) -> str:
        """What may stand there, for people."""
        return _describe(self.type)

    @property
    def is_list(self) -> bool:
        """Whether it holds several values."""
        return typing.get_origin(_plain(self.type)) is tuple


def _plain(hint: Any) -> Any:
    return typing.get_args(hint)[0] if hasattr(hint, "__metadata__") else hint


def _describe(hint: Any) -> str:
    plain = _plain(hint)
    origin, arguments = typing.get_origin(plain), typing.get_args(plain)
    least = next(
        (m.ge for m in getattr(hint, "__metadata__", ()) if isinstance(m, msgspec.Meta) and m.ge is not None), None
    )
    if origin is tuple:
        return "a list of whole numbers" if arguments[0] is int else "a list of strings"
    if origin is typing.Literal:
        return " or ".join(f'"{a}"' for a in arguments)
    if arguments:  # X | None
        return " or ".join("nothing" if a is type(None) else _describe(a) for a in arguments)
    names = {str: "a string", bool: "true or false", int: "a whole number", float: "a number", Path: "a path"}
    return names[plain] + (f" of at least {least}" if least is not None else "")


def keys(tree: type[msgspec.Struct] = Settings, prefix: str = "") -> Iterator[Key]:
    """All settings in the order of the reference page."""
    hints = typing.get_type_hints(tree, include_extras=True)
    for field in msgspec.structs.fields(tree):
        hint, name = hints[field.name], prefix + field.name
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            yield from keys(hint, f"{name}.")
            continue
        meta = next((m for m in getattr(hint, "__metadata__", ()) if isinstance(m, msgspec.Meta)), msgspec.Meta())
        doc = meta.description or f"{field.name.replace('_', ' ').capitalize()}."
        yield Key(name, hint, field.default, doc, bool((meta.extra or {}).get("secret")))
