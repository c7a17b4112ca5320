"""How text of a header is spelled for a session: as UTF-8 if it asked for that, else in ASCII.

RFC 6855 §3; RFC 2047 (encoded words), RFC 2231 §4 (parameters), RFC 5890 (A-labels).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

import idna

from pillarbox.formats.message.charset import decode_header_octets
from pillarbox.formats.message.comment import unfold
from pillarbox.formats.message.encode import encode_words

# Words outside of ASCII, and the gaps between them: readers drop the white space between encoded words.
_FOREIGN = re.compile(r"[^ \t]*[^\x00-\x7f ][^ \t]*(?:[ \t]+[^ \t]*[^\x00-\x7f ][^ \t]*)*")
_ATTRIBUTE_CHARACTERS = "!#$&+-.^_`{|}~"


def header_text(octets: bytes) -> str:
    """The value of a header field, unfolded, without NUL and the white space around it; encoded words stay."""
    text = decode_header_octets(octets)
    if "\0" in text:
        text = text.replace("\0", "")
    if "\n" in text or "\r" in text:
        text = unfold(text)
    return text.strip(" \t\r\n")


class Spelling:
    """Spells text, and notes in `is_ascii` whether all of it was ASCII, so that one spelling is right for all."""

    __slots__ = ("is_ascii", "is_utf8")

    def __init__(self, *, is_utf8: bool) -> None:
        self.is_utf8 = is_utf8
        self.is_ascii = True

    def text(self, text: str) -> str:
        """Text of any kind: encoded words for what is not ASCII."""
        if text.isascii() or self._keeps():
            return text
        return _FOREIGN.sub(lambda match: " ".join(encode_words(match[0])), text)

    def host(self, domain: str) -> str:
        """A domain: A-labels."""
        if domain.isascii() or self._keeps():
            return domain
        try:
            return idna.encode(domain, uts46=True).decode("ascii")
        except idna.IDNAError:
            return self.text(domain)

    def parameters(self, parameters: Mapping[str, str]) -> Mapping[str, str]:
        """MIME parameters: those that are not ASCII as RFC 2231 has them."""
        if all(name.isascii() and value.isascii() for name, value in parameters.items()) or self._keeps():
            return parameters
        return dict(self._parameter(name, value) for name, value in parameters.items())

    def _parameter(self, name: str, value: str) -> tuple[str, str]:
        if value.isascii():
            return self.text(name), value
        if "*" in name:
            # Already a piece of RFC 2231's: its quotes and percent signs stay what they are.
            return self.text(name), quote(value, safe=_ATTRIBUTE_CHARACTERS + "%'")
        return f"{self.text(name)}*", "utf-8''" + quote(value, safe=_ATTRIBUTE_CHARACTERS)

    def _keeps(self) -> bool:
        self.is_ascii = False
        return self.is_utf8
