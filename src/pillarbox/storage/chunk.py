"""Ids in lists that a statement can take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

_CHUNK = 500


def chunks(ids: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """The ids in such lists, each with its `?, ?, ...`.

    Lengths are rounded up to a power of two by repeating the last id, so that few statements have to be prepared.
    """
    for start in range(0, len(ids), _CHUNK):
        part = list(ids[start : start + _CHUNK])
        width = 1 << (len(part) - 1).bit_length()
        part += part[-1:] * (width - len(part))
        yield ",".join("?" * width), part
