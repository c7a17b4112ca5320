"""Answers to mail while its receiver is away: to people, once in a while, and never so that a machine answers back.

RFC 8621 §8, RFC 3834, RFC 5230 §4.2, §4.5, §4.6.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime

from pillarbox.core.faults import Fault
from pillarbox.datatypes.address import is_address, same_address_key
from pillarbox.datatypes.declare import SINGLETON
from pillarbox.datatypes.envelope import Address
from pillarbox.datatypes.identity import IDENTITY, Identity
from pillarbox.datatypes.vacation_response import VACATION_RESPONSE, VacationResponse
from pillarbox.datatypes.view import Transaction
from pillarbox.formats.message.address import EmailAddress
from pillarbox.formats.message.header import as_addresses, find
from pillarbox.formats.report.vacation import Answer, answer_to_bytes, is_answered
from pillarbox.services import observed
from pillarbox.services.holder import Role, find_holder
from pillarbox.services.mail.incoming import Incoming

_MEMO = "vacation"
_DAY_MS = 86_400_000
_ADDRESSED = ("To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc")
_MOST_ADDRESSEES = 100


def answer_to(tx: Transaction, account: str, incoming: Incoming) -> tuple[bytes, Address] | None:
    """The answer of an account that has just got this message, and whom it is for; None when there is to be none.

    It is to be sent with the null reverse-path (RFC 3834 §3.3).
    """
    sender = incoming.mail_from.email
    if not incoming.may_answer:
        return None
    response = tx.get(VACATION_RESPONSE, account, SINGLETON)
    if response is None or not response.is_due(tx.now_ms) or not is_address(sender):
        return None
    if not is_answered(sender, incoming.reading.data, incoming.reading.structure.root.fields):
        return None
    mine = _mine(tx, account, incoming)
    # RFC 3834 §2: a responder does not answer itself; and whoever only got a blind copy was not written to.
    if mine is None or _is_own(tx, account, sender):
        return None
    name = _handle(sender, response)
    if tx.recall(account, _MEMO, name) is not None:
        return None
    tx.keep_memo(account, _MEMO, name, "", tx.now_ms + tx.limits.vacation_days * _DAY_MS)
    return _build(tx, account, incoming, response, mine), Address(sender)


def failed(account: str, fault: Fault) -> None:
    """An answer could not be sent, which changes nothing for the message that it was for."""
    observed.NOT_ANSWERED.log(account=account, why=fault.kind.value)


def _build(tx: Transaction, account: str, incoming: Incoming, response: VacationResponse, mine: str) -> bytes:
    identity = _identity(tx, account, mine)
    domain = identity.email.rpartition("@")[2]
    seen = incoming.reading.listing
    answer = Answer(
        sender=EmailAddress(identity.name or None, identity.email),
        recipient=EmailAddress(None, incoming.mail_from.email),
        sent_at=datetime.fromtimestamp(tx.now_ms / 1000, UTC),
        message_id=f"{secrets.token_hex(16)}@{domain}",
        subject=response.subject,
        text=response.text_body,
        html=response.html_body,
        original_subject=seen.subject or "",
        original_id=tuple(seen.message_id or ())[:1],
        references=tuple(seen.references or ()) or tuple(seen.in_reply_to or ())[:1],
    )
    return answer_to_bytes(answer, lambda: secrets.token_hex(16))


def _mine(tx: Transaction, account: str, incoming: Incoming) -> str | None:
    """The address of the account that the header names (RFC 5230 §4.5), as its author wrote it."""
    known = {same_address_key(identity.email) for identity in tx.all(IDENTITY, account)}
    for address in _addressees(incoming):
        if same_address_key(address) in known or _is_own(tx, account, address):
            return address
    return None


def _addressees(incoming: Incoming) -> list[str]:
    data, fields = incoming.reading.data, incoming.reading.structure.root.fields
    values = [value for name in _ADDRESSED for value in find(data, fields, name, all=True)]
    return [address.email for value in values for address in as_addresses(value)][:_MOST_ADDRESSEES]


def _is_own(tx: Transaction, account: str, address: str) -> bool:
    """Whether mail for the address is the account's alone or as a target of an alias, and not a list's or caught."""
    holder = find_holder(tx, address)
    if holder is None or holder.role is not Role.ITSELF or holder.is_catch_all or holder.named is None:
        return False
    return holder.named.id == account or account in getattr(holder.named, "targets", ())


def _identity(tx: Transaction, account: str, mine: str) -> Identity:
    """Whom the answer is from: the identity of the address that was written to, or the one of the account's own."""
    identities = tx.all(IDENTITY, account)
    wanted = same_address_key(mine)
    named = (identity for identity in identities if same_address_key(identity.email) == wanted)
    own = (identity for identity in identities if not identity.may_delete)
    return next(named, None) or next(own, None) or Identity(email=mine)


def _handle(sender: str, response: VacationResponse) -> str:
    """What an answer is remembered by: who got it, and what it said (RFC 5230 §4.2), for then they may get another."""
    said = (same_address_key(sender), response.subject or "", response.text_body or "", response.html_body or "")
    return hashlib.blake2b("\0".join(said).encode("utf-8", "replace"), digest_size=15).hexdigest()
