"""Foo/query for every type: which ids, in which order, from which position (RFC 8620 §5.5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from pillarbox.datatypes.declare import DataType, MethodCall
from pillarbox.datatypes.remembered import ResultCache
from pillarbox.datatypes.view import View
from pillarbox.services.methods.filter import Checked, check_filter, check_sort, resolve_filter, to_condition, to_test
from pillarbox.services.methods.method import Result
from pillarbox.services.methods.window import limit_of, start_of, told_limit

_SHORT = 1_000  # results up to here are read in order, and remembered only where reading is far
# Arguments that say what of the results is wanted, not what the results are.
_OF_THE_WINDOW = frozenset({
    "accountId", "position", "anchor", "anchorOffset", "limit", "calculateTotal", "sinceQueryState", "maxChanges",
    "upToId",
})  # fmt: skip


class Query:
    """One filter and sort on one type of one account."""

    def __init__(self, kind: DataType[Any], view: View, call: MethodCall) -> None:
        self.kind, self.view, self.call = kind, view, call
        if call.created_ids:
            call.arguments["filter"] = resolve_filter(kind, call.arguments["filter"], call.created_ids)
        self.filter: Checked | None = check_filter(kind, call.arguments["filter"], view.limits.max_filter_conditions)
        self.sort = check_sort(kind, call.arguments["sort"])
        self.collapse = bool(kind.collapse_argument) and bool(call.arguments[kind.collapse_argument])
        self.state = str(view.state(kind, call.account))

    @property
    def local(self) -> bool:
        """Whether changes of this query can be told."""
        by_filter = self.filter is None or self.filter.local
        return (
            by_filter
            and all(self.kind.sorts[name].local for name, _ in self.sort)
            and self.kind.rules.is_local(self.call)
        )

    @property
    def fixed(self) -> bool:
        """Whether a record that matches goes on to do so, at the same place among the others."""
        by_filter = self.filter is None or self.filter.fixed
        return by_filter and not self.collapse and all(self.kind.sorts[name].fixed for name, _ in self.sort)

    def ids(self) -> Sequence[str]:
        """All results. Remembered for as long as the state stays: clients page through what they asked for."""
        return self._remembered(None, self.view.cache)

    def first(self, count: int) -> Sequence[str]:
        """The first results, without finding the rest."""
        if not self.kind.index_table:
            return self.ids()
        cache = self.view.cache
        return self._remembered(count, cache if cache is not None and cache.has_short else None)

    def _remembered(self, count: int | None, cache: ResultCache | None) -> Sequence[str]:
        asked = [value for name, value in self.call.arguments.items() if name not in _OF_THE_WINDOW]
        key = (self.call.account, self.kind.name, count, msgspec.json.encode(asked, order="deterministic"))
        if cache is not None and (found := cache.get(key, self.state)) is not None:
            return found
        ids = self._from_store(count) if self.kind.index_table else self._from_memory()
        if cache is not None:
            cache.put(key, self.state, ids)
        return ids

    def total(self) -> int | None:
        """How many results there are, when a counter tells."""
        if not self.kind.index_table:
            return None
        where = to_condition(self.filter) if self.filter is not None else None
        return self.kind.rules.total(self.view, self.call.account, where, collapse=self.collapse)

    def _from_store(self, count: int | None) -> list[str]:
        kind, account = self.kind, self.call.account
        where = to_condition(self.filter) if self.filter is not None else None
        if where is not None:
            where = kind.rules.refine(self.view, account, where)
        order = [kind.sorts[name].order(comparator) for name, comparator in self.sort]  # type: ignore[misc]
        if not self.collapse:
            return [id for id, _ in self.view.select(kind, account, where, order, count)]
        rows_wanted = None if count is None else count * 2 + 20
        while True:
            rows = self.view.select(kind, account, where, order, rows_wanted)
            ids = _one_of_each(rows)
            if count is None or len(ids) >= count or rows_wanted is None or len(rows) < rows_wanted:
                return ids if count is None else ids[:count]
            rows_wanted *= 4

    def _from_memory(self) -> list[str]:
        records = self.view.all(self.kind, self.call.account)
        for name, comparator in reversed(self.sort):
            key = self.kind.sorts[name].key
            assert key is not None
            records.sort(key=key, reverse=not comparator.get("isAscending", True))
        test = to_test(self.filter) if self.filter is not None else None
        matched = [r for r in records if test(r)] if test is not None else records
        return [r.id for r in self.kind.rules.arrange(self.call, matched, records)]


def _one_of_each(rows: Sequence[tuple[str, str]]) -> list[str]:
    """The first id of each group, in order (RFC 8621 §4.4.3)."""
    seen: set[str] = set()
    out = []
    for id, group in rows:
        if group not in seen:
            seen.add(group)
            out.append(id)
    return out


def query(kind: DataType[Any], view: View, call: MethodCall) -> Result:
    """One window of the results."""
    limit = limit_of(call, view.limits.max_query_limit)
    work = Query(kind, view, call)
    total = work.total()
    position, anchor = call.arguments["position"], call.arguments["anchor"]
    total_known = total is not None or not call.arguments["calculateTotal"]
    # A short window without a total is worth more than a whole list that nobody pages through.
    if anchor is None and position >= 0 and position + limit <= _SHORT and total_known and kind.index_table:
        window = work.first(position + limit)[position:]
    else:
        ids = work.ids()
        total = len(ids)
        position = start_of(call, ids)
        window = ids[position : position + limit]
    result: Result = {
        "accountId": call.account,
        "queryState": work.state,
        "canCalculateChanges": work.local,
        "position": position if window else min(position, total if total is not None else position),
        "ids": list(window),
        **told_limit(call, limit),
    }
    if call.arguments["calculateTotal"]:
        result["total"] = total
    return result
