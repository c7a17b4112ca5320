"""Digests of a message's body in canonical form, made in pieces: the memory needed does not grow with the body.

Sections: RFC 6376 §3.4.3, §3.4.4, §3.4.5, §3.7.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator

_BARE_LF = re.compile(rb"(?<!\r)\n")
_TO_LAST_LONE_CR = re.compile(rb".*\r(?!\n)", re.DOTALL)
_PIECE = 262_144
_CRLF = b"\r\n"
_MANY = _CRLF * 1024


class _Limited:
    """A digest of the first octets only, as many as `l=` says; None for all."""

    def __init__(self, limit: int | None) -> None:
        self.digest = hashlib.sha256()
        self.left = limit

    def update(self, data: bytes) -> None:
        if self.left is not None:
            data = data[: self.left]
            self.left -= len(data)
        self.digest.update(data)


class BodyDigests:
    """The SHA-256 digests of one body for several signatures; each form is made once, each limit digested once."""

    def __init__(self, wanted: Iterable[tuple[bool, int | None]]) -> None:
        """What is wanted: whether the form is relaxed, and the limit of `l=` or None."""
        self._digests = {key: _Limited(key[1]) for key in wanted}
        self._forms = [
            (_Form(is_relaxed=is_relaxed), [each for key, each in self._digests.items() if key[0] == is_relaxed])
            for is_relaxed in sorted({is_relaxed for is_relaxed, _ in self._digests})
        ]
        self._lengths = {form.is_relaxed: 0 for form, _ in self._forms}

    def read(self, body: Iterable[bytes]) -> None:
        """Take the body, all of it, in pieces of any size."""
        for piece in _lines_in_crlf(body):
            for form, digests in self._forms:
                self._take(form, digests, form.update(piece))
        for form, digests in self._forms:
            self._take(form, digests, form.finish())

    def _take(self, form: _Form, digests: list[_Limited], pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            self._lengths[form.is_relaxed] += len(piece)
            for digest in digests:
                digest.update(piece)

    def digest(self, *, is_relaxed: bool, limit: int | None) -> bytes:
        """One of those wanted."""
        return self._digests[is_relaxed, limit].digest.digest()

    def length(self, *, is_relaxed: bool) -> int:
        """Octets of the whole body in one form that was wanted."""
        return self._lengths[is_relaxed]


def pieces_of(message: bytes, start: int) -> Iterator[bytes]:
    """What follows an offset, in pieces."""
    return (message[at : at + _PIECE] for at in range(start, len(message), _PIECE))


def _lines_in_crlf(body: Iterable[bytes]) -> Iterator[bytes]:
    """The same octets, each bare LF made CRLF; no piece but the last ends within a CRLF."""
    held = b""
    for piece in body:
        whole = held + piece if held else piece
        held = b"\r" if whole.endswith(b"\r") else b""
        if held:
            whole = whole[:-1]
        if whole.count(b"\n") != whole.count(_CRLF):
            whole = _BARE_LF.sub(_CRLF, whole)
        if whole:
            yield whole
    if held:
        yield held


class _Form:
    """One canonical form in the making: white space and line ends at the end of what came are held back.

    They may be the empty lines at the body's end, which no form has, or white space at a line's end.
    """

    def __init__(self, *, is_relaxed: bool) -> None:
        self.is_relaxed = is_relaxed
        self._blank = 0  # line ends held back
        self._space = False  # and after them one space (relaxed)
        self._is_empty = True

    def update(self, piece: bytes) -> Iterator[bytes]:
        if self.is_relaxed:
            piece = _relaxed((b" " if self._space else b"") + piece)
            self._space = False
        core = piece.rstrip(b"\r\n ") if self.is_relaxed else piece.rstrip(_CRLF)
        tail = piece[len(core) :]
        if tail.count(b"\r") != tail.count(_CRLF):
            # A CR alone is no line end, whatever stands around it: all up to the last one is text.
            match = _TO_LAST_LONE_CR.match(tail)
            end = match.end() if match else 0
            core, tail = piece[: len(core) + end], tail[end:]
        if core:
            yield from self._let_go()
            yield core
            self._is_empty = False
        self._blank += tail.count(_CRLF)
        self._space = tail.endswith(b" ")
        # What is left of a relaxed tail is line ends and, last, one space: `_relaxed` saw to that. A space before
        # a line end can only have been held back, and is gone.

    def finish(self) -> Iterator[bytes]:
        """Empty lines at the end are ignored; a body that is not empty ends with CRLF, and simple even an empty one."""
        if not self._is_empty or not self.is_relaxed:
            yield _CRLF

    def _let_go(self) -> Iterator[bytes]:
        many, few = divmod(self._blank, 1024)
        for _ in range(many):
            yield _MANY
        yield _CRLF * few
        self._blank = 0


def _relaxed(piece: bytes) -> bytes:
    """White space as one space, none at line ends (RFC 6376 §3.4.4). Replacing goes through it 18 times at the most."""
    if b"\t" in piece:
        piece = piece.replace(b"\t", b" ")
    while b"  " in piece:
        piece = piece.replace(b"  ", b" ")
    return piece.replace(b" \r\n", _CRLF)
