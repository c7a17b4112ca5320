"""Writes Unicode text into header fields: encoded words, phrases and MIME parameters.

Sections: RFC 2047 §2, §4, §5; RFC 2231 §3, §4; RFC 5322 §3.2.4, §3.2.5; RFC 2045 §5.1.
"""

import re
from base64 import b64encode
from collections.abc import Iterator

WORD_LENGTH = 75
LINE_LENGTH = 76

_CHARSET = "utf-8"
_FRAME = len(f"=?{_CHARSET}?Q??=")
_LONGEST_PLAIN_WORD = 900
# White space cannot be folded in a way that all readers survive, so a wider gap is narrowed to this.
_WIDEST_GAP = 60

# RFC 2047 §5 (3): inside a phrase only these may stand for themselves; they are right in every other place, too.
_Q_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_Q = [chr(octet) if octet in _Q_SAFE else "_" if octet == 0x20 else f"={octet:02X}" for octet in range(256)]
# RFC 2231 §7: attribute-char
_ATTRIBUTE_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&+-.^_`{|}~")
_PERCENT = [chr(octet) if octet in _ATTRIBUTE_SAFE else f"%{octet:02X}" for octet in range(256)]

_LINE_BREAK = re.compile(r"[\r\n][ \t\r\n]*")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_WORD = re.compile(r"([ \t]*)([^ \t]+)")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+(?: [A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+)*\Z")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`{|}~]+\Z")
_QUOTED = re.compile(r'(["\\])')


def clean_text(text: str) -> str:
    """Text that can stand in a header field: line breaks are one space, control characters are gone (RFC 5322 §2.2)."""
    if text.isascii() and text.isprintable():
        return text
    text = _LINE_BREAK.sub(" ", text) if "\n" in text or "\r" in text else text
    return _SURROGATE.sub("\ufffd", _CONTROL.sub("", text))


def encode_text(text: str, column: int = 0) -> list[str]:
    """Unstructured text as words that join to the field's value; each begins with its own white space.

    Only words that are not plain ASCII become encoded words. `column` is how far the first line is already filled.
    """
    units: list[str] = []
    run: list[str] = []
    gap = ""
    text = clean_text(text)
    stripped = text.rstrip(" \t")
    for match in _WORD.finditer(stripped):
        if _must_encode(match[2]):
            gap = gap if run else match[1][:_WIDEST_GAP]
            run.append(match[0] if run else match[2])
            continue
        if run:
            units += _encoded_units(gap, "".join(run), column if not units else 0)
            run = []
        units.append(match[1][:_WIDEST_GAP] + match[2])
    if run:
        units += _encoded_units(gap, "".join(run), column if not units else 0)
    if units:
        units[-1] += text[len(stripped) :][:_WIDEST_GAP]
    return units


def encode_phrase(text: str, column: int = 0) -> list[str]:
    """A display-name: atoms, a quoted-string, or encoded words, whichever says the text best (RFC 5322 §3.2.5).

    A quoted-string is one unit; encoded words are never put into one (RFC 2047 §5).
    """
    text = clean_text(text).replace("\t", " ")
    if not text.isascii() or "=?" in text or len(text) > _LONGEST_PLAIN_WORD:
        return _encoded_units("", text, column)
    if _ATOMS.match(text):
        return [text]
    return [quote(text)]


def quote(text: str) -> str:
    """ASCII text as a quoted-string (RFC 5322 §3.2.4)."""
    return '"' + _QUOTED.sub(r"\\\1", text) + '"'


def encode_parameter(name: str, value: str) -> list[str]:
    """One MIME parameter as `name=value`, in numbered pieces if it is long (RFC 2231 §3, §4).

    Plain ASCII stays a token or a quoted-string, so that old readers understand it.
    """
    value = clean_text(value)
    room = LINE_LENGTH - len(name) - len(" *00*=;")
    if value.isascii() and len(value) <= room - 2:
        return [f"{name}={value}" if _TOKEN.match(value) else f"{name}={quote(value)}"]
    start = f"{_CHARSET}''"
    whole = _percent(value)
    if len(start) + len(whole) <= room:
        return [f"{name}*={start}{whole}"]
    pieces = list(_percent_pieces(value, room, len(start)))
    pieces[0] = start + pieces[0]
    return [f"{name}*{number}*={piece}" for number, piece in enumerate(pieces)]


def encode_words(text: str, column: int = 0) -> Iterator[str]:
    """Encoded words of at most 75 characters for all of the text, in Q or B, whichever is shorter (RFC 2047 §4).

    Readers drop the white space between them. The first word leaves room for `column` characters on its line.
    """
    octets = text.encode()
    use_q = sum(len(_Q[octet]) for octet in octets) <= (len(octets) + 2) // 3 * 4
    room = max(WORD_LENGTH - max(column - 1, 0), _FRAME + 12) - _FRAME
    for piece in _pieces(text, room, use_q=use_q):
        content = "".join(map(_Q.__getitem__, piece)) if use_q else b64encode(piece).decode("ascii")
        yield f"=?{_CHARSET}?{'Q' if use_q else 'B'}?{content}?="


def _encoded_units(gap: str, text: str, column: int) -> list[str]:
    # A control character would be dropped by every reader (RFC 8621 §4.1.2.2), a tab is one.
    words = list(encode_words(text.replace("\t", " "), column + len(gap) if column else 0))
    return [(gap if not number else " ") + word for number, word in enumerate(words)]


def _must_encode(word: str) -> bool:
    return not word.isascii() or "=?" in word or len(word) > _LONGEST_PLAIN_WORD


def _pieces(text: str, room: int, *, use_q: bool) -> Iterator[bytes]:
    """Cuts the text between characters: each encoded word MUST be whole characters (RFC 2047 §5)."""
    piece, used = bytearray(), 0
    for character in text:
        octets = character.encode()
        cost = sum(len(_Q[octet]) for octet in octets) if use_q else len(octets)
        limit = room if use_q else room // 4 * 3
        if piece and used + cost > limit:
            yield bytes(piece)
            piece, used, room = bytearray(), 0, WORD_LENGTH - _FRAME
        piece += octets
        used += cost
    if piece:
        yield bytes(piece)


def _percent(text: str) -> str:
    return "".join(map(_PERCENT.__getitem__, text.encode()))


def _percent_pieces(text: str, room: int, taken: int) -> Iterator[str]:
    piece: list[str] = []
    used = taken
    for character in text:
        escaped = _percent(character)
        if piece and used + len(escaped) > room:
            yield "".join(piece)
            piece, used = [], 0
        piece.append(escaped)
        used += len(escaped)
    yield "".join(piece)
