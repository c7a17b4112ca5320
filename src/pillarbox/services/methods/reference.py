"""Result references: arguments taken from the answers of earlier calls in the same request (RFC 8620 §3.7)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from pillarbox.core.faults import Fault, Kind
from pillarbox.services.methods.patch import split
from pillarbox.services.methods.splice import Records

_INDEX = re.compile(r"(?:0|[1-9][0-9]{0,6})\Z")  # RFC 6901 §4
Answer = tuple[str, Any, str]


class Allowance(msgspec.Struct):
    """What references may still do: each gives so many values at most, all of a request read and give so many octets.

    Without it, a call that echoes two references to the call before doubles what it was given, and sixteen such calls
    fill the memory of any machine.
    """

    values: int
    octets: int

    def take(self, octets: int) -> None:
        """Use some of the octets. Raises invalidResultReference when they are used up."""
        self.octets -= octets
        if self.octets < 0:
            raise _bad("the references of this request give too much")


def resolve_references(arguments: Mapping[str, Any], answers: Sequence[Answer], allowance: Allowance) -> dict[str, Any]:
    """The arguments with each `#name` replaced.

    Raises invalidResultReference, or invalidArguments for a name given twice.
    """
    out: dict[str, Any] = {}
    for name, value in arguments.items():
        if not name.startswith("#"):
            out.setdefault(name, value)
            continue
        if name[1:] in arguments:
            # RFC 8620 §3.7: "If an arguments object contains the same argument name in normal and referenced form …"
            raise Fault(
                Kind.INVALID_ARGUMENTS, f"{name[1:]} is given both as a value and as a reference", arguments=[name[1:]]
            )
        out[name[1:]] = _resolve(value, answers, allowance)
    return out


def _bad(detail: str) -> Fault:
    return Fault(Kind.INVALID_REFERENCE, detail)


def _resolve(value: Any, answers: Sequence[Answer], allowance: Allowance) -> Any:
    if not isinstance(value, dict) or not all(isinstance(value.get(k), str) for k in ("resultOf", "name", "path")):
        raise _bad("a ResultReference has resultOf, name and path")
    found = next((a for a in answers if a[2] == value["resultOf"]), None)
    if found is None or found[0] != value["name"]:
        raise _bad(f"no earlier call {value['resultOf']} answered with {value['name']}")
    path: str = value["path"]
    if path and not path.startswith("/"):
        raise _bad("the path is not a JSON pointer")
    if isinstance(found[1], Fault):
        raise _bad(f"the call {value['resultOf']} failed")
    given = _walk(found[1], split(path)[1:] if path else [], allowance)
    allowance.take(_octets(given))
    return _plain(given)


def _octets(value: Any) -> int:
    """How large a value is, about as JSON."""
    if isinstance(value, list) and all(type(one) is str for one in value):
        return sum(map(len, value)) + 3 * len(value)
    return len(msgspec.json.encode(value, enc_hook=str))


def _decode(value: Any, allowance: Allowance) -> Any:
    if not isinstance(value, msgspec.Raw):
        return value
    allowance.take(len(bytes(value)))
    return msgspec.json.decode(value)


def _walk(value: Any, path: list[str], allowance: Allowance) -> Any:
    for at, part in enumerate(path):
        value = _decode(value, allowance)
        if part == "*" and isinstance(value, list):
            if isinstance(value, Records) and at == len(path) - 2 and (column := value.column(path[-1])) is not None:
                return _flattened(column, allowance.values)
            return _flattened([_walk(item, path[at + 1 :], allowance) for item in value], allowance.values)
        value = _step(value, part)
    return _decode(value, allowance)


def _flattened(values: list[Any], limit: int) -> list[Any]:
    # RFC 8620 §3.7: what is itself an array gives its items, "so that the result is a flat list".
    if len(values) <= limit and not any(type(one) is list for one in values):
        return values
    out: list[Any] = []
    for one in values:
        out.extend(one) if isinstance(one, list) else out.append(one)
        if len(out) > limit:
            raise _bad("the reference gives too many values")
    return out


def _step(value: Any, part: str) -> Any:
    if isinstance(value, dict) and part in value:
        return value[part]
    if isinstance(value, list) and _INDEX.match(part) and int(part) < len(value):
        return value[int(part)]
    raise _bad(f"there is nothing at {part}")


def _plain(value: Any) -> Any:
    """Stored JSON inside the value decoded, one level of a list or map at a time."""
    if isinstance(value, msgspec.Raw):
        return msgspec.json.decode(value)
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return value if all(isinstance(v, str) for v in value) else [_plain(v) for v in value]
    return value
