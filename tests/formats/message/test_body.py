import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.formats.message import (
    Part,
    decode_octets,
    decode_text,
    has_attachment,
    html_to_text,
    parse_blob_id,
    part_blob_id,
    preview,
    read_slice,
    scan,
    select_bodies,
    truncate_value,
)
from pillarbox.formats.message.structure import Structure
from pillarbox.formats.message.transfer import decode_base64, decode_quoted_printable, decoded_size

LEAVES = st.builds(
    Part,
    type=st.sampled_from(["text/plain", "text/html", "image/png", "application/pdf", "text/calendar"]),
    part_id=st.just("1"),
    disposition=st.sampled_from([None, None, "inline", "attachment"]),
    name=st.sampled_from([None, None, "a.txt"]),
)
TREES = st.recursive(
    LEAVES,
    lambda children: st.builds(
        Part,
        type=st.sampled_from(["multipart/mixed", "multipart/alternative", "multipart/related"]),
        sub_parts=st.lists(children, max_size=4),
    ),
    max_leaves=12,
)


def message(content_type: str, body: bytes, encoding: str = "8bit") -> tuple[bytes, Part]:
    data = f"Content-Type: {content_type}\nContent-Transfer-Encoding: {encoding}\n\n".encode() + body
    return data, scan(data).root


@given(TREES)
def test_every_part_is_shown_somewhere_as_rfc_8621_defines_the_lists(root: Part) -> None:
    bodies = select_bodies(root)
    text, html = {id(part) for part in bodies.text_body}, {id(part) for part in bodies.html_body}
    waiting, leaves = [root], []
    while waiting:
        part = waiting.pop(0)
        waiting[:0] = part.sub_parts
        leaves += [] if part.is_multipart else [part]
    for part in leaves:
        is_media = part.type.startswith("image/")
        in_both, in_none = id(part) in text & html, id(part) not in text | html
        assert any(each is part for each in bodies.attachments) == (in_none or (is_media and not in_both))


@pytest.mark.parametrize(
    ("encoded", "octets"),
    [
        (b"SGVsbG8=", b"Hello"),
        (b"SGVs\r\nbG8", b"Hello"),
        (b"SGVsbG8gd", b"Hello "),
        (b"S!G V-sbG8=", b"Hello"),
        (b"SGVsbG8=\nSGVsbG8=", b"HelloHello"),
        (b"SGVsbG8=\n-- \nfooter of a list", b"Hello"),
        (b"=SGVsbG8=", b"Hello"),
        (b"", b""),
        (b"====", b""),
    ],
)
def test_base64_is_read_leniently(encoded: bytes, octets: bytes) -> None:
    assert decode_base64(encoded) == octets
    assert decoded_size(encoded, 0, len(encoded), "base64") == len(octets)


@given(st.binary(max_size=60) | st.text("AQab=\r\n-", max_size=40).map(str.encode))
def test_the_size_is_that_of_the_decoded_octets(encoded: bytes) -> None:
    assert decoded_size(b"x" + encoded + b"y", 1, 1 + len(encoded), "base64") == len(decode_base64(encoded))


@pytest.mark.parametrize(
    ("encoded", "octets"),
    [
        (b"a=C3=A9=\r\nb", b"a\xc3\xa9b"),
        (b"trailing \t\r\nsoft= \r\nbreak", b"trailing\r\nsoftbreak"),
        (b"100=% =zz =", b"100=% =zz "),
        (b"=\rkept\n", b"=\rkept\n"),
    ],
)
def test_quoted_printable_is_read_leniently(encoded: bytes, octets: bytes) -> None:
    assert decode_quoted_printable(encoded) == octets


@pytest.mark.parametrize(
    ("label", "octets", "text", "problem"),
    [
        ("utf-8", "ünï\r\n".encode(), "ünï\n", False),
        ("us-ascii", "ünï".encode(), "ünï", False),
        ("iso-8859-1", "ünï".encode(), "ünï", False),
        ("iso-8859-1", b"\x93quoted\x94 \x81", "“quoted” \x81", False),
        ("ks_c_5601-1987", "한국어".encode("cp949"), "한국어", False),
        ("ISO-8859-8-I", "שלום".encode("iso8859_8"), "שלום", False),
        ("windows-874", "ไทย".encode("cp874"), "ไทย", False),
        ("gb2312", "中国㐀".encode("gb18030"), "中国㐀", False),
        ("utf-8", b"caf\xe9", "café", True),
        ("us-ascii", b"it\x92s", "it’s", True),
        ("us-ascii", b"\x1b$BF|K\\\x1b(B", "日本", True),
        ("x-klingon", "naïve".encode(), "naïve", True),
        ("x-klingon", b"plain", "plain", True),
        ("hex_codec", b"6162", "6162", True),
        ("cp037", b"abc", "abc", True),
        ("utf-7", b"a+2AA-b", "a\ufffdb", True),
        ("utf-16", "hi".encode("utf-16-le"), "hi", False),
        ("utf-8", b"\xef\xbb\xbfa\0b", "ab", False),
    ],
)
def test_text_is_decoded_whatever_its_label_claims(label: str, octets: bytes, text: str, *, problem: bool) -> None:
    data, part = message(f"text/plain; charset={label}", octets)
    decoded = decode_text(data, part)

    assert (decoded.value, decoded.is_encoding_problem) == (text, problem)


def test_html_names_its_charset_itself_where_the_header_does_not() -> None:
    data, part = message("text/html", '<meta charset="koi8-r"><p>Привет'.encode("koi8_r"))

    assert decode_text(data, part).value.endswith("Привет")


def test_an_unknown_transfer_encoding_is_a_problem_and_changes_nothing() -> None:
    data, part = message("text/plain", b"a=20b", "x-own")

    assert decode_octets(data, part) == b"a=20b"
    assert decode_text(data, part).is_encoding_problem


@pytest.mark.parametrize("encoding", ["8bit", "base64", "quoted-printable"])
def test_the_beginning_of_a_text_never_ends_in_half_a_character(encoding: str) -> None:
    octets = "äöü".encode() * 2000
    body = {"8bit": octets, "base64": base64.encodebytes(octets)}.get(encoding) or octets.hex("=").join(
        ["=", ""]
    ).encode()
    data, part = message(
        "text/plain; charset=utf-8", body.upper() if encoding == "quoted-printable" else body, encoding
    )
    decoded = decode_text(data, part, 101)

    assert decoded.value == ("äöü" * 17)[:50]
    assert not decoded.is_encoding_problem


@pytest.mark.parametrize(
    ("text", "octets", "is_html", "cut"),
    [("aé", 3, False, ("aé", False)), ("aé", 2, False, ("a", True)), ("a<b c>", 4, True, ("a", True))],
)
def test_a_value_is_cut_between_characters_and_outside_of_tags(
    text: str, octets: int, cut: tuple[str, bool], *, is_html: bool
) -> None:
    assert truncate_value(text, octets, is_html=is_html) == cut


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>one<p>t<b>w</b>o<br>three", "one\ntwo\nthree"),
        ("<script>x<b></script><style>y</style><!-- z --><title>t</title>seen", "seen"),
        ("a<img alt='>' src=x>b", "a b"),
        ('<a href=x">y</a>', "y"),
        ("&lt;b&gt; &amp; &#8364;&nbsp; x &#99999999999999;", "<b> & € x \ufffd;"),
        ("<table><tr><td>1<td>2<tr><td>3</table>", "1 2\n3"),
        ("cut <b", "cut"),
        ("cut <!-- b", "cut"),
        ("1 < 2", "1 < 2"),
        ("zero\u200bwidth", "zerowidth"),
        ("", ""),
    ],
)
def test_html_becomes_its_words(source: str, text: str) -> None:
    assert html_to_text(source) == text


@pytest.mark.parametrize(
    "piece", ["<div>", "<b id=1>", "<!--", "<script>", "<a href='", "<a =", "&#", "<", "<p>\0", '"<b "']
)
def test_hostile_html_is_read_to_its_end(piece: str) -> None:
    assert "end" not in html_to_text(piece * 40_000, 100_000)


def attachment(disposition: str, media_type: str, extra: str = "") -> bytes:
    return (
        "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n\n<img src='cid:i@x'>\n--b\n"
        f"Content-Type: {media_type}\nContent-Disposition: {disposition}\n{extra}\nx\n--b--\n"
    ).encode()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (attachment("attachment", "application/pdf"), True),
        (attachment("inline", "application/pdf"), False),
        (attachment("inline; filename=a.pdf", "application/pdf"), True),
        (attachment("attachment", "image/png", "Content-ID: <i@x>\n"), False),
        (attachment("attachment", "image/png", "Content-ID: <other@x>\n"), True),
        (attachment("inline", "image/png"), False),
        (attachment("x", "application/pgp-signature"), False),
        (b"plain\n", False),
    ],
)
def test_has_attachment(data: bytes, *, expected: bool) -> None:
    assert has_attachment(scan(data).root, data) is expected


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"> quoted\n\nOwn words.\n-- \nMe", "Own words."),
        (b"> only quoted", "> only quoted"),
        (b"Ada wrote:\n> x\n\nYes\n", "Yes"),
        (b"=================\nNews   of\n\tthe day", "News of the day"),
        (b"a" * 300, "a" * 256),
        (b"", ""),
    ],
)
def test_a_preview_shows_the_senders_own_words(body: bytes, shown: str) -> None:
    data = b"Subject: x\n\n" + body

    assert preview(data, scan(data)) == shown


def test_a_blob_id_names_a_part_of_a_part() -> None:
    inner = b"Content-Type: text/plain\n\ninner"
    data = b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n" + inner + b"\n--b--"
    (leaf,) = scan(data).root.sub_parts
    outer_id = part_blob_id("b123", leaf) or ""
    inner_id = part_blob_id(outer_id, scan(inner).root) or ""

    base, slices = parse_blob_id(inner_id) or ("", ())
    assert inner_id.count("-") == 3  # offsets are added, not chained
    assert base == "b123"
    assert read_slice(data, slices) == b"inner"


def test_encoded_messages_are_chained_four_deep_and_no_deeper() -> None:
    part = Part("message/rfc822", "1", encoding="base64", body_start=1, body_end=5)
    ids = ["b1"]
    while (longer := part_blob_id(ids[-1], part)) is not None:
        ids.append(longer)

    assert ids[-1] == "b1" + "-1-4-b" * 4
    assert parse_blob_id(ids[-1] + "-1-4-b") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "B1",
        "b-1",
        "b-1-2",
        "b-1-2-x",
        "b-01-2-i",
        "b-1-2-i-0-1-i",
        "b--1-2-i",
        "b-1-2-i\n",
        "b-" + "9" * 17 + "-1-i",
        "é",
        "b" * 256,
    ],
)
def test_what_is_no_blob_id_is_refused(text: str) -> None:
    assert parse_blob_id(text) is None


def test_a_slice_past_the_end_is_nothing() -> None:
    _, slices = parse_blob_id("b-3-3-i") or ("", ())

    assert read_slice(b"12345", slices) is None
    assert read_slice(b"123456", slices) == b"456"


def test_the_charset_that_statistics_named_is_kept_with_the_part() -> None:
    words = "Съешь же ещё этих мягких французских булок, да выпей чаю. " * 20
    data = b"Content-Type: text/plain\r\n\r\n" + words.encode("koi8-r")
    structure = scan(data)
    assert decode_text(data, structure.root).value == words
    assert structure.root.detected == "koi8_r"
    stored = msgspec.json.decode(msgspec.json.encode(structure), type=Structure)
    # A few octets, of which statistics would know nothing, are read as the whole was.
    assert decode_text(data, stored.root, 5).value == words[:5]


def test_a_structure_stored_before_detection_was_kept_is_read() -> None:
    whole = msgspec.to_builtins(scan(b"Subject: x\r\n\r\nbody"))
    assert len(whole[0]) == len(Part.__struct_fields__)
    old = [whole[0][:-1], whole[1]]
    assert msgspec.convert(old, Structure).root.detected is None
