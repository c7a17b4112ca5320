"""Builds the octets of a message from a draft.

Sections: RFC 8621 §4.6; RFC 2045 §3-§7; RFC 2046 §5.1; RFC 2183 §2; RFC 2392 §2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from pillarbox.formats.message.draft import Draft, DraftField, DraftPart, MessageIds, Raw, Text
from pillarbox.formats.message.encode import encode_parameter
from pillarbox.formats.message.field import field_to_bytes
from pillarbox.formats.message.fold import fold
from pillarbox.formats.message.transfer_encoding import (
    BINARY,
    EIGHT_BIT,
    SEVEN_BIT,
    encode_content,
)

_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}\Z")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`{|}~]{1,60}\Z")
_LANGUAGE = re.compile(r"[A-Za-z0-9*-]{1,64}\Z")
_IN_URL = re.compile(r"[^!-~]+")
_WIDTH = {SEVEN_BIT: 0, EIGHT_BIT: 1, BINARY: 2}
# Written by the builder alone (RFC 8621 §4.6: "A Content-Transfer-Encoding header field MUST NOT be given").
_OWN_FIELDS = frozenset({"mime-version", "content-transfer-encoding"})


def build_message(draft: Draft, boundary: Callable[[], str]) -> bytes:
    """The message, with CRLF line breaks, MIME-Version and all Content fields.

    `boundary` gives a fresh token of RFC 2046 §5.1.1 characters (up to 50); it is asked again, and at last lengthened,
    until the token occurs in no content. Raises ValueError for a header field name that is none.
    """
    plan = _Plan(draft.body)
    plan.choose_boundaries(boundary)
    chunks = [field_to_bytes(field) for field in draft.fields if not _is_own(field.name)]
    chunks.append(b"MIME-Version: 1.0\r\n")
    chunks += plan.emit()
    return b"".join(chunks)


def message_id(domain: str, id_source: Callable[[], str]) -> str:
    """A Message-ID without angle brackets; `id_source` gives a unique token of atom characters (RFC 5322 §3.6.4)."""
    return f"{id_source()}@{domain}"


def _is_own(name: str) -> bool:
    # RFC 8621 §4.6: what begins with Content- belongs to a part, never to the message.
    return name.lower() in _OWN_FIELDS or name.lower().startswith("content-")


class _Node:
    """A part with its place in the tree, its encoded content, and the boundary of its children."""

    __slots__ = ("boundary", "children", "content", "encoding", "part")

    def __init__(self, part: DraftPart) -> None:
        self.part = part
        self.children: list[_Node] = []
        self.boundary = ""
        self.encoding, self.content = SEVEN_BIT, b""

    @property
    def is_multipart(self) -> bool:
        return self.part.type.lower().startswith("multipart/")

    def encode(self) -> None:
        content = self.part.content or b""
        if isinstance(content, str):
            content = content.replace("\r\n", "\n").replace("\n", "\r\n").encode(errors="replace")
        self.encoding, self.content = encode_content(content, self.part.type.lower())


class _Plan:
    """The tree in two orders: parents before children, and the encodings from the leaves up."""

    def __init__(self, root: DraftPart) -> None:
        self.root = _Node(root)
        self.nodes = [self.root]
        for node in self.nodes:  # grows while it is walked: breadth first, no recursion
            if not node.is_multipart:
                node.encode()
                continue
            # RFC 2046 §5.1.1: a multipart has at least one part.
            parts = node.part.sub_parts or (DraftPart(type="text/plain"),)
            node.children = [_Node(part) for part in parts]
            self.nodes += node.children
        for node in reversed(self.nodes):
            if node.children:
                # RFC 2045 §6.4: a multipart is 7bit, 8bit or binary, as its widest part is.
                node.encoding = max((child.encoding for child in node.children), key=lambda name: _WIDTH.get(name, 0))
                node.encoding = node.encoding if node.encoding in _WIDTH else SEVEN_BIT

    def choose_boundaries(self, source: Callable[[], str]) -> None:
        parents = [node for node in self.nodes if node.children]
        if not parents:
            return
        token = source()
        for number in range(100):
            if not self._occurs(token):
                break
            # A source may be honest and unlucky, or be answering always the same.
            token = source() if number < 3 else f"{token[:50]}{number:02}"
        for number, node in enumerate(parents):
            # The last character keeps 1 from being the beginning of 10.
            node.boundary = f"{token}_{number}_"

    def _occurs(self, token: str) -> bool:
        octets = token.encode()
        return any(octets in node.content for node in self.nodes)

    def emit(self) -> Iterator[bytes]:
        """The header and body of every part, in order; the stack holds what is still to be said."""
        stack: list[_Node | bytes] = [self.root]
        while stack:
            item = stack.pop()
            if isinstance(item, bytes):
                yield item
                continue
            yield from _content_fields(item)
            yield b"\r\n"
            if not item.children:
                yield item.content
                continue
            delimiter = b"--" + item.boundary.encode()
            stack.append(b"\r\n" + delimiter + b"--\r\n")
            for number in range(len(item.children) - 1, -1, -1):
                stack.append(item.children[number])
                stack.append((b"\r\n" if number else b"") + delimiter + b"\r\n")


def _content_fields(node: _Node) -> Iterator[bytes]:
    part = node.part
    given = {field.name.lower(): field for field in part.headers if field.name.lower() not in _OWN_FIELDS}
    yield _content_type(node, given.pop("content-type", None))
    if node.encoding != SEVEN_BIT:
        yield fold("Content-Transfer-Encoding", [node.encoding])
    if part.disposition is not None and "content-disposition" not in given:
        disposition = part.disposition if _TOKEN.match(part.disposition) else "attachment"
        yield _with_parameters("Content-Disposition", disposition, [("filename", part.name)])
    if part.cid is not None:
        yield field_to_bytes(DraftField("Content-ID", MessageIds((part.cid,))))
    languages = [tag for tag in part.language or () if _LANGUAGE.match(tag)]
    if languages:
        yield fold("Content-Language", [", ".join(languages)])
    if part.location is not None:
        yield fold("Content-Location", [_ascii_url(part.location)])
    for field in part.headers:
        if field.name.lower() in given:
            yield field_to_bytes(field)


def _content_type(node: _Node, given: DraftField | None) -> bytes:
    part = node.part
    if given is not None and isinstance(given.value, Raw | Text):
        return _given_type(node, given.name, given.value.value)
    kind = part.type if _TYPE.match(part.type) else "application/octet-stream"
    parameters: list[tuple[str, str | None]] = list(part.parameters)
    if node.children:
        parameters.append(("boundary", node.boundary))
    elif isinstance(part.content, str) or part.content is None:
        parameters.append(("charset", "utf-8" if kind.lower().startswith("text/") else None))
    else:
        parameters.append(("charset", part.charset))
    if part.disposition is None:
        # RFC 8621 §4.1.4: without a disposition the name is looked for here.
        parameters.append(("name", part.name))
    return _with_parameters("Content-Type", kind, parameters)


def _given_type(node: _Node, name: str, value: str) -> bytes:
    """A Content-Type that the client wrote; only what must agree with the octets is replaced."""
    ours = "boundary" if node.children else "charset" if isinstance(node.part.content, str) else None
    value = value if value[:1] in (" ", "\t", "\r", "\n") else f" {value}"
    if ours is None:
        return field_to_bytes(DraftField(name, Raw(value)))
    kept = re.sub(rf';[ \t\r\n]*{ours}[ \t]*=[ \t]*(?:"[^"]*"|[^;]*)', "", value, flags=re.IGNORECASE).rstrip(
        " \t\r\n;"
    )
    text = node.boundary if node.children else "utf-8"
    return field_to_bytes(DraftField(name, Raw(f'{kept};\r\n {ours}="{text}"')))


def _with_parameters(name: str, value: str, parameters: list[tuple[str, str | None]]) -> bytes:
    units = [value]
    for key, text in parameters:
        if text is not None:
            for parameter in encode_parameter(key, text):
                units[-1] += ";"
                units.append(" " + parameter)
    return fold(name, units)


def _ascii_url(url: str) -> str:
    return _IN_URL.sub(lambda match: "".join(f"%{octet:02X}" for octet in match[0].encode(errors="replace")), url)
