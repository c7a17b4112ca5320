"""The text index of restored accounts: it is not carried, but made of the messages again."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pillarbox.datatypes.email import EMAIL
from pillarbox.datatypes.email.reading import read_message
from pillarbox.datatypes.email.store import text_of
from pillarbox.storage.dump.document import documents
from pillarbox.storage.snapshot import Snapshot
from pillarbox.storage.store import Store
from pillarbox.storage.transaction import Transaction

Text = tuple[int, Mapping[str, str]]
_OCTETS = 4 << 20


def index_texts(store: Store, account: str, told: Callable[[int], None] = lambda _count: None) -> None:
    """Index all emails of an account; what is indexed already is replaced."""
    after: int | None = 0
    while after is not None:
        texts, after = store.read(lambda view, after=after: _read(view, account, after))  # type: ignore[misc]
        if texts:
            store.write(lambda tx, texts=texts: _index(tx, account, texts))  # type: ignore[misc]
            told(len(texts))


def _read(view: Snapshot, account: str, after: int) -> tuple[list[Text], int | None]:
    """The texts of the next emails, and where to go on; None at the end."""
    rows = documents(view.db, account, after)
    emails = view.get_many(EMAIL, account, [id for _, id in rows])
    out: list[Text] = []
    size = 0
    for doc, id in rows:
        data = view.read_blob(account, emails[id].blob_id) if id in emails else None
        if data is not None:
            out.append((doc, text_of(read_message(data))))
            size += len(data)
        after = doc
        if size >= _OCTETS:
            return out, after
    return out, after if rows else None


def _index(tx: Transaction, account: str, texts: list[Text]) -> None:
    for doc, text in texts:
        tx.texts += [(doc, account, None), (doc, account, text)]
