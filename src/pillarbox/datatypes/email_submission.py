"""EmailSubmission: a message on its way to its recipients (RFC 8621 §7)."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from pillarbox.core.clock import from_date, utc_date
from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.capability import SUBMISSION
from pillarbox.datatypes.declare import CHANGES, GET, QUERY, QUERY_CHANGES, SET, DataType, Filter, Sort
from pillarbox.datatypes.submission_record import EmailSubmission
from pillarbox.datatypes.submission_rules import SubmissionRules

UtcDate = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$")]  # RFC 8620 §1.4


def _date(value: str) -> str:
    """A date as `sendAt` spells it, so that text compares as time."""
    found = from_date(value)
    if found is None:
        raise Fault(Kind.INVALID_ARGUMENTS, f"{value!r} is not a UTCDate", arguments=["filter"])
    return utc_date(-(-found // 1000) * 1000)


def _one_of(attribute: str) -> Filter:
    return Filter(list[str], test=lambda submission, ids: getattr(submission, attribute) in ids)


def _plain(attribute: str) -> Sort:
    return Sort(key=lambda submission: getattr(submission, attribute))


RULES = SubmissionRules()
EMAIL_SUBMISSION: DataType[Any] = DataType(
    EmailSubmission,
    letter="s",
    capability=SUBMISSION,
    methods=frozenset({GET, CHANGES, SET, QUERY, QUERY_CHANGES}),
    rules=RULES,
    filters={
        "identityIds": _one_of("identity_id"),
        "emailIds": _one_of("email_id"),
        "threadIds": _one_of("thread_id"),
        "undoStatus": Filter(str, test=lambda submission, status: submission.undo_status == status),
        "before": Filter(UtcDate, test=lambda submission, date: submission.send_at < _date(date)),
        "after": Filter(UtcDate, test=lambda submission, date: submission.send_at >= _date(date)),
    },
    # RFC 8621 §7.3 names the last one sentAt; the property is sendAt.
    sorts={
        "emailId": _plain("email_id"),
        "threadId": _plain("thread_id"),
        "sentAt": _plain("send_at"),
        "sendAt": _plain("send_at"),
    },
)
