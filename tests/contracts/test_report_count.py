"""What is counted for reports, on both engines."""

from __future__ import annotations

from pillarbox.storage import report_count
from pillarbox.storage.report_count import Counted, Pending
from pillarbox.storage.store import Store


def row(domain: str = "a.example", digest: str = "x", total: int = 1, day: int = 10, kind: str = "dmarc") -> Counted:
    return Counted(kind, day, domain, digest, f"<{digest}>", total)


def test_what_is_the_same_is_added_up(store: Store) -> None:
    store.write(lambda tx: report_count.add(tx.db, [row(total=2), row(digest="y")]))
    store.write(lambda tx: report_count.add(tx.db, [row(digest="y", total=5), row(total=3)]))
    found = store.read(lambda view: report_count.rows_of(view.db, "dmarc", 10, "a.example", 9))
    assert [(each.what, each.total) for each in found] == [("<y>", 6), ("<x>", 5)]
    assert len(store.read(lambda view: report_count.rows_of(view.db, "dmarc", 10, "a.example", 1))) == 1


def test_days_that_are_over_are_due_by_kind(store: Store) -> None:
    rows = [row("b.example", day=11), row(), row(day=12), row(kind="tls", day=9)]
    store.write(lambda tx: report_count.add(tx.db, rows))
    assert store.read(lambda view: report_count.due(view.db, "dmarc", 12, 9)) == [(10, "a.example"), (11, "b.example")]
    assert store.read(lambda view: report_count.due(view.db, "tls", 12, 9)) == [(9, "a.example")]


def test_only_one_takes_what_was_counted_away(store: Store) -> None:
    store.write(lambda tx: report_count.add(tx.db, [row(), row(digest="y"), row("b.example")]))
    assert store.write(lambda tx: report_count.drop(tx.db, "dmarc", 10, "a.example"))
    assert not store.write(lambda tx: report_count.drop(tx.db, "dmarc", 10, "a.example"))
    assert store.read(lambda view: report_count.due(view.db, "dmarc", 12, 9)) == [(10, "b.example")]


def test_the_size_of_a_day_is_counted_up_to_a_bound(store: Store) -> None:
    store.write(lambda tx: report_count.add(tx.db, [row(digest=str(n)) for n in range(5)]))
    assert store.read(lambda view: report_count.size(view.db, "dmarc", 10, 100)) == 5
    assert store.read(lambda view: report_count.size(view.db, "dmarc", 10, 3)) == 3
    assert store.read(lambda view: report_count.size(view.db, "dmarc", 11, 3)) == 0


def test_what_has_not_left_is_added_up_by_report(store: Store) -> None:
    rows = [row(total=2), row(digest="y", total=5), row("b.example", day=9), row(kind="tls", day=9)]
    store.write(lambda tx: report_count.add(tx.db, rows))
    everything = store.read(lambda view: report_count.pending(view.db, 9))
    assert everything == [
        Pending("dmarc", 9, "b.example", 1, 1),
        Pending("tls", 9, "a.example", 1, 1),
        Pending("dmarc", 10, "a.example", 2, 7),
    ]
    assert store.read(lambda view: report_count.pending(view.db, 1)) == everything[:1]
    assert store.read(lambda view: report_count.pending(view.db, 9, kind="dmarc", domain="a.example")) == everything[2:]
    assert store.read(lambda view: report_count.pending(view.db, 9, kind="dmarc", day=9)) == everything[:1]
