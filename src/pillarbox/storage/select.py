"""From a condition to SQL, for data types that have an index table.

One statement answers a query. Where the condition asks for one container, the walk is over `member` in its own order
and stops at the limit; otherwise it is over the index table. No text of a client becomes SQL: only the names below do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes import condition as c
from pillarbox.storage import text_index
from pillarbox.storage.database import Sql, Value

if TYPE_CHECKING:
    from pillarbox.datatypes.declare import DataType
    from pillarbox.storage.snapshot import Snapshot

T = TypeVar("T")
_numbers = msgspec.json.Decoder(list[int]).decode
# What `member` has beside each membership under its own name, by the index table's name for it.
_MEMBER_COLUMNS = {
    "received_at": "m.sort_key",
    "keywords": "m.words",
    "size": "m.size",
    "thread_id": "m.group_id",
    "id": "m.item",
}
# What else it has, where its members are chosen by what IMAP knows of them.
_UID_COLUMNS = {"uid": "m.uid", "modseq": "m.modseq", "saved_at": "m.saved_at"}
_MOST_FLAT = 4
_LIKE = str.maketrans({"%": "\\%", "_": "\\_", "\\": "\\\\"})


# Which method of Selection makes SQL of which condition.
_COMPILERS: dict[type, str] = {
    c.Compare: "_compare",
    c.HasWord: "_has_word",
    c.InContainer: "_in_container",
    c.InOtherThan: "_in_other_than",
    c.GroupHasWord: "_group_has_word",
    c.Matches: "_matches",
    c.NumberIn: "_number_in",
    c.IsDeleted: "_is_deleted",
    c.OneOf: "_one_of",
    c.HeaderIs: "_header_is",
    c.HasHeader: "_has_header",
    c.Every: "_every",
    c.Some: "_some",
    c.Nothing: "_nothing",
}


class Selection:
    """Answers queries on one data type of one account."""

    def __init__(self, view: Snapshot, kind: DataType[Any], account: str) -> None:
        self._view = view
        self._kind = kind
        self._account = account
        self._in_member = False
        self._joined = False
        self._with_uids = False

    def run(self, where: c.Condition | None, order: Sequence[c.Order], limit: int | None) -> list[tuple[str, str]]:
        """(id, group) of the records that match, in order; ids break ties, so that paging is stable."""
        search, rest = _take(where, c.Matches)
        container = None
        if search is None:
            container, rest = _take(where, c.InContainer)
        self._in_member = container is not None
        test, values = self._condition(rest) if rest is not None else ("", [])
        keys = [self._order(o) for o in order]
        by = ", ".join(key for key, _ in keys)
        last = "DESC" if order and not order[0].ascending else "ASC"
        key_values = [v for _, vs in keys for v in vs]
        tail = f" ORDER BY {by + ', ' if by else ''}{self._column('id')} {last} LIMIT ?"
        head, head_values = self._from(container, search)
        sql = head + (f" AND {test}" if test else "") + tail
        bound = [*head_values, *values, *key_values, -1 if limit is None else limit]
        return self._view.db.rows(sql, bound)  # type: ignore[return-value]

    def members(self, container: str, where: c.Condition | None) -> list[tuple[int, str]]:
        r"""(uid, id) of a container's members that match, those with \Deleted too, in the order of uids."""
        search, rest = _take(where, c.Matches)
        if search is None:
            return sorted(self._view.db.rows(*self._walk(container, where, "m.uid, m.item")))  # type: ignore[arg-type]
        self._in_member = self._with_uids = True
        hits = self._hits(search)
        if hits is None:
            return []
        self._joined = True
        test, values = self._condition(rest) if rest is not None else ("1 = 1", [])
        own: list[Value] = [self._account, container]
        members = "SELECT m.uid, m.item FROM member m"
        by_id = f" CROSS JOIN {self._kind.index_table} e ON e.account = m.account AND e.id = m.item"
        within = " WHERE m.account = ? AND m.container = ?"
        # Text first: each of its hits leads to one row. What is deleted here is little, and looks itself up in them.
        live = (
            f"SELECT m.uid, m.item FROM ({hits[0]}) t CROSS JOIN {self._kind.index_table} e ON e.doc = t.doc"
            " CROSS JOIN member m ON m.account = e.account AND m.item = e.id AND m.removed = 0"
            f" WHERE e.account = ? AND m.container = ? AND {test}"
        )
        deleted = f"{members}{by_id}{within} AND m.item >= '' AND m.removed = 2 AND e.doc IN ({hits[0]}) AND {test}"
        rows = self._view.db.rows(live, [*hits[1], *own, *values])
        return sorted(rows + self._view.db.rows(deleted, [*own, *hits[1], *values]))  # type: ignore[arg-type]

    def uids(self, container: str, where: c.Condition | None) -> list[int]:
        """The uids of the same members."""
        if _take(where, c.Matches)[0] is not None:
            return [uid for uid, _ in self.members(container, where)]
        # As one text: a row for each costs more than finding it. They rise already, on most engines.
        row = self._view.db.row(*self._walk(container, where, "string_agg(CAST(m.uid AS TEXT), ',')"))
        return sorted(_numbers(f"[{row[0]}]")) if row is not None and row[0] is not None else []

    def _walk(self, container: str, where: c.Condition | None, columns: str) -> Sql:
        self._in_member = self._with_uids = True
        test, values = self._condition(where) if where is not None else ("1 = 1", [])
        join = f" CROSS JOIN {self._kind.index_table} e ON e.account = m.account AND e.id = m.item"
        sql = (
            f"SELECT {columns} FROM member m{join if self._joined else ''} WHERE m.account = ? AND m.container = ?"
            f" AND m.removed <> 1 AND {test}"
        )
        return sql, [self._account, container, *values]

    def _from(self, container: c.InContainer | None, search: c.Matches | None) -> Sql:
        table = self._kind.index_table
        if search is not None:
            # Text first: its hits are few, and each leads to one row. CROSS JOIN keeps SQLite to that order.
            hits, values = self._hits(search) or ("SELECT doc FROM email_index WHERE 1 = 0", [])
            sql = f"SELECT e.id, e.thread_id FROM ({hits}) t CROSS JOIN {table} e ON e.doc = t.doc WHERE e.account = ?"
            return sql + self._visible("e"), [*values, self._account]
        if container is None:
            return f"SELECT e.id, e.thread_id FROM {table} e WHERE e.account = ?{self._visible('e')}", [self._account]
        join = f" CROSS JOIN {table} e ON e.account = m.account AND e.id = m.item" if self._joined else ""
        sql = f"SELECT m.item, m.group_id FROM member m{join} WHERE m.account = ? AND m.container = ? AND m.removed = 0"
        return sql, [self._account, container.container]

    def _visible(self, alias: str) -> str:
        return f" AND {alias}.hidden = 0" if self._kind.is_hidden is not None else ""

    def _column(self, name: str) -> str:
        if self._in_member:
            if self._with_uids and name in _UID_COLUMNS:
                return _UID_COLUMNS[name]
            if name in _MEMBER_COLUMNS:
                return _MEMBER_COLUMNS[name]
            self._joined = True
        return f"e.{name}"

    def _condition(self, node: c.Condition) -> Sql:
        compiler: Callable[[Any], Sql] = getattr(self, _COMPILERS[type(node)])
        return compiler(node)

    def _compare(self, node: c.Compare) -> Sql:
        return f"{self._column(node.column)} {node.operator} ?", [node.value]

    def _has_word(self, node: c.HasWord) -> Sql:
        return f"{self._column(node.column)} LIKE ? ESCAPE '\\'", [f"% {node.word.translate(_LIKE)} %"]

    def _in_container(self, node: c.InContainer) -> Sql:
        sql = (
            "EXISTS (SELECT 1 FROM member x WHERE x.account = ? AND x.container = ? AND x.item = {} AND x.removed = 0)"
        )
        return sql.format(self._column("id")), [self._account, node.container]

    def _in_other_than(self, node: c.InOtherThan) -> Sql:
        # The containers of a record are few and stand in its body; membership by item alone has no index.
        sql = (
            "EXISTS (SELECT 1 FROM container k JOIN member x ON x.account = k.account AND x.container = k.id"
            f" WHERE k.account = ? AND k.id NOT IN (SELECT value FROM json_each(?))"
            f" AND x.item = {self._column('id')} AND x.removed = 0)"
        )
        return sql, [self._account, _listed(node.containers)]

    def _group_has_word(self, node: c.GroupHasWord) -> Sql:
        pattern = f"% {node.word.translate(_LIKE)} %"
        some = "EXISTS (SELECT 1 FROM {} g WHERE g.account = ? AND g.thread_id = {} AND g.{} {} ? ESCAPE '\\'{})"
        test = "NOT LIKE" if node.every else "LIKE"
        sql = some.format(self._kind.index_table, self._column("thread_id"), node.column, test, self._visible("g"))
        return (f"NOT {sql}" if node.every else sql), [self._account, pattern]

    def _matches(self, node: c.Matches) -> Sql:
        found = self._hits(node)
        return self._documents(found) if found else ("1 = 0", [])

    def _hits(self, node: c.Matches) -> Sql | None:
        return self._view.db.texts.search(self._account, node.columns, node.text)

    def _has_header(self, node: c.HasHeader) -> Sql:
        if not text_index.has_marks(node.name):
            return "1 = 1", []  # nearly all have it; whoever asks looks into the messages anyway
        return self._documents(self._view.db.texts.marked(self._account, node.name))

    def _documents(self, hits: Sql) -> Sql:
        self._column("doc")
        # In a walk over members each row looks itself up in the hits: without the sign SQLite tries all hits for a row.
        return f"{'+' if self._in_member else ''}e.doc IN ({hits[0]})", hits[1]

    def _number_in(self, node: c.NumberIn) -> Sql:
        listed = msgspec.json.encode(node.numbers).decode()
        return f"{self._column(node.column)} IN (SELECT CAST(value AS INTEGER) FROM json_each(?))", [listed]

    def _is_deleted(self, _node: c.IsDeleted) -> Sql:
        return "m.removed = 2", []

    def _one_of(self, node: c.OneOf) -> Sql:
        if not node.ids:
            return "1 = 0", []
        return f"{self._column('id')} IN (SELECT value FROM json_each(?))", [_listed(node.ids)]

    def _header_is(self, node: c.HeaderIs) -> Sql:
        raise Fault(Kind.UNSUPPORTED_FILTER, "header conditions are resolved to ids before they reach the store")

    def _every(self, node: c.Every) -> Sql:
        return self._joined_by(" AND ", node.parts, "1 = 1")

    def _some(self, node: c.Some) -> Sql:
        return self._joined_by(" OR ", node.parts, "1 = 0")

    def _nothing(self, node: c.Nothing) -> Sql:
        sql, values = self._joined_by(" OR ", node.parts, "1 = 0")
        return f"NOT {sql}", values

    def _joined_by(self, word: str, parts: Sequence[c.Condition], empty: str) -> Sql:
        done = [self._condition(p) for p in parts]
        return _balanced([s for s, _ in done], word) if done else f"({empty})", [v for _, vs in done for v in vs]

    def _order(self, order: c.Order) -> Sql:
        direction = "ASC" if order.ascending else "DESC"
        if order.word is None:
            return f"{self._column(order.column)} {direction}", []
        if order.group:
            sql, values = self._group_has_word(c.GroupHasWord(order.column, order.word, order.group == "all"))
        else:
            sql, values = self._has_word(c.HasWord(order.column, order.word))
        return f"CASE WHEN {sql} THEN 1 ELSE 0 END {direction}", values


def _balanced(tests: Sequence[str], word: str) -> str:
    """Tests joined by a word, with parentheses for two halves: SQLite refuses what is a thousand levels deep."""
    if len(tests) <= _MOST_FLAT:
        return f"({word.join(tests)})"
    half = len(tests) // 2
    return f"({_balanced(tests[:half], word)}{word}{_balanced(tests[half:], word)})"


def _listed(ids: Sequence[str]) -> str:
    """Ids as one value, however many: as JSON. No id has a NUL, which not every engine takes."""
    return msgspec.json.encode([id for id in ids if "\0" not in id]).decode()


def _take(where: c.Condition | None, wanted: type[T]) -> tuple[T | None, c.Condition | None]:
    """A condition of this kind that every match must meet, if there is one, and the rest of the condition."""
    if isinstance(where, wanted):
        return where, None
    if isinstance(where, c.Every):
        for at, part in enumerate(where.parts):
            if isinstance(part, wanted):
                rest = where.parts[:at] + where.parts[at + 1 :]
                return part, (c.Every(rest) if rest else None)
    return None, where
