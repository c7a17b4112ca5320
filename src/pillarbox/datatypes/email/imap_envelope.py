"""The envelope that IMAP shows of a message, from its header fields (RFC 9051 §7.5.2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from pillarbox.datatypes.email.imap_spelling import Spelling, header_text
from pillarbox.formats.message.address import EmailAddress, parse_raw_groups
from pillarbox.formats.message.comment import unquote_pairs
from pillarbox.formats.message.listing import Listing
from pillarbox.formats.message.structure import Field
from pillarbox.wire.imap import envelope as printed
from pillarbox.wire.imap.response import NIL

_DESTINATIONS = frozenset({"to", "cc", "bcc"})
_TEXTS = ("date", "subject", "in-reply-to", "message-id")
_ADDRESSED = ("from", "sender", "reply-to", "to", "cc", "bcc")
_NOTHING_READ = (None,) * len(_ADDRESSED)
_SHOWN = frozenset({*_TEXTS, *_ADDRESSED})
_MAX_COMBINED = 100
_REMEMBERED_OCTETS = 300  # of the field that an address stands in, lest one sender fills the memory


def show_envelope(data: bytes, fields: Sequence[Field], spelling: Spelling, listed: Listing | None = None) -> str:
    """The envelope; `listed` spares reading most addresses again."""
    values, is_combined = _values(data, fields)
    read = _read(listed) if listed is not None and not is_combined else _NOTHING_READ
    date, subject, in_reply_to, message_id = [
        spelling.text(header_text(values[name])) if name in values else None for name in _TEXTS
    ]
    from_, sender, reply_to, to, cc, bcc = [
        _addresses(values[name], spelling, known) if name in values else NIL
        for name, known in zip(_ADDRESSED, read, strict=True)
    ]
    return printed.envelope(
        printed.Envelope(date, subject, from_, sender, reply_to, to, cc, bcc, in_reply_to, message_id)
    )


def _read(listed: Listing) -> Sequence[Sequence[EmailAddress] | None]:
    return listed.from_, listed.sender, listed.reply_to, listed.to, listed.cc, listed.bcc


def _values(data: bytes, fields: Sequence[Field]) -> tuple[dict[str, bytes], bool]:
    """The values by lower-case name, and whether lists were combined.

    Of a field that stands twice the last counts, as everywhere here (RFC 8621 §4.1.3). But of destination fields "the
    address list ... is combined with the address lists of the subsequent occurrences" (RFC 5322 §4.5.3).
    """
    values: dict[str, bytes] = {}
    earlier: dict[str, list[bytes]] = {}
    for field in fields:
        if (name := field.name.lower()) in _SHOWN:
            if name in values and name in _DESTINATIONS:
                earlier.setdefault(name, []).append(values[name])
            values[name] = data[field.value : field.end]
    for name, lists in earlier.items():
        values[name] = b",".join([*lists[:_MAX_COMBINED], values[name]])
    return values, bool(earlier)


def _addresses(value: bytes, spelling: Spelling, read: Sequence[EmailAddress] | None) -> str:
    # Without encoded words, groups and routes JMAP's reading of a field is IMAP's as well.
    if read is not None and value.isascii() and b"=?" not in value and b":" not in value:
        if len(value) <= _REMEMBERED_OCTETS:
            return printed.addresses(map(_plain_address, read))
        return printed.addresses(printed.address(_address(one, spelling)) for one in read)
    return printed.addresses(map(printed.address, _grouped(value, spelling)))


def _grouped(value: bytes, spelling: Spelling) -> Iterator[printed.Address]:
    for group in parse_raw_groups(header_text(value)):
        if group.name is not None:
            yield printed.Address(None, spelling.text(group.name), None)
        for address in group.addresses:
            yield _address(address, spelling)
        if group.name is not None:
            yield printed.END_OF_GROUP


@lru_cache(maxsize=4096)
def _plain_address(address: EmailAddress) -> str:
    """An address in ASCII; the same few stand in most mail of an account."""
    return printed.address(_address(address, Spelling(is_utf8=True)))


def _address(address: EmailAddress, spelling: Spelling) -> printed.Address:
    name, spec = address.name, address.email
    route = None
    if spec.startswith("@"):
        before, colon, after = spec.rpartition(":")
        route, spec = (spelling.text(before), after) if colon else (None, spec)
    mailbox, at, host = spec.rpartition("@")
    if not at:
        # NIL would mean a group.
        mailbox, host = spec, ""
    if mailbox.startswith('"'):
        # "addr-mailbox ... holds [RFC5322] local-part after removing [RFC5322] quoting"
        mailbox = unquote_pairs(mailbox[1:].removesuffix('"'))
    shown_name = None if name is None else spelling.text(name)
    return printed.Address(shown_name, spelling.text(mailbox), spelling.host(host), route)
