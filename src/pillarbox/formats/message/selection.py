"""Which parts are the body and which are attachments.

RFC 8621 §4.1.4 (textBody, htmlBody, attachments, hasAttachment), RFC 2046 §5.1, RFC 2387.
"""

import msgspec

from pillarbox.formats.message.body import decode_text
from pillarbox.formats.message.structure import Part

_MEDIA = ("image/", "audio/", "video/")
# Read by the client itself, never offered for download unless they carry a file name of their own.
_AUTOMATIC = frozenset(
    {
        "application/pgp-signature",
        "application/pgp-encrypted",
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
        "message/delivery-status",
        "message/global-delivery-status",
        "message/disposition-notification",
        "message/global-disposition-notification",
        "message/feedback-report",
        "text/rfc822-headers",
        "message/global-headers",
    }
)
_HTML_OCTETS = 1_000_000


class Bodies(msgspec.Struct, frozen=True):
    """The three flat views of a message's parts (RFC 8621 §4.1.4), and the texts of parts that were read already."""

    text_body: list[Part]
    html_body: list[Part]
    attachments: list[Part]
    texts: dict[str, str] = {}


class _Frame:
    """One multipart being walked: what is `null` in the RFC's algorithm is None here."""

    __slots__ = ("html", "html_length", "in_alternative", "index", "kind", "parts", "text", "text_length")

    def __init__(
        self, parts: list[Part], kind: str, text: list[Part] | None, html: list[Part] | None, *, in_alternative: bool
    ) -> None:
        self.parts = parts
        self.kind = kind
        self.in_alternative = in_alternative
        self.text = text
        self.html = html
        self.text_length = -1 if text is None else len(text)
        self.html_length = -1 if html is None else len(html)
        self.index = 0


def select_bodies(root: Part) -> Bodies:
    """Sort a message's parts into text body, HTML body and attachments, by the algorithm of RFC 8621 §4.1.4."""
    text: list[Part] = []
    html: list[Part] = []
    attachments: list[Part] = []
    if not root.is_multipart:
        # The common message without parts needs no walk.
        if _is_inline(root, 0, "mixed"):
            return Bodies([root], [root], [])
        return Bodies([], [], [root])
    frames = [_Frame([root], "mixed", text, html, in_alternative=False)]
    while frames:
        frame = frames[-1]
        if frame.index == len(frame.parts):
            _complete(frame)
            frames.pop()
            continue
        part = frame.parts[frame.index]
        frame.index += 1
        if part.is_multipart:
            kind = part.type.partition("/")[2]
            inside = frame.in_alternative or kind == "alternative"
            frames.append(_Frame(part.sub_parts, kind, frame.text, frame.html, in_alternative=inside))
        elif _is_inline(part, frame.index - 1, frame.kind):
            _place(part, frame, attachments)
        else:
            attachments.append(part)
    return Bodies(text, html, attachments)


def _is_inline(part: Part, index: int, kind: str) -> bool:
    """Whether a part is body rather than attachment.

    "If multipart/related, only the first part can be inline. If a text part with a filename, and not the first item in
    the multipart, assume it is an attachment."
    """
    is_media = part.type.startswith(_MEDIA)
    if part.disposition == "attachment" or not (is_media or part.type in {"text/plain", "text/html"}):
        return False
    return index == 0 or (kind != "related" and (is_media or not part.name))


def _place(part: Part, frame: _Frame, attachments: list[Part]) -> None:
    if frame.kind == "alternative":
        target = {"text/plain": frame.text, "text/html": frame.html}.get(part.type)
        # The list may be closed here (None) by an alternative further out: then nothing else would show the part.
        (attachments if target is None else target).append(part)
        return
    if frame.in_alternative:
        if part.type == "text/plain":
            frame.html = None
        if part.type == "text/html":
            frame.text = None
    if frame.text is not None:
        frame.text.append(part)
    if frame.html is not None:
        frame.html.append(part)
    is_missing = frame.text is None or frame.html is None
    if is_missing and (part.type.startswith(_MEDIA) or (frame.text is None and frame.html is None)):
        attachments.append(part)


def _complete(frame: _Frame) -> None:
    """At the end of an alternative with only one kind of text, that kind serves both bodies."""
    text, html = frame.text, frame.html
    if frame.kind != "alternative" or text is None or html is None:
        return
    if len(text) == frame.text_length and len(html) != frame.html_length:
        text.extend(html[frame.html_length :])
    elif len(html) == frame.html_length and len(text) != frame.text_length:
        html.extend(text[frame.text_length :])


def has_attachment(root: Part, data: bytes | None = None, bodies: Bodies | None = None) -> bool:
    """Whether a client should offer something of the message for download (RFC 8621 §4.1.4, hasAttachment).

    True if an attachment is not `Content-Disposition: inline`. The RFC leaves these to us: an inline document with a
    file name counts (Apple Mail sends PDFs so); signatures and reports that clients read themselves do not, nor an
    invitation that is an alternative of the text; nor, when `data` is given, images that an HTML part shows by `cid:`.
    """
    bodies = bodies or select_bodies(root)
    offered = [part for part in bodies.attachments if _is_offered(part)]
    if not offered or data is None or not any(part.cid for part in offered):
        return bool(offered)
    if not all(part.cid and part.type.startswith("image/") for part in offered):
        return True
    shown = "".join(
        decode_text(data, part, _HTML_OCTETS).value for part in bodies.html_body if part.type == "text/html"
    )
    return not all(f"cid:{part.cid}" in shown for part in offered)


def _is_offered(part: Part) -> bool:
    if part.type in _AUTOMATIC or part.type == "text/calendar":
        return part.disposition == "attachment" or (part.type == "text/calendar" and bool(part.name))
    if part.disposition == "inline":
        return part.name is not None and not part.type.startswith((*_MEDIA, "text/"))
    return True
