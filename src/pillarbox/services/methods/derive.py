"""The methods of all registered types, derived from their declarations (RFC 8620 §5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from pillarbox.datatypes import declare
from pillarbox.datatypes.declare import DataType, MethodCall
from pillarbox.services.methods import changes, copy, get, query, query_changes, set, window
from pillarbox.services.methods.method import Argument, FollowUp, Method, Result

_READERS: Mapping[str, tuple[Callable[..., Result], Mapping[str, Argument]]] = {
    declare.GET: (get.get, get.ARGUMENTS),
    declare.CHANGES: (changes.changes, changes.ARGUMENTS),
    declare.QUERY: (query.query, window.ARGUMENTS),
    declare.QUERY_CHANGES: (query_changes.query_changes, query_changes.ARGUMENTS),
}


def methods_of(kind: DataType[Any]) -> list[Method]:
    """The standard methods that a type declares to have."""
    out = []
    for verb, (function, arguments) in _READERS.items():
        if verb in kind.methods:
            every = {**arguments, **_own(kind, verb)}
            out.append(_method(kind, verb, every, read=partial(function, kind)))
    if declare.SET in kind.methods:
        every = {**set.ARGUMENTS, **_own(kind, declare.SET)}
        heavy = type(kind.rules).prepare is not declare.Rules.prepare
        prepare: dict[str, Any] = {"prepare": kind.rules.prepare, "prepares": kind.rules.is_prepared} if heavy else {}
        follow = partial(_after_set, kind)
        out.append(
            _method(
                kind,
                declare.SET,
                every,
                write=partial(set.set_, kind),
                follow=follow,
                changes_data=True,
                slow=kind.rules.is_slow,
                **prepare,
            )
        )
    if declare.COPY in kind.methods:
        every = {**copy.ARGUMENTS, **_own(kind, declare.COPY)}
        follow = partial(copy.destroy_originals, kind)
        out.append(
            _method(
                kind,
                declare.COPY,
                every,
                write=partial(copy.copy, kind),
                follow=follow,
                changes_data=True,
                slow=_always,
            )
        )
    return out


def _method(kind: DataType[Any], verb: str, arguments: Mapping[str, Argument], **rest: Any) -> Method:
    method = Method(f"{kind.name}/{verb}", kind.capability, arguments, directory=kind.directory, **rest)
    return _without_account(method) if kind.per_user else method


_OF_ACCOUNTS = ("accountId", "ifInState", "state", "oldState", "newState")


def _without_account(method: Method) -> Method:
    """The method of a type that belongs to the caller: it neither takes nor tells account and state."""

    def bare(function: Callable[[Any, MethodCall], Result] | None) -> Callable[[Any, MethodCall], Result] | None:
        if function is None:
            return None

        def run(view: Any, call: MethodCall) -> Result:
            call.arguments.setdefault("ifInState", None)
            return {name: value for name, value in function(view, call).items() if name not in _OF_ACCOUNTS}

        return run

    arguments = {name: argument for name, argument in method.arguments.items() if name not in _OF_ACCOUNTS}
    return replace(method, arguments=arguments, has_account=False, read=bare(method.read), write=bare(method.write))


def _own(kind: DataType[Any], verb: str) -> dict[str, Argument]:
    own = kind.rules.arguments.get(verb, {})
    return {name: value if isinstance(value, Argument) else Argument(*value) for name, value in own.items()}


def _after_set(kind: DataType[Any], call: MethodCall, result: Result) -> list[FollowUp]:
    return kind.rules.continue_(call, result)


def _always(_call: MethodCall) -> bool:
    return True  # what is copied may be large, and is read anew


def derive(kinds: Iterable[DataType[Any]], more: Iterable[Method]) -> dict[str, Method]:
    """All methods by name: those of the types, and those of their own."""
    out = {method.name: method for kind in kinds for method in methods_of(kind)}
    out.update((method.name, method) for method in more)
    return out
