"""Images remember what changed last, for the sessions that have seen a mailbox shortly before."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import pytest

from pillarbox.datatypes.membership import Membership
from pillarbox.servers.imap.image import Image, Images
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.storage.store import Store
from pillarbox.storage.transaction import Transaction


def row(uid: int, modseq: int, words: str = "") -> Membership:
    return Membership(uid, f"e{uid}", modseq, words, 100, 0, "t1", 0, is_deleted=False)


def image(modseq: int, uids: Sequence[int] = (1, 2, 3)) -> Image:
    return Image(array("I", uids), frozenset(), (7, 4, modseq))


def after(before: Image, modseq: int, *rows: Membership, gone: Sequence[int] = ()) -> Image:
    out = image(modseq, [uid for uid in before.uids if uid not in gone])
    out.follow(before, rows, gone)
    return out


def test_changes_of_several_steps_are_told_as_they_are_at_the_end() -> None:
    first = after(image(10), 11, row(2, 11, " $seen "), row(1, 11))
    last = after(after(first, 12, row(2, 12, " blue ")), 13, gone=[1])
    assert last.changes(12) == (12, (), [1])
    assert last.changes(11) == (11, [row(2, 12, " blue ")], [1])
    assert last.changes(10) == (10, [row(2, 12, " blue ")], [1])


def test_what_changed_since_a_number_between_two_steps_is_not_known() -> None:
    last = after(after(image(10), 14), 16)
    assert last.changes(14) is not None
    for number in (9, 11, 13, 15, 16):
        assert last.changes(number) is None, number


def test_many_changes_and_old_ones_are_not_remembered() -> None:
    many = after(image(10), 11, *[row(uid, 11) for uid in range(1, 100)])
    assert many.changes(10) is None
    now = many
    for number in range(12, 200):
        now = after(now, number, row(1, number))
    assert now.changes(11) is None
    assert now.changes(198) is not None
    assert len(now.steps) <= 64


def test_steps_behind_a_large_one_are_not_taken_for_all_that_happened() -> None:
    small = after(image(10), 11, row(1, 11))
    large = after(small, 12, *[row(uid, 12) for uid in range(1, 100)])
    last = after(large, 13, row(2, 13))
    assert last.changes(10) is None
    assert last.changes(11) is None
    assert last.changes(12) == (12, (row(2, 13),), ())


def held(images: Images) -> Image:
    image = images._images.get(("a1", "m1"))
    assert image is not None
    return image


def advance(store: Store, images: Images, mailbox: str, change: tuple[int, int], *rows: Membership) -> None:
    """Have a transaction say what it has changed."""
    store.write(lambda tx: images.advance(tx, "a1", mailbox, change, rows))


def test_an_image_is_advanced_only_from_where_the_change_began(store: EmbeddedStore) -> None:
    images = Images()
    images.keep(("a1", "m1"), image(10))
    advance(store, images, "m1", (9, 11), row(1, 11))
    assert held(images).modseq == 10
    advance(store, images, "m2", (10, 11), row(1, 11))
    advance(store, images, "m1", (10, 11), row(1, 11, " blue $seen "))
    now = held(images)
    assert (now.modseq, now.uid_next, now.uid_validity, list(now.uids)) == (11, 4, 7, [1, 2, 3])
    assert now.keywords == {"blue", "$seen"}
    assert now.changes(10) == (10, (row(1, 11, " blue $seen "),), ())


def test_bodies_that_share_a_commit_go_on_from_each_others_images_and_others_wait_for_the_commit(
    store: EmbeddedStore,
) -> None:
    images, writer = Images(), store.writer
    images.keep(("a1", "m1"), image(10))
    writer.begin()
    writer.run(lambda tx: images.advance(tx, "a1", "m1", (10, 11), [row(1, 11)]))
    writer.run(lambda tx: images.advance(tx, "a1", "m1", (11, 12), [row(2, 12)]))
    assert held(images).modseq == 10
    writer.commit()
    assert held(images).changes(10) == (10, [row(1, 11), row(2, 12)], [])


def test_the_image_of_a_body_that_is_undone_is_forgotten(store: EmbeddedStore) -> None:
    images, writer = Images(), store.writer
    images.keep(("a1", "m1"), image(10))

    def fail(tx: Transaction) -> None:
        images.advance(tx, "a1", "m1", (10, 11), [row(1, 11)])
        raise LookupError

    for before in (0, 1):  # alone in its commit, and behind another
        writer.begin()
        for _ in range(before):
            writer.run(lambda _tx: None)
        with pytest.raises(LookupError):
            writer.run(fail)
        writer.commit()
        assert held(images).modseq == 10
