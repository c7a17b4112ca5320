"""Memberships, index rows and fixed parts are those of the records."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

from pillarbox.datatypes.declare import DataType
from pillarbox.services.verify.finding import CHUNK, LIMIT, Finding, Ground
from pillarbox.storage import verify as rows
from pillarbox.storage.member import places, words_column


def check_members(ground: Ground) -> Iterator[Finding]:
    """Every record is listed in exactly its containers, with the right values; uids are below the next one."""
    expected = 0
    kinds = {kind.name: kind for kind in ground.types if kind.members is not None}
    for kind in kinds.values():
        for page in ground.ids(kind):
            for record in ground.decode(kind, page).values():
                expected += yield from _check_member(ground, kind, record)
    if rows.member_count(ground.view.db, ground.account) != expected:
        yield from _stray_members(ground, kinds)
    for container, uid in rows.bad_uids(ground.view.db, ground.account, LIMIT):
        yield ground.finding("uid", "Mailbox", container, f"uid {uid} is not below the container's next one")
    boxes = [kind.name for kind in ground.types if kind.is_container]
    for id in rows.bad_containers(ground.view.db, ground.account, boxes, LIMIT) if boxes else ():
        yield ground.finding("container", boxes[0], id, "its row is missing, or its numbers are not its own")


def _check_member(ground: Ground, kind: DataType[Any], record: Any) -> Generator[Finding, None, int]:
    declared = kind.members
    assert declared is not None
    containers = places(kind, record)
    words = words_column(declared.words(record))
    carried = (kind.name, declared.sort_key(record), declared.group(record), declared.size(record), words)
    for container, place in containers.items():
        found = rows.member(ground.view.db, ground.account, container, record.id, place)
        if found is None:
            yield ground.finding("member", kind.name, record.id, f"it is not listed in {container}")
        elif (found.type, found.sort_key, found.group_id, found.size, found.words) != carried:
            yield ground.finding("member", kind.name, record.id, f"it is listed in {container} with other values")
    return len(containers)


def _stray_members(ground: Ground, kinds: dict[str, DataType[Any]]) -> Iterator[Finding]:
    for page in rows.members(ground.view.db, ground.account, CHUNK):
        for name in {type for _, _, type, _, _ in page}:
            kind = kinds.get(name)
            found = ground.decode(kind, [item for _, _, type, item, _ in page if type == name]) if kind else {}
            for container, uid, type, item, place in page:
                if type == name and (kind is None or places(kind, found.get(item)).get(container) != place):
                    yield ground.finding("member", type, item, f"it is listed in {container} as {uid}, where it is not")


def check_index(ground: Ground) -> Iterator[Finding]:
    """Index rows and fixed parts are there for live records, say what the records say, and for no others."""
    db = ground.view.db
    for kind in ground.types:
        if kind.index_table:
            for page in ground.ids(kind):
                for record in ground.decode(kind, page).values():
                    yield from _check_index_row(ground, kind, record)
            for id in rows.stray_index_rows(db, kind.index_table, kind.name, ground.account, LIMIT):
                yield ground.finding("index", kind.name, id, "the index has it, but there is no such record")
    for type, id in rows.stray_parts(db, ground.account, LIMIT):
        yield ground.finding("part", type, id, "there are parts of it, but no such record")


def _check_index_row(ground: Ground, kind: DataType[Any], record: Any) -> Iterator[Finding]:
    wanted = kind.index_columns(record)
    row = rows.index_row(ground.view.db, kind.index_table, list(wanted), ground.account, record.id)
    if row is None:
        yield ground.finding("index", kind.name, record.id, "the index does not have it")
        return
    wrong = [name for name, value in zip(wanted, row, strict=True) if value != wanted[name]]
    if wrong:
        yield ground.finding("index", kind.name, record.id, f"the index has another {', '.join(wrong)}")
