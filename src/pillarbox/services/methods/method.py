"""What a method is to the dispatcher: its arguments, whether it reads or writes, and the function that does it.

RFC 8620 §3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pillarbox.core.faults import Fault, Kind
from pillarbox.core.limits import Limits
from pillarbox.datatypes.declare import MethodCall
from pillarbox.datatypes.view import Transaction, View

REQUIRED = object()
Result = dict[str, Any]
FollowUp = tuple[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Argument:
    """The type of an argument, and its value when it is not given."""

    type: Any
    default: Any = REQUIRED


@dataclass(frozen=True)
class Method:
    """One method. Exactly one of `read` and `write` is set; `prepare` reads before the write lock is taken."""

    name: str
    capability: str
    arguments: Mapping[str, Argument]
    read: Callable[[View, MethodCall], Result] | None = None
    write: Callable[[Transaction, MethodCall], Result] | None = None
    prepare: Callable[[View, MethodCall], Any] | None = None
    prepares: Callable[[MethodCall], bool] = field(default=lambda _call: True)
    follow: Callable[[MethodCall, Result], list[FollowUp]] | None = None
    changes_data: bool = False
    has_account: bool = True
    checks_arguments: bool = True
    directory: bool = False
    slow: Callable[[MethodCall], bool] = field(default=lambda _call: False)


ACCOUNT_ID = {"accountId": Argument(str)}


def check_arguments(method: Method, given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments by their types, with defaults. Raises invalidArguments that names the argument.

    RFC 8620 §3.6.2.
    """
    out: dict[str, Any] = {}
    for name, argument in method.arguments.items():
        if name not in given:
            if argument.default is REQUIRED:
                raise Fault(Kind.INVALID_ARGUMENTS, f"the argument {name} is missing", arguments=[name])
            out[name] = argument.default
            continue
        try:
            out[name] = msgspec.convert(given[name], argument.type)
        except (msgspec.ValidationError, RecursionError) as error:
            raise Fault(Kind.INVALID_ARGUMENTS, f"{name}: {error}", arguments=[name]) from None
    if unknown := [name for name in given if name not in method.arguments]:
        raise Fault(Kind.INVALID_ARGUMENTS, f"{method.name} has no argument {unknown[0]}", arguments=unknown)
    return out


def check_names(names: Sequence[str], limits: Limits) -> None:
    """Raise requestTooLarge for more names of properties than anybody needs; each costs time for each object."""
    if len(names) > limits.max_properties_in_get:
        raise Fault(
            Kind.REQUEST_TOO_LARGE, f"at most {limits.max_properties_in_get} properties can be named in one call"
        )


def positive(call: MethodCall, name: str) -> int | None:
    """A count that, when given, has to be greater than zero (RFC 8620 §5.2)."""
    value: int | None = call.arguments[name]
    if value is not None and value <= 0:
        raise Fault(Kind.INVALID_ARGUMENTS, f"{name} must be greater than 0", arguments=[name])
    return value
