"""Annotations on every engine: octets of any kind, found by mailbox and by user, changes told by number (RFC 5464)."""

from pillarbox.datatypes.annotation import ANNOTATION, OWNER, SHARED, annotate, annotations_of
from tests.support.mail_house import House

OCTETS = bytes(range(256)) * 4


def test_what_was_annotated_is_read_as_it_was(house: House) -> None:
    box = house.box["inbox"]
    house.store.write(lambda tx: annotate(tx, "a1", box, OWNER, {"/any": OCTETS, '/a "b" \\': b""}))
    house.store.write(lambda tx: annotate(tx, "a1", box, SHARED, {"/any": b"ours"}))
    found = house.store.read(lambda view: annotations_of(view, "a1", box, OWNER))
    assert {name: one.value for name, one in found.items()} == {"/any": OCTETS, '/a "b" \\': b""}


def test_changes_are_told_with_the_names_of_what_was_removed(house: House) -> None:
    box = house.box["inbox"]
    house.store.write(lambda tx: annotate(tx, "a1", box, OWNER, {"/one": b"1", "/two": b"2"}))
    state = house.store.read(lambda view: view.state(ANNOTATION, "a1"))
    house.store.write(lambda tx: annotate(tx, "a1", box, OWNER, {"/one": None, "/three": b"3"}))
    changes = house.store.read(lambda view: view.changes(ANNOTATION, "a1", str(state), 10))
    ids = [*changes.created, *changes.updated]
    found = house.store.read(lambda view: view.get_many(ANNOTATION, "a1", ids))
    assert {(one.entry, one.value) for one in found.values()} == {("/one", None), ("/three", b"3")}
