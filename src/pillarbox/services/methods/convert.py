"""From a client's JSON to a record: properties are converted one by one, so that an error names all that are wrong.

RFC 8620 §5.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from pillarbox.core.faults import invalid
from pillarbox.datatypes.declare import DataType, Record
from pillarbox.datatypes.mark import Mark
from pillarbox.datatypes.property import Property

R = TypeVar("R", bound=Record)


def resolve(prop: Property, value: Any, created_ids: Mapping[str, str]) -> Any:
    """The value with creation ids (`#id`) replaced, as value, in a list, or as keys of a map (RFC 8620 §5.3).

    Raises KeyError with the creation id that is not known.
    """
    if isinstance(value, str):
        return created_ids[value[1:]] if value.startswith("#") else value
    if isinstance(value, list):
        return [resolve(prop, v, created_ids) for v in value]
    if isinstance(value, dict):
        return {resolve(prop, k, created_ids): v for k, v in value.items()}
    return value


def new_record(kind: DataType[R], id: str, given: Mapping[str, Any], created_ids: Mapping[str, str]) -> R:
    """A record for a create.

    Raises invalidProperties with every name that is wrong, missing or not the client's to set.
    """
    values: dict[str, Any] = {"id": id}
    bad, notes = [], []
    for name, value in given.items():
        prop = kind.properties.get(name)
        if prop is None or not (prop.settable or prop.is_marked(Mark.WRITE_ONLY)):
            bad.append(name)
            notes.append(
                f"{name} is set by the server" if prop is not None and prop.visible else f"{name} is not a property"
            )
            continue
        _convert(prop, value, created_ids, values, bad, notes)
    missing = [
        p.name for p in kind.properties.values() if p.required and p.name not in given and p.attribute not in values
    ]
    if bad or missing:
        raise invalid([*bad, *missing], "; ".join([*notes, *(f"{name} is required" for name in missing)]))
    return kind.record(**values)


def _convert(
    prop: Property, value: Any, created_ids: Mapping[str, str], values: dict[str, Any], bad: list[str], notes: list[str]
) -> None:
    try:
        if prop.is_marked(Mark.REFERENCE):
            value = resolve(prop, value, created_ids)
        values[prop.attribute] = msgspec.convert(value, prop.type)
    except KeyError as error:
        bad.append(prop.name)
        notes.append(f"{prop.name}: no record was created as #{error.args[0]!s}")
    except (msgspec.ValidationError, RecursionError) as error:
        bad.append(prop.name)
        notes.append(f"{prop.name}: {error}")


def changed_record(kind: DataType[R], old: R, wanted: Mapping[str, Any], created_ids: Mapping[str, str]) -> R:
    """The record with new top-level values; null means the default.

    Raises invalidProperties with all names that are wrong.
    """
    values: dict[str, Any] = {}
    bad, notes = [], []
    for name, value in wanted.items():
        prop = kind.properties.get(name)
        if prop is None or not (prop.visible or prop.is_marked(Mark.WRITE_ONLY)):
            bad.append(name)
            notes.append(f"{name} is not a property that can be set")
            continue
        if value is None and not prop.required and not _takes_null(prop):
            values[prop.attribute] = prop.default
        else:
            _convert(prop, value, created_ids, values, bad, notes)
        fixed = prop.is_marked(Mark.IMMUTABLE) or not (prop.settable or prop.is_marked(Mark.WRITE_ONLY))
        # RFC 8620 §5.3: a property that the client must not change may be given with the value that it has.
        if fixed and prop.name not in bad and values[prop.attribute] != getattr(old, prop.attribute):
            bad.append(name)
            notes.append(f"{name} cannot be changed")
    if bad:
        raise invalid(bad, "; ".join(notes))
    return msgspec.structs.replace(old, **values)


def _takes_null(prop: Property) -> bool:
    try:
        msgspec.convert(None, prop.type)
    except msgspec.ValidationError:
        return False
    return True
