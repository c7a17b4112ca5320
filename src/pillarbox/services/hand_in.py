"""A message that somebody hands in by SMTP: it goes the way of JMAP's submissions, at once or when its time has come.

Sections: RFC 6409 §8 (what a submission server adds); RFC 4865 §4 (FUTURERELEASE).
"""

from __future__ import annotations

from pillarbox.core.limits import Limits
from pillarbox.datatypes.envelope import Envelope, release_time
from pillarbox.datatypes.outbox import Entry
from pillarbox.datatypes.submission_record import DeliveryStatus
from pillarbox.datatypes.view import Transaction
from pillarbox.services.submission import HELD, Held, Sender


def hand_in(
    tx: Transaction, sender: Sender, account: str, data: bytes, envelope: Envelope, item: str, limits: Limits
) -> dict[str, DeliveryStatus]:
    """Send a message of an account, or keep it in the outbox; each recipient's status, none for one that is kept.

    Raises Fault, as invalidProperties for a time too far away, or RATE_LIMIT.
    """
    at = release_time(envelope, limits, tx.now_ms)
    leaves_at = sender.count(tx, account, envelope)
    if at <= tx.now_ms:
        statuses, _ = sender.send(tx, account, data, envelope, item, leaves_at)
        return statuses
    blob = tx.put_blob(account, data)
    held = Held(envelope.mail_from, envelope.rcpt_to, leaves_at)
    sender.hold(tx, Entry(account, "", at, HELD, item, b"", blob), held)
    return {}
