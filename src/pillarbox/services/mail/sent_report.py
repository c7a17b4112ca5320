"""Notifications and receipts that come back by mail: the submission that they are about says what they tell.

They are delivered like all mail, and then looked at in the same transaction, so that clients hear of both at once.
Sections: RFC 8621 §7, RFC 6522 §3, RFC 3464 §2, RFC 8098 §3.
"""

from __future__ import annotations

from pillarbox.core.faults import Fault
from pillarbox.datatypes.address import same_address_key
from pillarbox.datatypes.email import Email
from pillarbox.datatypes.email.reading import Reading
from pillarbox.datatypes.email_submission import EMAIL_SUBMISSION
from pillarbox.datatypes.submission_record import EmailSubmission, message_key
from pillarbox.datatypes.submission_report import Report, with_dsn, with_mdn
from pillarbox.datatypes.view import Transaction
from pillarbox.formats.report import dsn, mdn
from pillarbox.formats.report.original import first_id, original_id
from pillarbox.services import observed
from pillarbox.services.mail.incoming import Incoming

REPORT = "multipart/report"
_MOST_SENDINGS = 10  # of one message that are looked at, the latest first


def follow_report(tx: Transaction, account: str, incoming: Incoming, reading: Reading, email: Email) -> None:
    """Have the account's submission say what a report tells that was just delivered. What goes wrong is no matter.

    Mail that failed a check of its author is believed nothing.
    """
    if incoming.is_quarantined:
        return
    parts = {part.type for part in reading.structure.root.sub_parts}
    report = Report(email.blob_id, email.size)
    try:
        with tx.savepoint():
            if parts & set(dsn.TYPES):
                _follow_dsn(tx, account, incoming, reading, report)
            elif parts & set(mdn.TYPES):
                _follow_mdn(tx, account, incoming, reading, report)
    except Fault as fault:
        observed.NOT_FOLLOWED.log(account=account, why=fault.kind.value)


def _follow_dsn(tx: Transaction, account: str, incoming: Incoming, reading: Reading, report: Report) -> None:
    # RFC 3464 §2: a notification has the null reverse-path. It is not read before a submission is found, which is a
    # search for one line and a look at an index: only who has got mail of the account can have it do more.
    submissions = [] if incoming.mail_from.email else _sent(tx, account, reading, None)
    found = dsn.read_dsn(reading.data, reading.structure) if submissions else None
    if found is None:
        return
    for submission in submissions:
        if (new := with_dsn(submission, found, report)) is not None:
            tx.write(EMAIL_SUBMISSION, account, submission, new)
            return


def _follow_mdn(tx: Transaction, account: str, incoming: Incoming, reading: Reading, report: Report) -> None:
    authors = reading.listing.from_ or []
    sender = same_address_key(incoming.mail_from.email)
    # RFC 8098 §3: "The envelope sender address (i.e., SMTP MAIL FROM) of the MDN MUST be null". There are mail programs
    # that cannot do that.
    if len(authors) != 1 or sender not in ("", same_address_key(authors[0].email)):
        return
    found = mdn.read_mdn(reading.data, reading.structure)
    if found is None:
        return
    named = (found.original_message_id or "").strip(" <>").encode("utf-8", "replace")
    original = first_id(b"<" + named + b">")
    for submission in _sent(tx, account, reading, original):
        if (new := with_mdn(submission, found, authors[0].email, report)) is not None:
            tx.write(EMAIL_SUBMISSION, account, submission, new)
            return


def _sent(tx: Transaction, account: str, reading: Reading, original: str | None) -> list[EmailSubmission]:
    """The account's submissions of the message that a report is about, the latest first.

    A report that neither names nor encloses it is about the message that it answers.
    """
    original = original or original_id(reading.structure, reading.data)
    ids = [original] if original else (reading.listing.in_reply_to or [])[:1]
    found = tx.find(EMAIL_SUBMISSION, account, "messageKey", [message_key(id) for id in ids])
    latest = sorted((id for _, id in found), reverse=True)[:_MOST_SENDINGS]
    known = tx.get_many(EMAIL_SUBMISSION, account, latest)
    return [known[id] for id in latest if id in known]
