"""A message is posted to a mailing list: whether it may be, and the copies that members get.

RFC 5321 §3.9.2 (the reverse-path of a list), RFC 2369, RFC 2919 §8 (loops), RFC 3834 §2 (answers of machines).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from pillarbox.core.account import DIRECTORY
from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.address import same_address_key
from pillarbox.datatypes.admin.account import Account
from pillarbox.datatypes.admin.alias import Alias
from pillarbox.datatypes.admin.mailing_list import BOUNCES, OWNER, MailingList
from pillarbox.datatypes.email.reading import Reading, read_message
from pillarbox.datatypes.envelope import Address
from pillarbox.datatypes.view import View
from pillarbox.formats.message.header import as_addresses, as_text, find
from pillarbox.formats.message.list_header import ListHeading, delivered_to, list_fields, without_list_fields
from pillarbox.formats.message.outgoing import with_return_path
from pillarbox.formats.message.scan import scan
from pillarbox.services.holder import find_holder
from pillarbox.services.mail.incoming import Incoming, leaving_data
from pillarbox.services.mail.send_on import has_passed
from pillarbox.services.queue import Outgoing
from pillarbox.services.recipient import Posting

_PASSED_ON = frozenset({"BODY", "SMTPUTF8"})  # what is about the octets; the rest is the author's, who hears nothing


def prepare(incoming: Incoming) -> Incoming:
    """The same, with what lists make of the message, which takes as long as reading it: before the transaction."""
    postings = [posting for to in incoming.recipients for posting in _all(to.found.postings)]
    if not postings:
        return incoming
    readings = dict(incoming.list_readings)
    for to in incoming.recipients:
        _read(incoming, to.found.postings, readings)
    return msgspec.structs.replace(incoming, list_readings=readings)


def may_post(view: View, incoming: Incoming, posting: Posting) -> Fault | None:
    """Why a message is not for the list, or None."""
    one, reading = posting.list, incoming.reading
    fields = reading.structure.root.fields
    # RFC 3834 §2: answers of machines are not for lists, and neither are bounces: these go to its other address.
    answers = (as_text(value).strip().lower() for value in find(reading.data, fields, "Auto-Submitted", all=True))
    if not incoming.mail_from.email or any(answer.startswith("auto-replied") for answer in answers):
        return Fault(Kind.FORBIDDEN, "bounces and automatic answers are not posted to a list")
    if one.posting == "anyone":
        return None
    authors = [a.email for value in find(reading.data, fields, "From", all=True) for a in as_addresses(value)]
    if len(authors) != 1 or incoming.is_quarantined or not _is_member(view, one, authors[0]):
        return Fault(Kind.FORBIDDEN, "this list takes mail of its members only")
    return None


def has_been_posted(incoming: Incoming, one: MailingList) -> bool:
    """Whether the message has come out of this list and comes back."""
    fields = incoming.reading.structure.root.fields
    ids = find(incoming.reading.data, fields, "List-Id", all=True)
    return any(as_text(id).rstrip().lower().endswith(f"<{one.list_id}>") for id in ids) or has_passed(
        incoming, one.address
    )


def copies(incoming: Incoming, postings: Sequence[Posting]) -> Iterator[tuple[Posting, Reading, Outgoing]]:
    """For each list, those inside of others too: what its members here get, and what leaves for those elsewhere."""
    readings = dict(incoming.list_readings)
    _read(incoming, postings, readings)
    given = incoming.mail_from.parameters or {}
    parameters = {name: value for name, value in given.items() if name.upper() in _PASSED_ON}
    for posting in _all(postings):
        reading = readings[posting.list.id]
        outgoing = Outgoing(
            account=DIRECTORY,
            data=reading.data[reading.data.find(b"\n") + 1 :],
            mail_from=Address(posting.list.role_address(BOUNCES), parameters or None),
            recipients=[Address(forward.address) for forward in posting.forwards],
            item=incoming.id,
            origin="list",
            require_tls=incoming.require_tls,
        )
        yield posting, reading, outgoing


def _all(postings: Sequence[Posting]) -> Iterator[Posting]:
    for posting in postings:
        yield posting
        yield from _all(posting.postings)


def _read(incoming: Incoming, postings: Sequence[Posting], readings: dict[str, Reading]) -> None:
    for posting in _all(postings):
        if posting.list.id not in readings:
            readings[posting.list.id] = read_message(_list_copy(incoming, posting.list))


def _list_copy(incoming: Incoming, one: MailingList) -> bytes:
    """The message as the list sends it, with the Return-Path that members find (RFC 5321 §3.9.2)."""
    data = leaving_data(incoming)
    heading = ListHeading(one.list_id, one.name, one.address, one.role_address(OWNER), one.posting != "owners")
    # RFC 5321 §3.9.2: "the return address in the envelope (MAIL FROM) MUST be changed to be the address of a person or
    # other entity who administers the list."
    data = delivered_to(one.address) + list_fields(heading) + incoming.seal + without_list_fields(data, scan(data))
    return with_return_path(data, one.role_address(BOUNCES))


def _is_member(view: View, one: MailingList, author: str) -> bool:
    accounts = {*one.owners} if one.posting == "owners" else {*one.owners, *one.members}
    holder = find_holder(view, author)
    named = holder.named if holder is not None else None
    if isinstance(named, Account) and named.id in accounts:
        return True
    if isinstance(named, Alias) and accounts & set(named.targets):
        return True
    return one.posting == "members" and same_address_key(author) in {
        same_address_key(address) for address in one.member_addresses
    }
