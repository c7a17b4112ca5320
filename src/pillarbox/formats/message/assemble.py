"""Arranges a text body, an HTML body and attachments as a tree of parts.

Sections: RFC 8621 §4.1.4, §4.6; RFC 2046 §5.1.4; RFC 2387.
"""

from __future__ import annotations

import msgspec

from pillarbox.formats.message.draft import DraftPart


def assemble(text: DraftPart | None, html: DraftPart | None, attachments: tuple[DraftPart, ...] = ()) -> DraftPart:
    """The tree that reads back as the same textBody, htmlBody and attachments (RFC 8621 §4.6).

    Parts with a cid that are no attachments go beside the HTML that shows them (multipart/related), text and HTML
    become multipart/alternative, and all others follow in multipart/mixed. Without any part the body is empty text.
    """
    embedded = tuple(part for part in attachments if html is not None and _is_embedded(part))
    attached = tuple(part for part in attachments if html is None or not _is_embedded(part))
    if html is not None and embedded:
        html = DraftPart(
            type="multipart/related", parameters=(("type", html.type),), sub_parts=(html, *map(_inline, embedded))
        )
    body = _alternative(text, html)
    if not attached:
        return body or DraftPart(type="text/plain", content="")
    parts = (body,) if body is not None else ()
    return DraftPart(type="multipart/mixed", sub_parts=parts + tuple(map(_attached, attached)))


def _alternative(text: DraftPart | None, html: DraftPart | None) -> DraftPart | None:
    if text is None or html is None:
        return text or html
    # RFC 2046 §5.1.4: "in an order of increasing faithfulness to the original content"
    return DraftPart(type="multipart/alternative", sub_parts=(text, html))


def _is_embedded(part: DraftPart) -> bool:
    return part.cid is not None and part.disposition != "attachment"


def _inline(part: DraftPart) -> DraftPart:
    return part if part.disposition is not None else msgspec.structs.replace(part, disposition="inline")


def _attached(part: DraftPart) -> DraftPart:
    """A part without a disposition could be read as part of the body; as an attachment it cannot (RFC 8621 §4.1.4)."""
    return part if part.disposition is not None else msgspec.structs.replace(part, disposition="attachment")
