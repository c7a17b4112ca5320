"""The line that lists of messages show under the subject.

RFC 8621 §4.1.4 (preview), RFC 3676 §4.3 (signatures), §4.5 (quotes).
"""

import re

from pillarbox.formats.message.readable_text import readable_text
from pillarbox.formats.message.selection import Bodies, select_bodies
from pillarbox.formats.message.structure import Structure

# "This MUST NOT be more than 256 characters in length."
MAX_CHARACTERS = 256
_OCTETS_READ = 65_536
_CHARACTERS_READ = 8192
_MAX_PARTS = 10

_QUOTE = re.compile(r"^[ \t]*[>|][^\n]*\n?", re.MULTILINE)
_COLON_AT_END = re.compile(r":[ \t]*$", re.MULTILINE)
# "On Mon, 2 Sep 2002, Jane Roe wrote:" in languages that are common; the line may be broken in two.
_WROTE = re.compile(
    r"\b(?:wrote|writes|said|says|schrieb|écrit|escribió|scritto|schreef|skrev|escreveu|napisał|kirjoitti|написал[аи]?)\b"
)
_OPENING = re.compile(r"[ \t]*(?:On|At|In|Am|Le|El|Il|Op|Den|Em|W dniu)\b")
_SEPARATOR = re.compile(
    r"^-{2,}[ ]?(?:Original Message|Ursprüngliche Nachricht|Message d'origine|Forwarded [Mm]essage)[ ]?-{2,}[ \t]*$",
    re.MULTILINE,
)
_SIGNATURE = re.compile(r"^--[ ]?$", re.MULTILINE)
_RULE = re.compile(r"([-=_*#~+.])\1{4,}")


def preview(data: bytes, structure: Structure, limit: int = MAX_CHARACTERS, bodies: Bodies | None = None) -> str:
    """A plain text fragment of the message, at most `limit` characters, white space collapsed.

    Quoted lines, the line that introduces them and the signature are left out if anything else remains.
    """
    bodies = bodies or select_bodies(structure.root)
    fallback = ""
    for part in bodies.text_body[:_MAX_PARTS]:
        if not part.type.startswith("text/"):
            continue
        text = readable_text(data, part, _OCTETS_READ, bodies)[:_CHARACTERS_READ]
        fragment = shorten(_own_words(text), limit)
        if fragment:
            return fragment
        fallback = fallback or shorten(text, limit)
    return fallback


def shorten(text: str, limit: int) -> str:
    """The text on one line, ornaments of repeated signs left out, not longer than `limit` characters."""
    text = " ".join(_RULE.sub(" ", text[: limit * 8]).split())
    return text if len(text) <= limit else text[:limit].rstrip()


def _own_words(text: str) -> str:
    if "\n--" in text:
        text = _SEPARATOR.sub("", text)
        signature = _SIGNATURE.search(text)
        text = text[: signature.start()] if signature else text
    if ":" in text:
        text = _without_attribution(text)
    if ">" in text or "|" in text:
        text = _QUOTE.sub("", text)
    return text


def _without_attribution(text: str) -> str:
    """The text without lines that introduce a quote."""
    kept: list[str] = []
    position = 0
    for colon in _COLON_AT_END.finditer(text):
        start = text.rfind("\n", position, colon.start()) + 1 or position
        if not _WROTE.search(text, start, colon.start()):
            continue
        before = text.rfind("\n", position, max(start - 1, position)) + 1 or position
        if not _OPENING.match(text, start, colon.start()) and _OPENING.match(text, before, colon.start()):
            start = before
        kept.append(text[position:start])
        position = colon.end()
    kept.append(text[position:])
    return "".join(kept)
