"""URLs that carry the right to read what they name (RFC 4467 §2, §3, §9; RFC 5092 §6.1, §11).

`imap://alice%40example.org@mail.example.org/INBOX/;UID=20;EXPIRE=2027-01-01T00:00:00Z;URLAUTH=submit+bob:internal:01...`
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from pillarbox.core.clock import from_date
from pillarbox.wire.imap.message_url import BadUrl, MessageUrl, parse_message_url

INTERNAL = "INTERNAL"
_LONGEST = 16_384
_URL = re.compile(
    r"(imap://([^@/:;?#]+)@([^@/:?#]+)(?::[0-9]{1,5})?(/[^?#]*?)"
    r"(?:/?;EXPIRE=([0-9T:.Z+-]{20,40}))?/?;URLAUTH=(SUBMIT\+|USER\+|AUTHUSER|ANONYMOUS)([^:;/?#]*))"
    r"(?::([A-Z0-9.-]{1,20}):([0-9A-F]{32,256}))?",
    re.IGNORECASE,
)


class Rump(NamedTuple):
    """What is authorised: `text` as it is written, up to the mechanism.

    `owner` is the user whose right to read it is lent, of the URL's host if it names no domain. `kind` is one of
    submit+ user+ authuser anonymous: to whom it is lent; `user` is whom the first two name. `expires_at` is in
    milliseconds, None for never.
    """

    text: str
    owner: str
    message: MessageUrl
    expires_at: int | None
    kind: str
    user: str


class AuthorizedUrl(NamedTuple):
    """A URL that was authorised, or says so."""

    rump: Rump
    mechanism: str  # in upper case
    token: bytes


def parse_rump(text: str) -> Rump:
    """A URL that is to be authorised. Raises BadUrl."""
    rump, mechanism = _parse(text)
    if mechanism is not None:
        raise BadUrl(text)
    return rump


def parse_authorized_url(text: str) -> AuthorizedUrl:
    """A URL with its authorisation. Raises BadUrl."""
    rump, authorised = _parse(text)
    if authorised is None:
        raise BadUrl(text)
    mechanism, token = authorised
    if len(token) % 2:
        raise BadUrl(text)
    return AuthorizedUrl(rump, mechanism.upper(), bytes.fromhex(token))


def _parse(text: str) -> tuple[Rump, tuple[str, str] | None]:
    match = _URL.fullmatch(text) if len(text) <= _LONGEST and text.isascii() else None
    if match is None:
        raise BadUrl(text)
    rump, owner, host, path, expires, kind, user, mechanism, token = match.groups()
    message = parse_message_url(path)
    kind = kind.lower()
    # RFC 4467 §3: submit+ and user+ name somebody, the others do not.
    if message.mailbox is None or kind.endswith("+") != bool(user):
        raise BadUrl(text)
    at = None if expires is None else from_date(expires.upper())  # RFC 3339 §5.6, date-time
    if expires is not None and at is None:
        raise BadUrl(text)
    try:
        named = Rump(rump, _decoded(owner if "%40" in owner else f"{owner}@{host}"), message, at, kind, _decoded(user))
    except UnicodeDecodeError:
        raise BadUrl(text) from None
    return named, None if mechanism is None else (mechanism, token)


def _decoded(text: str) -> str:
    """RFC 5092 §8: what is encoded is UTF-8."""
    return unquote_to_bytes(text).decode("utf-8")
