"""Every record can be read, and is found by what it says."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from typing import Any

from pillarbox.datatypes.declare import DataType, Record
from pillarbox.datatypes.mark import Mark
from pillarbox.services.verify.finding import CHUNK, LIMIT, Finding, Ground
from pillarbox.storage import verify as rows
from pillarbox.storage.blob_reference import stored_id
from pillarbox.storage.record import DESTROYED, LIVE, decoded

Lookup = tuple[str, str, str, str]  # type, property, value, item


def check_records(ground: Ground) -> Iterator[Finding]:
    """Records decode with their type, carry their own id and unique key, and have exactly their rows in `lookup`."""
    kinds = {kind.name: kind for kind in ground.types}
    expected = 0
    for page in rows.records(ground.view.db, ground.account, CHUNK):
        for row in page:
            kind = kinds.get(row.type)
            if kind is None:
                yield ground.finding("record type", row.type, row.id, "no such type is known")
            elif row.destroyed == DESTROYED:
                yield from _check_destroyed(ground, row)
            else:
                expected += yield from _check_live(ground, kind, row)
    if rows.lookup_count(ground.view.db, ground.account) != expected:
        yield from _stray_lookups(ground, kinds)


def _check_destroyed(ground: Ground, row: rows.RecordRow) -> Iterator[Finding]:
    if row.body or row.unique_key is not None:
        yield ground.finding(
            "destroyed record", row.type, row.id, "a destroyed record has kept its content or its name"
        )


def _check_live(ground: Ground, kind: DataType[Any], row: rows.RecordRow) -> Generator[Finding, None, int]:
    record = decoded(kind, row.body)
    if record is None or record.id != row.id:
        text = "the record cannot be decoded" if record is None else f"the record says that its id is {record.id}"
        yield ground.finding("record", row.type, row.id, text)
        return 0
    if kind.shows(record) != (row.destroyed == LIVE):
        text = "only IMAP should see it" if row.destroyed == LIVE else "it is hidden, and should be seen"
        yield ground.finding("hidden record", row.type, row.id, text)
    if (kind.unique_key(record) if row.destroyed == LIVE else None) != row.unique_key:
        yield ground.finding("unique key", row.type, row.id, f"it is stored under the name {row.unique_key!r}")
    wanted = lookups_of(kind, record)
    for entry in wanted:
        if not rows.has_lookup(ground.view.db, ground.account, *entry):
            yield ground.finding("lookup", row.type, row.id, f"it is not found by {entry[1]} {entry[2]}")
    return len(wanted)


def lookups_of(kind: DataType[Any], record: Record) -> set[Lookup]:
    """The rows that `lookup` has for a record."""
    out: set[Lookup] = set()
    for prop in kind.indexed:
        value = getattr(record, prop.attribute)
        values: Iterable[str] = () if value is None else (value,) if isinstance(value, str) else value
        if prop.is_marked(Mark.BLOB):
            out.update(("Blob", stored_id(blob), kind.name, record.id) for blob in values if blob)
        else:
            out.update((kind.name, prop.name, one, record.id) for one in values)
    return out


def _stray_lookups(ground: Ground, kinds: dict[str, DataType[Any]]) -> Iterator[Finding]:
    for page in rows.lookups(ground.view.db, ground.account, CHUNK):
        by_type: dict[str, list[Lookup]] = {}
        for entry in page:
            holder = entry[2] if entry[0] == "Blob" else entry[0]
            by_type.setdefault(holder, []).append(entry)
        by_type.pop("Outbox", None)
        for name, entries in by_type.items():
            kind = kinds.get(name)
            found = ground.decode(kind, {entry[3] for entry in entries}) if kind is not None else {}
            for entry in entries:
                record = found.get(entry[3])
                if kind is None or record is None or entry not in lookups_of(kind, record):
                    yield ground.finding(
                        "lookup", name, entry[3], f"it is found by {entry[1]} {entry[2]}, which it has not"
                    )


def check_numbers(ground: Ground) -> Iterator[Finding]:
    """No number is higher than the account's; nothing was changed before it was created."""
    for table, id in rows.late_numbers(ground.view.db, ground.account, ground.modseq, LIMIT):
        yield ground.finding("number", table, id, f"its numbers do not fit each other or the account's {ground.modseq}")
