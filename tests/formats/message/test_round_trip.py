import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.formats.message import EmailAddress, as_addresses, as_message_ids, as_text, decode_octets, find, scan
from pillarbox.formats.message.assemble import assemble
from pillarbox.formats.message.build import build_message
from pillarbox.formats.message.draft import Addresses, Draft, DraftField, DraftPart, MessageIds, Text, Value

PRINTABLE = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp"))


def read_back(name: str, value: Value) -> bytes:
    message = build_message(Draft((DraftField(name, value),), DraftPart(type="text/plain", content="x")), lambda: "b")
    octets = find(message, scan(message).root.fields, name)
    assert octets is not None
    return octets


@settings(max_examples=150)
@given(st.text(PRINTABLE, max_size=200))
def test_a_subject_reads_back_as_it_was_written(text: str) -> None:
    assert as_text(read_back("Subject", Text(text))) == unicodedata.normalize("NFC", text.lstrip(" "))


@settings(max_examples=100)
@given(st.lists(st.text(PRINTABLE, min_size=1, max_size=80), max_size=5))
def test_names_read_back_as_they_were_written(names: list[str]) -> None:
    addresses = [EmailAddress(name, f"a{number}@example.org") for number, name in enumerate(names)]
    found = as_addresses(read_back("To", Addresses(addresses)))
    assert [address.email for address in found] == [address.email for address in addresses]
    assert [(address.name or "").strip() for address in found] == [
        unicodedata.normalize("NFC", name).strip() for name in names
    ]


@given(st.lists(st.from_regex(r"[a-z0-9.+-]{1,90}@[a-z0-9.]{1,20}", fullmatch=True), min_size=1, max_size=20))
def test_message_ids_read_back(ids: list[str]) -> None:
    assert as_message_ids(read_back("References", MessageIds(ids))) == ids


@settings(max_examples=60)
@given(
    st.text(max_size=200),
    st.text(max_size=200),
    st.lists(st.tuples(st.text(PRINTABLE, max_size=60), st.binary(max_size=99)), max_size=3),
)
def test_bodies_and_attachments_read_back(text: str, html: str, files: list[tuple[str, bytes]]) -> None:
    attached = tuple(
        DraftPart(type="application/x-thing", disposition="attachment", name=name, content=content)
        for name, content in files
    )
    body = assemble(DraftPart(type="text/plain", content=text), DraftPart(type="text/html", content=html), attached)
    message = build_message(Draft((), body), lambda: "b")
    structure = scan(message)
    assert structure.defects == []
    leaves = list(structure.leaves())
    assert [part.type for part in leaves] == ["text/plain", "text/html"] + ["application/x-thing"] * len(files)
    assert decode_octets(message, leaves[0]) == text.replace("\r\n", "\n").replace("\n", "\r\n").encode()
    assert [decode_octets(message, part) for part in leaves[2:]] == [content for _, content in files]
