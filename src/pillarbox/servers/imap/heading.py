"""What SEARCH, SORT and THREAD look at in the header of a message: from the fixed part in which it was stored."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pillarbox.datatypes.email.declaration import EMAIL
from pillarbox.datatypes.view import View
from pillarbox.formats.message.address import EmailAddress


class Heading(msgspec.Struct, rename="camel", gc=False):
    """Fields of the listing; None for one that is not there."""

    message_id: list[str] | None = None
    in_reply_to: list[str] | None = None
    references: list[str] | None = None
    sender: list[EmailAddress] | None = None
    from_: list[EmailAddress] | None = msgspec.field(default=None, name="from")
    to: list[EmailAddress] | None = None
    cc: list[EmailAddress] | None = None
    bcc: list[EmailAddress] | None = None
    reply_to: list[EmailAddress] | None = None
    subject: str | None = None
    sent_at: str | None = None
    groups: dict[str, list[tuple[int, str]]] | None = None


NOTHING = Heading()
_decode = msgspec.json.Decoder(Heading).decode


def headings(view: View, account: str, items: Sequence[str]) -> list[Heading]:
    """The headings of emails by id, in their order; an empty one for an email that is gone."""
    parts = view.parts(EMAIL, account, items, "listing")
    return [_decode(part) if (part := parts.get(item)) is not None else NOTHING for item in items]
