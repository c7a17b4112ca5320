"""A client's filter and sort, checked against what a type declares, as a test for records or as a condition for the store (RFC 8620 §5.5)."""

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
    """A filter whose every condition is known and of the right type: nodes are (operator, children) or (filter, value)."""

    operator: str
    children: list[Checked]
    conditions: list[tuple[Filter, Any]]

    @property
    def local(self) -> bool:
        """Whether a record's own values alone decide."""
        return all(f.local for f, _ in self.conditions) and all(child.local for child in self.children)


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
        raise Fault(Kind.INVALID_ARGUMENTS, "a FilterOperator has an operator and a list of conditions", arguments=["filter"])
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
        tests.append(lambda record, t=declared.test, v=value: t(record, v))
    if node.operator == "AND":
        return lambda record: all(t(record) for t in tests)
    if node.operator == "OR":
        return lambda record: any(t(record) for t in tests)
    return lambda record: not any(t(record) for t in tests)


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
            raise Fault(Kind.UNSUPPORTED_SORT, f"{kind.name} cannot be sorted by {name}" if declared is None else f"unknown collation {collation}")
        known = {"property", "isAscending", "collation", *declared.extra}
        if set(comparator) - known or any(not isinstance(comparator.get(e), str) for e in declared.extra):
            raise Fault(Kind.INVALID_ARGUMENTS, f"a Comparator for {name} takes {', '.join(sorted(known))}", arguments=["sort"])
        out.append((name, comparator))
    return out
