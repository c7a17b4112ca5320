"""A client's filter and sort, checked against a type's declaration, as a test for records or a condition for the store.

RFC 8620 §5.5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes import condition as c
from pillarbox.datatypes.declare import DataType, Filter

Test = Callable[[Any], bool]
COLLATIONS = ("i;unicode-casemap", "i;ascii-casemap", "i;octet", "i;ascii-numeric")
_OPERATORS = ("AND", "OR", "NOT")


@dataclass(slots=True)
class Checked:
    """A filter, its every condition known and of the right type: an operator, children, and conditions of its own."""

    operator: str
    children: list[Checked]
    conditions: list[tuple[Filter, Any]]

    @property
    def local(self) -> bool:
        """Whether a record's own values alone decide."""
        return all(f.local for f, _ in self.conditions) and all(child.local for child in self.children)

    @property
    def fixed(self) -> bool:
        """Whether the answer for a record never changes."""
        return all(f.fixed for f, _ in self.conditions) and all(child.fixed for child in self.children)


def resolve_filter(kind: DataType[Any], given: Any, created_ids: Mapping[str, str]) -> Any:
    """The filter with creation ids replaced where a condition takes ids; unknown ones stay, and match nothing."""
    if not isinstance(given, dict):
        return given
    if "operator" in given:
        children = given.get("conditions")
        if not isinstance(children, list):
            return given
        return {**given, "conditions": [resolve_filter(kind, child, created_ids) for child in children]}
    ids = {name for name, declared in kind.filters.items() if declared.reference}
    return {name: _resolved(value, created_ids) if name in ids else value for name, value in given.items()}


def _resolved(value: Any, created_ids: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_resolved(v, created_ids) for v in value]
    return created_ids.get(value[1:], value) if isinstance(value, str) and value.startswith("#") else value


def check_filter(kind: DataType[Any], given: Any, limit: int) -> Checked | None:
    """Check a filter argument. Raises invalidArguments or unsupportedFilter."""
    if given is None:
        return None
    budget = [limit]
    return _check(kind, given, budget)


def _check(kind: DataType[Any], given: Any, budget: list[int]) -> Checked:
    if not isinstance(given, dict):
        raise Fault(Kind.INVALID_ARGUMENTS, "a filter is an object", arguments=["filter"])
    budget[0] -= max(1, len(given))
    if budget[0] < 0:
        raise Fault(Kind.UNSUPPORTED_FILTER, "the filter has too many conditions")
    if "operator" not in given:
        return Checked("AND", [], [_condition(kind, name, value) for name, value in given.items()])
    operator, children = given["operator"], given.get("conditions")
    if operator not in _OPERATORS or not isinstance(children, list) or set(given) - {"operator", "conditions"}:
        raise Fault(
            Kind.INVALID_ARGUMENTS, "a FilterOperator has an operator and a list of conditions", arguments=["filter"]
        )
    return Checked(operator, [_check(kind, child, budget) for child in children], [])


def _condition(kind: DataType[Any], name: str, value: Any) -> tuple[Filter, Any]:
    declared = kind.filters.get(name)
    if declared is None:
        raise Fault(Kind.UNSUPPORTED_FILTER, f"{kind.name} cannot be filtered by {name}")
    try:
        return declared, msgspec.convert(value, declared.type)
    except msgspec.ValidationError as error:
        raise Fault(Kind.INVALID_ARGUMENTS, f"filter {name}: {error}", arguments=["filter"]) from None


def to_test(node: Checked) -> Test:
    """A function that decides for one record."""
    tests: list[Test] = [to_test(child) for child in node.children]
    for declared, value in node.conditions:
        assert declared.test is not None
        tests.append(_bound(declared.test, value))
    if node.operator == "AND":
        return lambda record: all(t(record) for t in tests)
    if node.operator == "OR":
        return lambda record: any(t(record) for t in tests)
    return lambda record: not any(t(record) for t in tests)


def _bound(test: Callable[[Any, Any], bool], value: Any) -> Test:
    return lambda record: test(record, value)


def to_condition(node: Checked) -> c.Condition:
    """A condition for the store."""
    parts: list[c.Condition] = [to_condition(child) for child in node.children]
    for declared, value in node.conditions:
        assert declared.where is not None
        parts.append(declared.where(value))
    if node.operator == "AND":
        # One level where one is enough: the store looks for the container at the top.
        flat = [q for p in parts for q in (p.parts if isinstance(p, c.Every) else (p,))]
        return flat[0] if len(flat) == 1 else c.Every(tuple(flat))
    return c.Some(tuple(parts)) if node.operator == "OR" else c.Nothing(tuple(parts))


def check_sort(kind: DataType[Any], given: Sequence[Mapping[str, Any]] | None) -> list[tuple[str, Mapping[str, Any]]]:
    """Check a sort argument: (property, comparator) in order. Raises invalidArguments or unsupportedSort."""
    out = []
    for comparator in given or ():
        name = comparator.get("property")
        if not isinstance(name, str) or not isinstance(comparator.get("isAscending", True), bool):
            raise Fault(Kind.INVALID_ARGUMENTS, "a Comparator names a property", arguments=["sort"])
        declared = kind.sorts.get(name)
        collation = comparator.get("collation")
        if declared is None or (collation is not None and collation not in COLLATIONS):
            what = name if declared is None else f"{name} with the collation {collation}"
            raise Fault(Kind.UNSUPPORTED_SORT, f"{kind.name} cannot be sorted by {what}")
        # What else stands in it has no meaning and does no harm; jmapc writes /query's own arguments here.
        if missing := [extra for extra in declared.extra if not isinstance(comparator.get(extra), str)]:
            raise Fault(
                Kind.INVALID_ARGUMENTS, f"a Comparator for {name} takes {', '.join(missing)}", arguments=["sort"]
            )
        out.append((name, comparator))
    return out
