"""Header fields in the forms of JMAP, from the octets of a field's value.

RFC 8621 §4.1.2 and §4.1.3, RFC 5322 §3.6, RFC 2369, RFC 6532.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Literal, overload

from pillarbox.formats.message import address, comment, date, encoded_word
from pillarbox.formats.message.charset import decode_header_octets
from pillarbox.formats.message.structure import Field

_ANGLED = re.compile(r'<([^<>]*+)>|\(|"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_WHITE = re.compile(r"[ \t\r\n]+")
_MAX_ITEMS = 5000
_ONE_ID = re.compile(r'[ \t\r\n]*+<([^\s<>()"\\]++)>[ \t\r\n]*+\Z')

RAW, TEXT, ADDRESSES, GROUPED_ADDRESSES = "asRaw", "asText", "asAddresses", "asGroupedAddresses"
MESSAGE_IDS, DATE, URLS = "asMessageIds", "asDate", "asURLs"
FORMS = frozenset({RAW, TEXT, ADDRESSES, GROUPED_ADDRESSES, MESSAGE_IDS, DATE, URLS})

_ADDRESS_FIELDS = ("from", "sender", "reply-to", "to", "cc", "bcc")
_FIELDS_OF_FORM: dict[str, frozenset[str]] = {
    TEXT: frozenset({"subject", "comments", "keywords", "list-id"}),
    ADDRESSES: frozenset(_ADDRESS_FIELDS) | {f"resent-{name}" for name in _ADDRESS_FIELDS},
    MESSAGE_IDS: frozenset({"message-id", "in-reply-to", "references", "resent-message-id"}),
    DATE: frozenset({"date", "resent-date"}),
    URLS: frozenset(f"list-{name}" for name in ("help", "unsubscribe", "subscribe", "post", "owner", "archive")),
}
_FIELDS_OF_FORM[GROUPED_ADDRESSES] = _FIELDS_OF_FORM[ADDRESSES]
# List-Id is of RFC 2919, but RFC 8621 names it among the fields that may be asked as text; so does no other form.
_DEFINED = frozenset[str]().union(*_FIELDS_OF_FORM.values()) - {"list-id"} | {"return-path", "received"}


def form_allowed(name: str, form: str) -> bool:
    """Whether a field may be asked in a form ("asText", "asDate" ...; RFC 8621 §4.1.2.1 to §4.1.2.7).

    Any field may in raw form; one that neither RFC 5322 nor RFC 2369 defines in every form.
    """
    if form == RAW:
        return True
    if form not in _FIELDS_OF_FORM:
        return False
    lower = name.lower()
    return lower not in _DEFINED or lower in _FIELDS_OF_FORM[form]


def as_raw(value: bytes) -> str:
    """The value as it stands (RFC 8621 §4.1.2.1): malformed UTF-8 becomes U+FFFD, "any NUL octet MUST be dropped"."""
    return value.decode("utf-8", "replace").replace("\0", "")


def as_text(value: bytes) -> str:
    """The value unfolded, encoded words decoded, in form C (RFC 8621 §4.1.2.2)."""
    text = _unfolded(value).lstrip(" \t")
    return encoded_word.normalise(encoded_word.decode_words(text))


def as_addresses(value: bytes) -> list[address.EmailAddress]:
    """The mailboxes, groups flattened (RFC 8621 §4.1.2.3); at most `address.MAX_ADDRESSES`."""
    return address.parse_addresses(_unfolded(value))


def as_grouped_addresses(value: bytes) -> list[address.EmailAddressGroup]:
    """The mailboxes with their groups (RFC 8621 §4.1.2.4)."""
    return address.parse_groups(_unfolded(value))


def as_message_ids(value: bytes) -> list[str] | None:
    """The message ids without angle brackets (RFC 8621 §4.1.2.5); None if there is none.

    Words around them (RFC 5322 §4.5.4, "Your message of ...") and commas between them are passed over.
    """
    text = _unfolded(value)
    if match := _ONE_ID.match(text):
        return [match[1]]
    return list(_angled(text)) or None


def as_date(value: bytes) -> str | None:
    """The date in RFC 3339 with its offset, such as "2026-11-24T09:15:00+01:00" (RFC 8621 §4.1.2.6)."""
    moment = date.parse_date(_unfolded(value))
    return None if moment is None else date.date_to_rfc3339(moment)


def date_utc(value: bytes) -> str | None:
    """The date in UTC, such as "2026-11-24T08:15:00Z", so that text sorts as time."""
    moment = date.parse_date(_unfolded(value))
    return None if moment is None else date.date_to_utc(moment)


def as_urls(value: bytes) -> list[str] | None:
    """The URLs in angle brackets (RFC 2369 §2, RFC 8621 §4.1.2.7); None if there is none, as in "NO" (§3.4)."""
    return list(_angled(_unfolded(value))) or None


def find_field(fields: Sequence[Field], name: str) -> Field | None:
    """The last field of that name, in any case (RFC 8621 §4.1.3: "the last instance")."""
    lower = name.lower()
    return next((field for field in reversed(fields) if field.name.lower() == lower), None)


@overload
def find(data: bytes, fields: Sequence[Field], name: str, *, all: Literal[True]) -> list[bytes]: ...


@overload
def find(data: bytes, fields: Sequence[Field], name: str, *, all: Literal[False] = False) -> bytes | None: ...


def find(data: bytes, fields: Sequence[Field], name: str, *, all: bool = False) -> list[bytes] | bytes | None:
    """The value octets of the last field of that name, or None; with `all` those of each, in order."""
    if not all:
        field = find_field(fields, name)
        return None if field is None else data[field.value : field.end]
    lower = name.lower()
    return [data[field.value : field.end] for field in fields if field.name.lower() == lower]


def _unfolded(value: bytes) -> str:
    text = decode_header_octets(value)
    if "\n" in text or "\r" in text:
        text = comment.unfold(text)
    return text.replace("\0", "") if "\0" in text else text


def _angled(text: str) -> Iterator[str]:
    """What stands in angle brackets outside of comments and quoted strings, without white space."""
    position = count = 0
    while count < _MAX_ITEMS and (match := _ANGLED.search(text, position)):
        position = match.end()
        if match[0] == "(":
            position = comment.comment_end(text, match.start())
        elif match[1] is not None and (item := match[1] if '"' in match[1] else _WHITE.sub("", match[1])):
            count += 1
            yield item
