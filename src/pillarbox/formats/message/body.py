"""The content of body parts: octets after the transfer encoding, and text after the charset.

RFC 2045 §6, RFC 8621 §4.1.4 (EmailBodyValue), §4.2 (maxBodyValueBytes).
"""

import re

import msgspec

from pillarbox.formats.message import charset, transfer
from pillarbox.formats.message.structure import Part

_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s{0,9}=\s{0,9}[\"']?([A-Za-z0-9_:.\-]{1,40})", re.IGNORECASE)
_META_OCTETS = 2048
_NO_LABEL = frozenset({None, "us-ascii", "ascii", "unknown", "x-unknown", "unknown-8bit"})


class BodyText(msgspec.Struct, frozen=True):
    """The text of a part, and whether its charset or transfer encoding gave trouble (RFC 8621 §4.1.4)."""

    value: str
    is_encoding_problem: bool


def encoded_octets(data: bytes, part: Part) -> bytes:
    """The part's body as it stands in the message."""
    return data[part.body_start : part.body_end]


def decode_octets(data: bytes, part: Part) -> bytes:
    """The part's content, its transfer encoding undone; `part.size` octets."""
    return transfer.decode_transfer(encoded_octets(data, part), part.encoding)


def decode_beginning(data: bytes, part: Part, max_octets: int) -> bytes:
    """At most so many octets of the part's content; no more is decoded than that takes."""
    return _beginning(data, part, max_octets)[0]


def decode_text(data: bytes, part: Part, max_octets: int | None = None) -> BodyText:
    """The part's text with LF line ends and without NUL, of about the first `max_octets` of its content.

    The charset label gives way to better knowledge (see `charset.decode_charset`); what is malformed becomes U+FFFD.
    """
    octets, whole = _beginning(data, part, max_octets)
    label = part.charset
    if label in _NO_LABEL and part.type == "text/html" and not octets.isascii():
        label = _meta_label(octets) or label
    text, problem = charset.decode_charset(octets, label, whole=whole, detect=lambda octets: _detected(part, octets))
    # "with any CRLF replaced with a single LF"
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    if "\0" in text:
        text = text.replace("\0", "")
    return BodyText(text, problem or not transfer.is_known(part.encoding))


def _detected(part: Part, octets: bytes) -> str:
    """The codec of the part's text, found at its first reading and stored with the message's structure."""
    if part.detected is None:
        part.detected = charset.detect(octets)
    return part.detected


def _beginning(data: bytes, part: Part, max_octets: int | None) -> tuple[bytes, bool]:
    """At most `max_octets` of the content, and whether that is all of it; no more is decoded than that takes."""
    if max_octets is None or part.size <= max_octets:
        return decode_octets(data, part), True
    # Base64 and quoted-printable take at most three octets for one, line ends aside.
    end = min(part.body_end, part.body_start + max_octets * 3 + 1024)
    encoded = (
        data[part.body_start : part.body_start + max_octets]
        if part.encoding in transfer.IDENTITY
        else data[part.body_start : end]
    )
    return transfer.decode_transfer(encoded, part.encoding)[:max_octets], False


def _meta_label(octets: bytes) -> str | None:
    """The charset that an HTML document names itself, if it is one that is understood."""
    match = _META_CHARSET.search(octets, 0, _META_OCTETS)
    label = match[1].decode("ascii").lower() if match else None
    return label if label and charset.find_codec(label) else None


def truncate_value(text: str, max_octets: int, *, is_html: bool = False) -> tuple[str, bool]:
    """The beginning of a body value that takes at most that many octets of UTF-8, and whether anything was cut.

    RFC 8621 §4.2: "The server MUST ensure the truncation results in valid UTF-8 and does not occur mid-codepoint"; in
    HTML "the server SHOULD NOT truncate inside an HTML tag".
    """
    if len(text) * 4 <= max_octets or len(octets := text.encode()) <= max_octets:
        return text, False
    cut = octets[:max_octets].decode("utf-8", "ignore")
    if is_html and (tag := cut.rfind("<")) > cut.rfind(">"):
        cut = cut[:tag]
    return cut, True
