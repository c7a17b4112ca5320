"""Concordances tell of each message once, grow, are stored, and are made anew when they are lost."""

from __future__ import annotations

from typing import Any

import pytest

from pillarbox.core.shelf import Shelves
from pillarbox.datatypes.condition import Matches
from pillarbox.datatypes.email.declaration import EMAIL
from pillarbox.servers.imap import concordance
from pillarbox.servers.imap import concordances as module
from pillarbox.servers.imap.concordance import Concordance, from_text, read_concordance
from pillarbox.servers.imap.concordances import Concordances
from pillarbox.servers.imap.image import Image, Images
from pillarbox.servers.imap.needle import needle_of
from pillarbox.servers.imap.text_search import TextSearch, as_phrase
from pillarbox.storage.database import BudgetExceeded
from pillarbox.storage.store import Store
from tests.servers.imap.imap_server import deliver_to, message
from tests.servers.imap.test_sheet import inbox, remove


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LEAST_STORED", 4)
    monkeypatch.setattr(module, "_STEP", 3)


def of(store: Store, known: Concordances) -> tuple[Concordance, ...]:
    def body(view: Any) -> tuple[Concordance, ...]:
        box = inbox(view)
        return known.of(view, "alice", box, Images().now(view, "alice", box))

    return store.read(body)


def uids(lists: tuple[Concordance, ...], text: str = "number") -> list[int]:
    needle = needle_of(text)
    return sorted(uid for each in lists for uid in each.in_body(needle) | each.in_head(needle))


def keep(store: Store, known: Concordances) -> int:
    learned = known.take_learned()
    store.write(lambda tx: [each.keep(tx) for each in learned])
    return len(learned)


def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many messages are read, as they are."""
    real, seen = read_concordance, list[int]()

    def counted(view: Any, account: str, mailbox: str, after: int, which: Any) -> Concordance:
        seen.extend(which)
        return real(view, account, mailbox, after, which)

    monkeypatch.setattr(module, "read_concordance", counted)
    return seen


def test_each_message_is_read_once_and_the_lists_stay_few(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    known, seen = Concordances(), reads(monkeypatch)
    assert of(store, known) == ()
    for number in range(1, 34):
        deliver_to(store, "alice", message(number))
        lists = of(store, known)
        assert uids(lists) == list(range(1, number + 1))
        assert [each.after for each in lists[1:]] == [each.last for each in lists[:-1]]
        assert len(lists) <= 6
        assert uids(lists, f"of number {number}.") == [number]
    assert seen == list(range(1, 34))
    assert of(store, known) is lists


def test_another_process_reads_what_was_stored_and_what_has_come_since(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver_to(store, "alice", *(message(n) for n in range(1, 12)))
    first = Concordances()
    of(store, first)
    assert keep(store, first) > 0
    assert keep(store, first) == 0
    stored = [each for each in of(store, first) if len(each.uids) >= module._LEAST_STORED]
    deliver_to(store, "alice", message(12))
    seen = reads(monkeypatch)
    assert uids(of(store, Concordances())) == list(range(1, 13))
    assert seen == list(range(stored[-1].last + 1, 13))


def test_what_was_stored_of_another_mailbox_or_is_broken_is_not_believed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver_to(store, "alice", *(message(n) for n in range(1, 9)))
    first = Concordances()
    of(store, first)
    learned = first.take_learned()
    text = learned[0].text
    for broken in ("", "%%%", text[:40], text[:-8], "AAAA"):
        assert from_text(broken) is None
        store.write(lambda tx, broken=broken: learned[0]._replace(text=broken).keep(tx))  # type: ignore[misc]
        assert uids(of(store, Concordances())) == list(range(1, 9))
    store.write(lambda tx: [each.keep(tx) for each in learned])
    seen = reads(monkeypatch)

    def body(view: Any) -> tuple[Concordance, ...]:
        box = inbox(view)
        image = Images().now(view, "alice", box)
        other = Image(image.uids, image.keywords, (image.uid_validity + 1, image.uid_next, image.modseq))
        return Concordances().of(view, "alice", box, other)

    store.read(body)
    assert seen == list(range(1, 9))


def test_lists_of_nothing_but_what_is_gone_are_made_anew(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MANY_GONE", 0)
    deliver_to(store, "alice", *(message(n) for n in range(1, 9)))
    known = Concordances()
    of(store, known)
    remove(store, 1, 2, 3)
    assert uids(of(store, known)) == list(range(1, 9))
    remove(store, 4, 5)
    assert uids(of(store, known)) == [6, 7, 8]


def test_one_search_reads_only_so_much_and_the_next_goes_on(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_READ", 4)
    deliver_to(store, "alice", *(message(n) for n in range(1, 10)))
    known = Concordances()
    assert [of(store, known)[-1].last for _ in range(4)] == [4, 8, 9, 9]


def test_messages_with_more_words_than_fit_into_memory_are_read_a_few_at_a_time(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(concordance, "_MOST_GATHERED", 20_000)
    deliver_to(store, "alice", *(message(n, X_Words=" ".join(f"w{n}x{at}" for at in range(50))) for n in range(1, 8)))
    known, seen = Concordances(), reads(monkeypatch)
    lists = of(store, known)
    assert uids(lists) == list(range(1, 8))
    assert [uids(lists, f"w{n}x49") for n in range(1, 8)] == [[n] for n in range(1, 8)]
    assert [each.after for each in lists[1:]] == [each.last for each in lists[:-1]]
    assert len(seen) > 7  # those that found no room were asked for again


def test_lists_are_not_merged_when_that_would_take_too_much(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver_to(store, "alice", *(message(n) for n in range(1, 10)))
    assert len(of(store, Concordances())) == 1
    monkeypatch.setattr(module, "_MOST_MERGED", 0)
    lists = of(store, Concordances())
    assert [each.last for each in lists] == [3, 6, 9]
    assert uids(lists) == list(range(1, 10))


def test_lists_of_a_mailbox_end_where_its_messages_have_far_more_words_than_mail_has(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MESSAGE_ROOM", 0)
    monkeypatch.setattr(module, "_LEAST_ROOM", module._ENTRY_OCTETS + 1)
    deliver_to(store, "alice", *(message(n) for n in range(1, 10)))
    known, seen = Concordances(), reads(monkeypatch)
    assert [of(store, known)[-1].last for _ in range(3)] == [3, 3, 3]
    assert seen == [1, 2, 3]
    found = find(store, known, "number")
    assert found == (set(range(1, 10)), False)  # the others by the text index


def find(store: Store, known: Concordances, text: str) -> tuple[set[int], bool]:
    """What a search for a text finds, and whether all of it was found in lists."""

    def body(view: Any) -> tuple[set[int], bool]:
        box = inbox(view)
        search = TextSearch(view, "alice", box, Images().now(view, "alice", box), known)
        words = Matches(("body",), as_phrase(text))
        found = search.find("body", text, lambda: view.select_uids(EMAIL, "alice", box, words))
        return found, search.is_whole

    return store.read(body)


def test_a_view_of_before_is_told_of_more_and_spoils_nothing(store: Store) -> None:
    deliver_to(store, "alice", message(1))
    known, images = Concordances(), Images()

    def body(view: Any) -> tuple[str, Image]:
        return inbox(view), images.now(view, "alice", inbox(view))

    box, old = store.read(body)
    deliver_to(store, "alice", message(2))
    assert uids(of(store, known)) == [1, 2]
    assert uids(store.read(lambda view: known.of(view, "alice", box, old))) == [1, 2]
    assert uids(of(store, known)) == [1, 2]


def test_only_so_much_is_remembered(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver_to(store, "alice", message(1))
    known, seen = Concordances(Shelves(10)), reads(monkeypatch)
    assert [uids(of(store, known)) for _ in range(2)] == [[1], [1]]
    assert seen == [1, 1]


def test_many_messages_are_not_read_on_the_event_loop(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_QUICK", 2)
    deliver_to(store, "alice", *(message(n) for n in range(1, 4)))
    assert not is_quick(store)


def test_neither_are_a_few_that_are_long(store: Store) -> None:
    deliver_to(store, "alice", message(1))
    assert is_quick(store)
    deliver_to(store, "alice", message(2) + b"x" * 70_000)
    assert not is_quick(store)


def is_quick(store: Store) -> bool:
    """Whether lists are made without a thread."""

    def body(view: Any) -> tuple[Concordance, ...]:
        def take_time() -> None:
            raise BudgetExceeded

        view.take_time = take_time
        box = inbox(view)
        return Concordances().of(view, "alice", box, Images().now(view, "alice", box))

    try:
        store.read(body)
    except BudgetExceeded:
        return False
    return True
