"""Patch objects: JSON pointers into a record, checked and applied (RFC 8620 §5.3)."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from pillarbox.core.faults import Fault, Kind


def _invalid(detail: str) -> Fault:
    return Fault(Kind.INVALID_PATCH, detail)


def split(pointer: str) -> list[str]:
    """The members of a JSON pointer without its leading slash (RFC 6901 §4)."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")]


def apply(current: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """The top-level values that the patch gives, whole: name -> new value, None where null was given at the top.

    `current` is the record as JSON values. Raises invalidPatch for pointers that overlap, point into an array, or whose
    parents do not exist.
    """
    paths = {pointer: split(pointer) for pointer in patch}
    _refuse_overlap(list(paths.values()))
    out: dict[str, Any] = {}
    for pointer, path in paths.items():
        top = path[0]
        if len(path) == 1:
            out[top] = patch[pointer]
        else:
            if top not in out:
                out[top] = _copy(current.get(top))
            _put(out[top], path, patch[pointer])
    return out


def _refuse_overlap(paths: list[list[str]]) -> None:
    # RFC 8620 §5.3: "There MUST NOT be two patches in the PatchObject where the pointer of one is the prefix of the
    # pointer of the other"
    ordered = sorted(paths)
    for one, two in itertools.pairwise(ordered):
        if two[: len(one)] == one:
            raise _invalid(f"{'/'.join(one)} and {'/'.join(two)} overlap")


def _copy(value: Any) -> Any:
    """A copy of the maps of a JSON value, as deep as they go; the depth of stored values is bounded."""
    return {k: _copy(v) for k, v in value.items()} if isinstance(value, dict) else value


def _put(value: Any, path: list[str], new: Any) -> None:
    for part in path[1:-1]:
        # "All parts prior to the last (i.e., the value after the final slash) MUST already exist on the object being
        # patched."
        if not isinstance(value, dict) or part not in value:
            raise _invalid(f"{'/'.join(path)} points into what is not there")
        value = value[part]
    if not isinstance(value, dict):
        raise _invalid(f"{'/'.join(path)} does not point into a map")
    if new is None:
        value.pop(path[-1], None)
    else:
        value[path[-1]] = new
