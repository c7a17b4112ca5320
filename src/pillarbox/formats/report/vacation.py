"""The answer of somebody who is away, and the messages that get none.

Sections: RFC 3834 §2, §3, §5; RFC 5230 §4.5, §4.6, §5; RFC 8621 §8.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from pillarbox.formats.message.address import EmailAddress
from pillarbox.formats.message.assemble import assemble
from pillarbox.formats.message.build import build_message
from pillarbox.formats.message.draft import Addresses, Date, Draft, DraftField, DraftPart, MessageIds, Text
from pillarbox.formats.message.header import as_text, find
from pillarbox.formats.message.html_text import html_to_text
from pillarbox.formats.message.structure import Field

_DEFAULT_TEXT = "I am away and will read your message when I am back.\n"
_MAX_SUBJECT, _MAX_REFERENCES = 200, 20
# RFC 3834 §2, RFC 5230 §4.6: addresses behind which there is nobody who would read an answer.
_NOBODY = re.compile(
    r"(?:owner-.*|.*[-+](?:owner|request|bounces?|relay|errors?|return|confirm)(?:[-+=].*)?|bounces?(?:[-+=].*)?"
    r"|mailer[-_.]?daemon|postmaster|listserv|majordomo|srs[01][=+-].*|prvs=.*"
    r"|(?:.*[-_.+])?(?:no|do[-_.]?not)[-_.]?reply(?:[-_.+].*)?)\Z",
    re.IGNORECASE | re.DOTALL,
)
_MACHINES = frozenset({"bulk", "list", "junk"})
_SUPPRESSED = frozenset({"all", "oof", "autoreply"})


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What goes into an answer; ids without angle brackets."""

    sender: EmailAddress
    recipient: EmailAddress
    sent_at: datetime
    message_id: str
    subject: str | None
    text: str | None
    html: str | None
    original_subject: str
    original_id: tuple[str, ...]
    references: tuple[str, ...]


def is_answered(sender: str, data: bytes, fields: Sequence[Field]) -> bool:
    """Whether a message of this reverse-path is one that a person sent, and that a person awaits an answer to."""
    if not sender or _NOBODY.match(sender.rpartition("@")[0]):
        return False
    names = {field.name.lower() for field in fields}
    # RFC 3834 §2: "personal and group responses ... SHOULD NOT be issued in response to" mail of lists.
    if any(name.startswith("list-") for name in names) or "feedback-id" in names:
        return False

    def words(name: str) -> set[str]:
        if name not in names:
            return set()
        values = find(data, fields, name, all=True)
        return {word for value in values for word in re.split(r"[\s,;(]+", as_text(value).lower()) if word}

    if (automatic := words("auto-submitted")) and "no" not in automatic:
        return False
    if words("precedence") & _MACHINES or words("x-auto-response-suppress") & _SUPPRESSED:
        return False
    kind = as_text(find(data, fields, "Content-Type") or b"").lower().lstrip()
    return not kind.startswith("multipart/report")


def answer_to_bytes(answer: Answer, boundary: Callable[[], str]) -> bytes:
    """The answer as a message, to be sent with the null reverse-path (RFC 3834 §3.3)."""
    # RFC 3834 §3.1.5: the subject says that it is automatic, for those whose programs do not.
    subject = answer.subject or f"Auto: {answer.original_subject[:_MAX_SUBJECT]}".strip()
    references = [*answer.references[-_MAX_REFERENCES:], *answer.original_id]
    fields = [
        DraftField("From", Addresses((answer.sender,))),
        DraftField("To", Addresses((answer.recipient,))),
        DraftField("Subject", Text(subject)),
        DraftField("Date", Date(answer.sent_at)),
        DraftField("Message-ID", MessageIds((answer.message_id,))),
    ]
    if answer.original_id:
        fields.append(DraftField("In-Reply-To", MessageIds(answer.original_id)))
        fields.append(DraftField("References", MessageIds(references)))
    # RFC 3834 §5.2: "The auto-replied keyword ... MUST be used" by what answers a message.
    fields.append(DraftField("Auto-Submitted", Text("auto-replied")))
    fields.append(DraftField("X-Auto-Response-Suppress", Text("All")))
    return build_message(Draft(tuple(fields), _body(answer)), boundary)


def _body(answer: Answer) -> DraftPart:
    text = answer.text if answer.text is not None else html_to_text(answer.html) if answer.html else _DEFAULT_TEXT
    plain = DraftPart(type="text/plain", content=text)
    rich = DraftPart(type="text/html", content=answer.html) if answer.html else None
    return assemble(plain, rich)
