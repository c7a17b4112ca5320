"""What FETCH may ask for (RFC 9051 §6.4.5 and extensions), as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Plain(Enum):
    """An item that has no arguments, by its name on the wire."""

    FLAGS = "FLAGS"
    UID = "UID"
    INTERNALDATE = "INTERNALDATE"
    RFC822_SIZE = "RFC822.SIZE"
    ENVELOPE = "ENVELOPE"
    BODY = "BODY"
    BODYSTRUCTURE = "BODYSTRUCTURE"
    MODSEQ = "MODSEQ"  # RFC 7162
    EMAILID = "EMAILID"  # RFC 8474
    THREADID = "THREADID"
    SAVEDATE = "SAVEDATE"  # RFC 8514


@dataclass(frozen=True, slots=True)
class Section:
    """BODY[...], BODY.PEEK[...], and RFC822, RFC822.HEADER, RFC822.TEXT, which are answered under their own names.

    `part` is the part's path, () for the message. `what` is "" (the content), `HEADER`, `HEADER.FIELDS`,
    `HEADER.FIELDS.NOT`, `TEXT` or `MIME`; `fields` as written. `partial` is (offset, count), `count` at least 1.
    `label` is what the response calls it when it is not BODY[...]: `RFC822` and the like.
    """

    part: tuple[int, ...] = ()
    what: str = ""
    fields: tuple[str, ...] = ()
    is_peek: bool = False
    partial: tuple[int, int] | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Binary:
    """BINARY[...] and BINARY.PEEK[...] (RFC 3516): a part with its transfer encoding removed."""

    part: tuple[int, ...] = ()
    is_peek: bool = False
    partial: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class BinarySize:
    """BINARY.SIZE[...] (RFC 3516)."""

    part: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """PREVIEW, or PREVIEW (LAZY) (RFC 8970)."""

    is_lazy: bool = False


FetchItem = Plain | Section | Binary | BinarySize | Preview
# RFC 9051 §6.4.5, the macros.
FAST = (Plain.FLAGS, Plain.INTERNALDATE, Plain.RFC822_SIZE)
ALL = (*FAST, Plain.ENVELOPE)
FULL = (*ALL, Plain.BODY)
