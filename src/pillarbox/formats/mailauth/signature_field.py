"""Writes a signature as a header field: tags, folded; hashed in relaxed form without `b`, signed, `b` filled in.

Sections: RFC 6376 §3.5, §3.7, §5; RFC 5322 §2.1.1.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Protocol

from pillarbox.formats.mailauth.message_field import MessageField, relaxed, select

LINE = 76
_NAMES = re.compile(r"[^:]*:|[^:]+")


class Signer(Protocol):
    """What signs a SHA-256 digest."""

    def sign(self, digest: bytes) -> bytes: ...


def signed_field(
    name: str, tags: Sequence[tuple[str, str]], hashed: Iterable[bytes], signer: Signer, *, width: int = LINE
) -> bytes:
    """The field with its CRLF. `tags` in their order, that of `b` empty; `hashed` are fields in relaxed form."""
    digest = hashlib.sha256(b"".join(each + b"\r\n" for each in hashed))
    digest.update(relaxed(name.lower(), _value(name, tags, width).encode()))
    b = base64.b64encode(signer.sign(digest.digest())).decode("ascii")
    value = _value(name, [(tag, b if tag == "b" else text) for tag, text in tags], width)
    return f"{name}:{value}\r\n".encode()


def relaxed_fields(fields: Sequence[MessageField], names: Iterable[str]) -> list[bytes]:
    """The fields that a list of names means, as they are hashed."""
    return [each.canonical(is_relaxed=True) for each in select(fields, names)]


def _value(name: str, tags: Sequence[tuple[str, str]], width: int) -> str:
    """Folds stand where the relaxed form has the one space anyway, after `;`, and in the tags that are long.

    These begin a line of their own, so that the folds do not depend on `b`, which is empty when it is hashed.
    """
    lines = [f"{name}:"]
    for number, (tag, text) in enumerate(tags):
        end = ";" if number < len(tags) - 1 else ""
        pieces = _pieces(f"{tag}={text}{end}", tag, width)
        if tag in {"b", "bh", "h"} or len(lines[-1]) + 1 + len(pieces[0]) > width:
            lines += pieces
        else:
            lines[-1] += " " + pieces[0]
            lines += pieces[1:]
    return "\r\n\t".join(lines)[len(name) + 1 :]


def _pieces(text: str, tag: str, width: int) -> list[str]:
    if tag == "h":
        return _colon_pieces(text, width)
    if tag == "b":
        return [text[at : at + width] for at in range(0, len(text), width)]
    return [text]


def _colon_pieces(text: str, width: int) -> list[str]:
    """RFC 6376 §3.5: in `h`, white space may stand on both sides of a colon."""
    pieces = [""]
    for word in _NAMES.findall(text):
        if pieces[-1] and len(pieces[-1]) + len(word) > width:
            pieces.append("")
        pieces[-1] += word
    return pieces
