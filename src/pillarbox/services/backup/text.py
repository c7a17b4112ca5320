"""The text index of accounts whose rows were taken in: it is not carried, but made of the messages again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pillarbox.datatypes.email import EMAIL
from pillarbox.datatypes.email.reading import read_message
from pillarbox.datatypes.email.store import text_of
from pillarbox.storage.dump.document import unindexed
from pillarbox.storage.snapshot import Snapshot
from pillarbox.storage.store import Store
from pillarbox.storage.transaction import Transaction

_CHUNK, _OCTETS = 50, 4 << 20
Text = tuple[int, Mapping[str, str]]


def index_texts(store: Store, account: str) -> None:
    """Index all emails that are not yet; those whose octets are missing cannot be."""
    tried: set[int] = set()
    while rows := [row for row in store.read(lambda view: unindexed(view.db, account)) if row[0] not in tried]:
        tried.update(doc for doc, _ in rows)
        for start in range(0, len(rows), _CHUNK):
            for texts in _texts(store, account, rows[start : start + _CHUNK]):
                store.write(lambda tx, texts=texts: _index(tx, account, texts))  # type: ignore[misc]


def _texts(store: Store, account: str, rows: Sequence[tuple[int, str]]) -> Iterator[list[Text]]:
    """The texts of these emails, in lists that are written together."""
    out: list[Text] = []
    size = 0
    for doc, id in rows:
        data = store.read(lambda view, one=id: _octets(view, account, one))  # type: ignore[misc]
        if data is not None:
            out.append((doc, text_of(read_message(data))))
            size += len(data)
        if size >= _OCTETS:
            yield out
            out, size = [], 0
    if out:
        yield out


def _octets(view: Snapshot, account: str, id: str) -> bytes | None:
    email = view.get(EMAIL, account, id, with_deleted=True)
    return view.read_blob(account, email.blob_id) if email is not None else None


def _index(tx: Transaction, account: str, texts: list[Text]) -> None:
    tx.texts += [(doc, account, text) for doc, text in texts]
