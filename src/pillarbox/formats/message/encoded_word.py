"""Encoded words in header fields.

RFC 2047 §2 to §6, RFC 2231 §5 (language), RFC 8621 §4.1.2.2.
"""

import binascii
import re
import unicodedata

from pillarbox.formats.message import charset, transfer

_WORD = r"=\?([^?\s*]{1,64})(?:\*[^?\s]{0,64})?\?([BbQq])\?([!->@-~]*)\?="
# "MUST NOT be decoded": what violates the placement and white space rules is no encoded word.
_STRICT = re.compile(rf"(?<![^ \t\r\n]){_WORD}(?![^ \t\r\n])")
# Inside quoted strings and parameters, where many senders put them, words may touch and may hold spaces.
_LENIENT = re.compile(_WORD.replace("[!->@-~]", "[ ->@-~]"))
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def decode_words(text: str, *, lenient: bool = False) -> str:
    """Decode the encoded words of an unfolded text; an unknown charset leaves its word as it stands.

    White space between two encoded words is dropped (RFC 2047 §6.2), and neighbours of the same charset are joined
    before they are decoded, since senders split characters of several octets between words.
    """
    if "=?" not in text:
        return text
    pieces: list[str] = []
    held: list[bytes] = []
    held_charset = ""
    position = 0
    for match in (_LENIENT if lenient else _STRICT).finditer(text):
        label = match[1].lower()
        if charset.find_codec(label) is None:
            continue
        gap = text[position : match.start()]
        if not (position and not gap.strip(" \t\r\n")):
            pieces += [_decode_held(held, held_charset), gap]
            held = []
        elif label != held_charset:
            pieces.append(_decode_held(held, held_charset))
            held = []
        held.append(_decode_octets(match[2], match[3]))
        held_charset = label
        position = match.end()
    pieces += [_decode_held(held, held_charset), text[position:]]
    return "".join(pieces)


def normalise(text: str) -> str:
    """Normalization Form C, which RFC 8621 §4.1.2.2 asks for."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def drop_controls(text: str) -> str:
    """The text without control characters (line ends too), which have no place in a decoded field."""
    return _CONTROL.sub("", text)


def _decode_octets(encoding: str, encoded: str) -> bytes:
    octets = encoded.encode("ascii")
    if encoding in "Bb":
        return transfer.decode_base64(octets)
    return binascii.a2b_qp(octets, header=True)


def _decode_held(held: list[bytes], label: str) -> str:
    if not held:
        return ""
    text = charset.decode_word(b"".join(held), label)
    # "Any NUL octets or control characters encoded per RFC 2047 are dropped from the decoded value."
    return _CONTROL.sub("", text)
