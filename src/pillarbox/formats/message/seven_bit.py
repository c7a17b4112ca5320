"""Makes a message one of seven bits, for servers that take no other: its parts in quoted-printable or base64.

What a part holds comes out of it as before, octet for octet; signatures over how it was written do not, so that this is
done before a message is signed. RFC 6152 §3, RFC 3030 §3 (BINARYMIME), RFC 2045 §6, RFC 2046 §5.2.1; RFC 1847 §2.1
("MUST NOT" be changed); RFC 1428 §3 (text of no known charset).
"""

from __future__ import annotations

from pillarbox.formats.message.body import decode_octets, encoded_octets
from pillarbox.formats.message.scan import scan
from pillarbox.formats.message.structure import Part
from pillarbox.formats.message.transfer import IDENTITY, is_known
from pillarbox.formats.message.transfer_encoding import (
    BASE64,
    BINARY,
    SEVEN_BIT,
    base64_lines,
    encode_content,
    has_only_crlf,
)

_DEEPEST = 8  # messages in messages
_PROTECTED = frozenset({"multipart/signed", "multipart/encrypted"})
_BEARABLE = frozenset({"missingCloseDelimiter"})  # a scan that met anything else may have understood it otherwise
_Edit = tuple[int, int, bytes]  # from, to, what stands there instead


class _Fixed(Exception):
    """It cannot be changed."""


def seven_bit(data: bytes) -> bytes | None:
    """The message in ASCII, with CRLF and without NUL; None when it cannot be.

    That is so when what is signed or encrypted would have to be changed, when its header is not ASCII (RFC 6532), when
    it is too odd or too deep to be sure what it holds, and when it has bare line ends outside of parts that are said to
    be binary.
    """
    if is_plain(data):
        return data
    try:
        changed = _message(data, _DEEPEST)
    except _Fixed:
        return None
    return changed if is_plain(changed) else None


def is_plain(octets: bytes) -> bool:
    """Whether every server takes such octets."""
    return octets.isascii() and _is_lines(octets)


def _is_lines(octets: bytes) -> bool:
    return b"\0" not in octets and has_only_crlf(octets)


def _message(data: bytes, depth: int) -> bytes:
    structure = scan(data)
    if depth <= 0 or not _BEARABLE.issuperset(structure.defects):
        raise _Fixed
    edits: list[_Edit] = []
    for part in structure.parts():
        if not is_plain(data[part.header_start : part.body_start]):
            raise _Fixed
        if is_plain(encoded_octets(data, part)):
            continue
        if part.is_multipart:
            edits += _container(data, part)
        else:
            edits += _leaf(data, part, depth)
    if not any(field.name.lower() == "mime-version" for field in structure.root.fields):
        edits.append((structure.root.header_end, structure.root.header_end, b"MIME-Version: 1.0\r\n"))
    return _edited(data, edits)


def _container(data: bytes, part: Part) -> list[_Edit]:
    if part.type in _PROTECTED:
        raise _Fixed
    # RFC 2045 §6.4: no other encoding than these for a multipart, and none is 7bit.
    return _encoding_field(data, part, SEVEN_BIT) if part.encoding in IDENTITY else []


def _leaf(data: bytes, part: Part, depth: int) -> list[_Edit]:
    encoding, octets = _encoded(data, part, depth)
    edits = _encoding_field(data, part, encoding)
    if part.type == "text/plain" and not any(field.name.lower() == "content-type" for field in part.fields):
        label = b"Content-Type: text/plain; charset=unknown-8bit\r\n"
        edits.append((part.header_end, part.header_end, label))
    return [*edits, (part.body_start, part.body_end, octets)]


def _encoded(data: bytes, part: Part, depth: int) -> tuple[str, bytes]:
    body = encoded_octets(data, part)
    if part.type == "message/rfc822" and part.encoding in IDENTITY:
        return SEVEN_BIT, _message(body, depth - 1)
    is_message = part.type.startswith("message/") and not part.type.startswith("message/global")
    if is_message or not is_known(part.encoding):
        raise _Fixed
    if part.encoding != BINARY and not _is_lines(body):
        raise _Fixed  # RFC 5321 §2.3.8: it may be meant for the end of the message
    content = decode_octets(data, part)
    encoding, octets = encode_content(content, part.type)
    # A line that was broken may begin like a delimiter; base64 has no hyphen.
    if encoding != BASE64 and (octets.startswith(b"--") or b"\n--" in octets):
        encoding, octets = BASE64, base64_lines(content)
    return encoding, octets


def _encoding_field(data: bytes, part: Part, encoding: str) -> list[_Edit]:
    """The header with this Content-Transfer-Encoding and no other."""
    if part.body_start == part.header_end:
        raise _Fixed  # no empty line: a field would become text
    edits: list[_Edit] = []
    for field in part.fields:
        if field.name.lower() == "content-transfer-encoding":
            end = data.find(b"\n", field.end, part.body_start) + 1
            edits.append((field.start, end or part.header_end, b""))
    return [*edits, (part.header_end, part.header_end, f"Content-Transfer-Encoding: {encoding}\r\n".encode())]


def _edited(data: bytes, edits: list[_Edit]) -> bytes:
    pieces, position = [], 0
    for start, end, octets in sorted(edits, key=lambda edit: edit[:2]):
        pieces += [data[position:start], octets]
        position = end
    return b"".join([*pieces, data[position:]])
