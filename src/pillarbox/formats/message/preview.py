"""The line that lists of messages show under the subject.

RFC 8621 §4.1.4 (preview), RFC 3676 §4.3 (signatures), §4.5 (quotes).
"""

import re

from pillarbox.formats.message.body import decode_text
from pillarbox.formats.message.html_text import html_to_text
from pillarbox.formats.message.selection import Bodies, select_bodies
from pillarbox.formats.message.structure import Part, Structure

# "This MUST NOT be more than 256 characters in length."
MAX_CHARACTERS = 256
_OCTETS_READ = 8192
_HTML_OCTETS_READ = 65_536
_MAX_PARTS = 10

_QUOTE = re.compile(r"^[ \t]*[>|][^\n]*\n?", re.MULTILINE)
# "On Mon, 2 Sep 2002, Jane Roe wrote:", maybe on two lines, in the languages that are common.
_ATTRIBUTION = re.compile(
    r"^(?:On|Am|Le|El|Il|Op|Den|Em|W dniu|At|In)\b[^\n]{0,200}\n?[^\n]{0,200}?"
    r"\b(?:wrote|writes|schrieb|a écrit|escribió|ha scritto|schreef|skrev|escreveu|napisał|said|says)"
    r"[^\n]{0,80}:[ \t]*$"
    r"|^[^\n]{1,200}\b(?:wrote|writes|schrieb|said):[ \t]*$"
    r"|^-{2,}[ ]?(?:Original Message|Ursprüngliche Nachricht|Message d'origine|Forwarded [Mm]essage)[ ]?-{2,}[ \t]*$",
    re.MULTILINE,
)
_SIGNATURE = re.compile(r"^--[ ]?$", re.MULTILINE)
_RULE = re.compile(r"([-=_*#~+.])\1{4,}")
_WHITE = re.compile(r"\s+")


def preview(data: bytes, structure: Structure, limit: int = MAX_CHARACTERS, bodies: Bodies | None = None) -> str:
    """A plain text fragment of the message, at most `limit` characters, white space collapsed.

    Quoted lines, the line that introduces them and the signature are left out if anything else remains.
    """
    bodies = bodies or select_bodies(structure.root)
    fallback = ""
    for part in bodies.text_body[:_MAX_PARTS]:
        if not part.type.startswith("text/"):
            continue
        text = _readable(data, part)
        fragment = shorten(_own_words(text), limit)
        if fragment:
            return fragment
        fallback = fallback or shorten(text, limit)
    return fallback


def shorten(text: str, limit: int) -> str:
    """The text on one line, ornaments of repeated signs left out, not longer than `limit` characters."""
    text = _WHITE.sub(" ", _RULE.sub(" ", text[: limit * 8])).strip()
    return text if len(text) <= limit else text[:limit].rstrip()


def _readable(data: bytes, part: Part) -> str:
    if part.type == "text/html":
        return html_to_text(decode_text(data, part, _HTML_OCTETS_READ).value)
    return decode_text(data, part, _OCTETS_READ).value


def _own_words(text: str) -> str:
    signature = _SIGNATURE.search(text)
    if signature:
        text = text[: signature.start()]
    if "\n>" in text or text.startswith(">") or ":" in text:
        text = _QUOTE.sub("", _ATTRIBUTION.sub("", text))
    return text
