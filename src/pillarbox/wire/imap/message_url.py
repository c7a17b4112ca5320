"""URLs that name a message, or a part of one, on the server that they are said to.

RFC 4469 §3; RFC 5092 §6, §7.2, §11.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from pillarbox.wire.imap.fetch_item import Section
from pillarbox.wire.imap.fetch_syntax import section_of
from pillarbox.wire.imap.mailbox_name import BadName, parse_name
from pillarbox.wire.imap.refusal import Refused

_LONGEST = 16_384
_MOST = 2**32 - 1
_NUMBER = r"([1-9][0-9]{0,9})"
# "/INBOX;UIDVALIDITY=785/;UID=20/;SECTION=1.2/;PARTIAL=0.1024", or of the selected mailbox "/;UID=20" and ";UID=20".
_URL = re.compile(
    rf"/?([^;?#]*?)(?:;UIDVALIDITY={_NUMBER})?(?:/|\A/?);UID={_NUMBER}"
    r"(?:/?;SECTION=([^;?#]+?))?(?:/?;PARTIAL=([0-9]{1,18})(?:\.([1-9][0-9]{0,17}))?)?",
    re.IGNORECASE,
)

_ELSEWHERE = re.compile(r"//|[a-z][a-z0-9+.-]*:", re.IGNORECASE)  # it names a server


class BadUrl(ValueError):
    """It is no URL of a message here."""


class MessageUrl(NamedTuple):
    """What a URL names; `mailbox` is None for the selected one, `uid_validity` None when it does not say."""

    mailbox: str | None
    uid_validity: int | None
    uid: int
    section: Section


def parse_message_url(text: str) -> MessageUrl:
    """The message, or its part, that a relative URL names. Raises BadUrl, also for one that names a server."""
    match = _URL.fullmatch(text) if len(text) <= _LONGEST and text.isascii() else None
    if match is None or _ELSEWHERE.match(text):
        raise BadUrl(text)
    mailbox, validity, uid, section, start, count = match.groups()
    numbers = [int(number) for number in (validity, uid) if number is not None]
    if max(numbers) > _MOST:
        raise BadUrl(text)
    partial = None if start is None else (int(start), int(count) if count is not None else _MOST)
    try:
        name = parse_name(_decoded(mailbox), is_utf8=True) if mailbox else None
        found = section_of(_decoded(section or ""), partial)
    except (BadName, Refused, UnicodeDecodeError):
        raise BadUrl(text) from None
    return MessageUrl(name, int(validity) if validity is not None else None, int(uid), found)


def _decoded(text: str) -> str:
    """RFC 5092 §8: what is encoded is UTF-8."""
    return unquote_to_bytes(text).decode("utf-8")
