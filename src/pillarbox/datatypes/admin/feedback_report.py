"""FeedbackReport: what another server says of one message that came from us, or in our name.

Sections: RFC 5965 §3; RFC 6591 §3; RFC 9991 §4; RFC 6430.
"""

from __future__ import annotations

import msgspec

from pillarbox.datatypes.admin.received_report import ReceivedReport, report_type
from pillarbox.datatypes.declare import DataType, Filter, Sort
from pillarbox.datatypes.mark import Indexed, Reference, ServerSet

AUTH_FAILURE = "auth-failure"


class FeedbackReport(ReceivedReport, frozen=True, kw_only=True):
    """A complaint about a message, or that it failed to prove its author; `feedbackType` says which. All is strangers'.

    `beginsAt` and `endsAt` are when the message arrived there, `incidents` is how many were alike. `address` is the one
    here that it is about, and `accountId` whose that is; "" and null where the report does not name one of ours.
    `sentOnFor` is the sender whose message was only sent on from here, where `mailFrom` is our rewriting of it (SRS).
    """

    feedback_type: ServerSet[str] = ""
    account_id: ServerSet[Reference[Indexed[str | None]]] = None
    address: ServerSet[Indexed[str]] = ""
    source_address: ServerSet[str] = ""
    incidents: ServerSet[int] = 1
    mail_from: ServerSet[str] = ""
    sent_on_for: ServerSet[str] = ""
    recipients: ServerSet[list[str]] = msgspec.field(default_factory=list)
    author: ServerSet[str] = ""
    subject: ServerSet[str] = ""
    message_id: ServerSet[str] = ""
    reporting_server: ServerSet[str] = ""
    user_agent: ServerSet[str] = ""
    reported_uris: ServerSet[list[str]] = msgspec.field(default_factory=list)
    # Of failures of authentication: what failed, which methods did not prove the author, what became of the message.
    auth_failure: ServerSet[str] = ""
    identity_alignment: ServerSet[str] = ""
    delivery_result: ServerSet[str] = ""
    dkim_domain: ServerSet[str] = ""
    dkim_selector: ServerSet[str] = ""
    authentication_results: ServerSet[list[str]] = msgspec.field(default_factory=list)


FEEDBACK_REPORT: DataType[FeedbackReport] = report_type(
    FeedbackReport,
    "o",
    {
        "feedbackType": Filter(str, test=lambda report, kind: report.feedback_type == kind, fixed=True),
        "accountId": Filter(
            str | None, test=lambda report, account: report.account_id == account, reference=True, fixed=True
        ),
        "address": Filter(str, test=lambda report, address: report.address == address, fixed=True),
        "sourceAddress": Filter(str, test=lambda report, address: report.source_address == address, fixed=True),
    },
    {"incidents": Sort(key=lambda report: report.incidents, fixed=True)},
)
