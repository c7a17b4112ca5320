"""Annotations: bounded in size and number, each user's own, gone with their mailbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from pillarbox.core.faults import Fault, Kind
from pillarbox.core.limits import Limits
from pillarbox.datatypes.annotation import (
    ACCOUNT_ITSELF,
    ANNOTATION,
    OWNER,
    SHARED,
    annotate,
    annotations_of,
    copy_annotations,
)
from pillarbox.datatypes.mailbox import MAILBOX, Mailbox
from pillarbox.services.verify.run import verify
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.storage.transaction import Transaction

LIMITS = msgspec.structs.replace(Limits(), max_size_annotation=10, max_annotations_of_mailbox=3, max_annotations=5)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    store = EmbeddedStore(tmp_path, limits=LIMITS)

    def body(tx: Transaction) -> None:
        tx.add_account("a1")
        for id in ("m1", "m2"):
            tx.write(MAILBOX, "a1", None, Mailbox(id=id, name=id, is_subscribed=False))

    store.write(body)
    yield store
    store.close()


def put(store: EmbeddedStore, values: dict[str, bytes | None], mailbox: str = "m1", user: str = OWNER) -> None:
    store.write(lambda tx: annotate(tx, "a1", mailbox, user, values))


def kept(store: EmbeddedStore, mailbox: str = "m1", user: str = OWNER) -> dict[str, bytes | None]:
    return store.read(lambda view: {name: one.value for name, one in annotations_of(view, "a1", mailbox, user).items()})


def test_each_user_has_entries_of_their_own_beside_the_shared_ones(store: EmbeddedStore) -> None:
    put(store, {"/comment": b"mine"})
    put(store, {"/comment": b"ours"}, user=SHARED)
    put(store, {"/comment": b"theirs"}, user="a2")
    put(store, {"/comment": b"\x00\xff"}, mailbox=ACCOUNT_ITSELF)
    assert kept(store) == {"/comment": b"mine"}
    assert kept(store, user=SHARED) == {"/comment": b"ours"}
    assert kept(store, user="a2") == {"/comment": b"theirs"}
    assert kept(store, mailbox=ACCOUNT_ITSELF) == {"/comment": b"\x00\xff"}


def test_a_removed_entry_keeps_its_name_until_the_room_is_needed(store: EmbeddedStore) -> None:
    put(store, {"/1": b"", "/2": b"x", "/3": b"x"})
    put(store, {"/2": None})
    assert kept(store) == {"/1": b"", "/2": None, "/3": b"x"}
    put(store, {"/4": b"x"})
    assert kept(store) == {"/1": b"", "/3": b"x", "/4": b"x"}


def test_removing_what_is_not_there_leaves_nothing(store: EmbeddedStore) -> None:
    put(store, {"/none": None})
    assert kept(store) == {}


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"/1": b"x", "/2": b"elevenoctet"}, Kind.TOO_LARGE),
        ({"/1": b"x", "/2": b"x", "/3": b"x", "/4": b"x"}, Kind.OVER_QUOTA),
    ],
)
def test_what_is_too_much_is_refused_whole(store: EmbeddedStore, values: dict[str, bytes | None], kind: Kind) -> None:
    with pytest.raises(Fault) as caught:
        put(store, values)
    assert caught.value.kind is kind
    assert kept(store) == {}


def test_an_account_bounds_what_each_user_keeps_in_it(store: EmbeddedStore) -> None:
    put(store, {"/1": b"x", "/2": b"x", "/3": b"x"})
    put(store, {"/1": b"x", "/2": b"x"}, mailbox="m2")
    with pytest.raises(Fault, match="too many"):
        put(store, {"/3": b"x"}, mailbox="m2")
    put(store, {"/3": b"x"}, mailbox="m2", user="a2")
    put(store, {"/2": b"y"}, mailbox="m2")  # what is there can still be changed


def test_annotations_go_with_their_mailbox(store: EmbeddedStore) -> None:
    put(store, {"/1": b"x"})
    put(store, {"/1": b"x"}, user="a2")
    put(store, {"/1": b"x"}, mailbox="m2")

    def body(tx: Transaction) -> None:
        tx.write(MAILBOX, "a1", tx.get(MAILBOX, "a1", "m1"), None)

    store.write(body)
    assert [one.mailbox_id for one in store.read(lambda view: view.all(ANNOTATION, "a1"))] == ["m2"]


def test_a_copy_has_what_everybody_has_as_far_as_there_is_room(store: EmbeddedStore) -> None:
    put(store, {"/1": b"x", "/2": b"x", "/3": b"x"})
    put(store, {"/3": None})
    put(store, {"/1": b"y"}, user="a2")
    store.write(lambda tx: copy_annotations(tx, "a1", "m1", "m2"))
    assert kept(store, mailbox="m2") == {"/1": b"x", "/2": b"x"}
    assert kept(store, mailbox="m2", user="a2") == {"/1": b"y"}


def test_no_other_type_changes_and_push_is_told_of_nothing(store: EmbeddedStore) -> None:
    before = store.read(lambda view: view.state(MAILBOX, "a1"))
    put(store, {"/1": b"x"})
    assert store.read(lambda view: view.state(MAILBOX, "a1")) == before
    assert not ANNOTATION.push
    assert not ANNOTATION.methods


def test_the_check_of_the_data_finds_one_whose_mailbox_is_gone(store: EmbeddedStore) -> None:
    put(store, {"/1": b"x"})
    assert verify(store).is_sound
    store.write(lambda tx: tx.db.run("DELETE FROM record WHERE type = 'Mailbox' AND id = 'm1'"))
    found = {(finding.rule, finding.type) for finding in verify(store).findings}
    assert ("annotation", "Annotation") in found
