"""EmailDelivery: a type without records, whose state moves when an email comes in and at no other change.

RFC 8621 §1.5.
"""

from __future__ import annotations

from pillarbox.datatypes.capability import MAIL
from pillarbox.datatypes.declare import DataType, Record
from pillarbox.datatypes.email.record import Email
from pillarbox.datatypes.view import Transaction


class EmailDelivery(Record, frozen=True, kw_only=True):
    """Nothing but a name: RFC 8621 §1.5: "it only exists as part of the push mechanism"."""


EMAIL_DELIVERY: DataType[EmailDelivery] = DataType(EmailDelivery, letter="y", capability=MAIL, methods=frozenset())


def note_delivery(tx: Transaction, account: str, email: Email) -> None:
    """Move the state for a new email, unless it is a draft: that comes from the user, who need not be told of it."""
    # RFC 8621 §1.5: the state "MUST change whenever a new Email is added to the store, but it SHOULD NOT change upon
    # any other change". Why a draft is no such addition is told in docs/decisions.
    if "$draft" not in email.keywords:
        tx.note(EMAIL_DELIVERY, account)
