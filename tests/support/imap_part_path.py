"""The paths of the parts that a BODYSTRUCTURE shows, as a client works them out (RFC 9051 §6.4.5.1)."""

from collections.abc import Iterator
from typing import Any

Path = tuple[int, ...]


def shown_parts(structure: list[Any], path: Path = ()) -> Iterator[tuple[Path, list[Any]]]:
    """(path, fields) of all parts, multiparts below the first too; `structure` is of a message, or of a part in it."""
    if not isinstance(structure[0], list):
        yield from _part(structure, (*path, 1))
        return
    for number, part in enumerate(structure, 1):
        if not isinstance(part, list):
            return
        yield from _part(part, (*path, number))


def _part(part: list[Any], path: Path) -> Iterator[tuple[Path, list[Any]]]:
    yield path, part
    if isinstance(part[0], list):
        yield from shown_parts(part, path)
    elif is_message(part):
        yield from shown_parts(part[8], path)


def is_message(part: list[Any]) -> bool:
    """Whether the part is shown as a message."""
    return part[0] == b"MESSAGE" and part[1] in {b"RFC822", b"GLOBAL"}
