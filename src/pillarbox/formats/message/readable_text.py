"""The words of a text part, as they are indexed, previewed and shown in snippets: HTML without its markup.

RFC 8621 §4.1.4 (preview), §4.4.1 (body), §5.1 (snippets).
"""

from pillarbox.formats.message.body import decode_text
from pillarbox.formats.message.html_text import html_to_text
from pillarbox.formats.message.selection import Bodies
from pillarbox.formats.message.structure import Part


def readable_text(data: bytes, part: Part, max_octets: int, bodies: Bodies | None = None) -> str:
    """The words in about the first `max_octets` of a text part's content.

    What was read whole is kept in `bodies`, so that preview and index do not both decode it.
    """
    key = part.part_id or ""
    if bodies is not None and key in bodies.texts:
        return bodies.texts[key]
    text = decode_text(data, part, max_octets).value
    if part.type == "text/html":
        text = html_to_text(text)
    if bodies is not None and part.size <= max_octets:
        bodies.texts[key] = text
    return text
