"""Long documents in the text index, beyond a tsvector's bounds: nothing is refused, and phrases are found."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pillarbox.storage.postgresql.store import PostgresStore
from pillarbox.storage.postgresql.tsvector import TsvectorIndex

INDEX = TsvectorIndex()


@pytest.fixture
def store(postgres_url: str, tmp_path: Path) -> Iterator[PostgresStore]:
    store = PostgresStore(postgres_url, tmp_path / "data")
    yield store
    store.close()


def found(store: PostgresStore, text: str, *columns: str) -> list[int]:
    select = INDEX.search("a", columns, text)
    assert select is not None
    return sorted(store.read(lambda view: [doc for (doc,) in view.db.rows(*select)]))  # type: ignore[misc]


def parts(store: PostgresStore, doc: int) -> int:
    row = store.read(lambda view: view.db.row("SELECT COUNT(*) FROM text_index WHERE doc = ?", (doc,)))
    assert row is not None
    return int(str(row[0]))


def test_a_long_document_is_found_by_words_and_phrases_anywhere(store: PostgresStore) -> None:
    words = [f"w{n}" for n in range(30_000)]
    store.write(lambda tx: INDEX.add(tx.db, "a", 1, {"subject": "long one", "body": " ".join(words), "marks": "x-odd"}))
    store.write(lambda tx: INDEX.add(tx.db, "a", 2, {"subject": "short one", "body": "w1 w2"}))
    assert parts(store, 1) > 5
    assert parts(store, 2) == 1
    assert found(store, "one") == [1, 2]
    assert found(store, "w0 w29999 long") == [1]
    assert found(store, "w1 absent") == []
    assert found(store, "w2999*") == [1]
    for n in (0, 3_999, 4_000, 7_990, 16_400, 29_997):
        assert found(store, f'"w{n} w{n + 1} w{n + 2}"') == [1]
        assert found(store, f'"w{n} w{n + 2}"') == []
    assert found(store, '"' + " ".join(words[3_900:4_100]) + '"') == [1]
    assert found(store, '"' + " ".join(words[3_900:4_100]) + ' w1"') == []
    assert found(store, "w5", "subject") == []
    assert store.read(lambda view: view.db.rows(*INDEX.marked("a", "X-Odd"))) == [(1,)]
    store.write(lambda tx: INDEX.remove(tx.db, "a", 1))
    assert found(store, "one") == [2]


BODIES = {
    "one word": "a " * 200_000,
    "one long word": "y" * 1_000_000,
    "long words": " ".join("z" * 1_000 + str(n) for n in range(900)),
    "many words": " ".join(f"{n:x}" for n in range(60_000)),
    "cjk": "漢" * 60_000,
    "odd": "\0\1 x' \\ \"",
    "rare": "\ud7ff\U0010ffff \U00020000",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_no_document_is_too_much(store: PostgresStore, body: str) -> None:
    store.write(lambda tx: INDEX.add(tx.db, "a", 1, {"subject": "findme", "body": body}))
    assert found(store, "findme") == [1]
    assert found(store, "absent") == []


def test_no_search_is_too_much(store: PostgresStore) -> None:
    for text in ('"' + "a " * 50_000 + '"', "a " * 5_000, "漢" * 5_000, "x'\\", "y" * 100_000, "y" * 100_000 + "*"):
        found(store, text)
