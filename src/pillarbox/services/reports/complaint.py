"""Feedback about a message becomes a record: which domain, address and account of ours it is about.

Sections: RFC 5965 §3; RFC 6591 §3.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from pillarbox.core.clock import utc_date
from pillarbox.datatypes.admin.account import Account
from pillarbox.datatypes.admin.alias import Alias
from pillarbox.datatypes.admin.domain import Domain, domain_of
from pillarbox.datatypes.admin.feedback_report import FeedbackReport
from pillarbox.datatypes.view import View
from pillarbox.formats.message.header import as_addresses, as_message_ids, find
from pillarbox.formats.report.feedback import FeedbackReport as Sent
from pillarbox.services.holder import find_holder
from pillarbox.services.reports import clipped
from pillarbox.services.reports.inbox import Brought
from pillarbox.services.srs import original_sender

_MOST_LABELS = 10


class Complaint(msgspec.Struct, frozen=True):
    """The record as far as it can be made without the directory; `domains` are those that the report names."""

    record: FeedbackReport
    domains: tuple[str, ...]


def complaint(report: Sent, brought: Brought) -> Complaint:
    """What a report comes to; pure."""
    fields, data = brought.structure.root.fields, brought.data
    senders = as_addresses(find(data, fields, "From") or b"")
    ids = as_message_ids(find(data, fields, "Message-ID") or b"") or [""]
    arrived = _arrival(report.arrived_at, brought.received_ms)
    record = FeedbackReport(
        id="",
        reporter=clipped.text(report.reporting_mta or (senders[0].name or senders[0].email if senders else "")),
        reporter_email=clipped.text(senders[0].email if senders else ""),
        sender_domain=brought.sender_domain,
        report_id=clipped.text(ids[0]),
        begins_at=arrived,
        ends_at=arrived,
        received_at=utc_date(brought.received_ms),
        feedback_type=clipped.text(report.feedback_type),
        source_address=clipped.text(report.source_ip),
        incidents=max(1, clipped.count(report.incidents)),
        mail_from=clipped.text(report.original_mail_from),
        recipients=clipped.texts(report.original_rcpt_to),
        author=clipped.text(report.author),
        subject=clipped.text(report.subject),
        message_id=clipped.text(report.message_id),
        reporting_server=clipped.text(report.reporting_mta),
        user_agent=clipped.text(report.user_agent),
        reported_uris=clipped.texts(report.reported_uris),
        auth_failure=clipped.text(report.auth_failure),
        identity_alignment=clipped.text(report.identity_alignment),
        delivery_result=clipped.text(report.delivery_result),
        dkim_domain=clipped.text(report.dkim_domain),
        dkim_selector=clipped.text(report.dkim_selector),
        authentication_results=clipped.texts(report.authentication_results),
        key=clipped.key(brought.sender_domain, report.feedback_type, ids[0], report.message_id),
    )
    return Complaint(record, (*report.reported_domains, report.dkim_domain))


def about_us(view: View, found: Complaint) -> FeedbackReport | None:
    """The record with whom it is about; None if it names nobody here.

    The author counts first, then the reverse-path: that of mail which is sent on for somebody is ours as well.
    """
    record = found.record
    if (sender := original_sender(view, record.mail_from)) is not None:
        record = msgspec.structs.replace(record, sent_on_for=clipped.text(sender))
    for address in (record.author, record.mail_from):
        if (domain := _own_domain(view, address.rpartition("@")[2])) is not None:
            if sender is not None and address == record.mail_from:  # of this server's making, and nobody's
                return msgspec.structs.replace(record, domain=domain.name)
            account = _account(view, address)
            return msgspec.structs.replace(record, domain=domain.name, address=address.lower(), account_id=account)
    for name in found.domains:
        if (domain := _own_domain(view, name)) is not None:
            return msgspec.structs.replace(record, domain=domain.name)
    return None


def _account(view: View, address: str) -> str | None:
    """Whose an address is, if it is one account's."""
    holder = find_holder(view, address)
    named = holder.named if holder is not None else None
    if isinstance(named, Alias):
        return named.targets[0] if len(named.targets) == 1 else None
    return named.id if isinstance(named, Account) else None


def _own_domain(view: View, name: str) -> Domain | None:
    """The domain of ours that a name is, or is below."""
    return next((domain for above in _above(clipped.domain_name(name)) if (domain := domain_of(view, above))), None)


def _above(name: str) -> Iterator[str]:
    labels = name.split(".")
    for start in range(max(0, len(labels) - _MOST_LABELS), len(labels)):
        if above := ".".join(labels[start:]):
            yield above


def _arrival(moment: datetime | None, received_ms: int) -> str:
    """When the message arrived there, as a UTCDate; it was before its report did."""
    if moment is None:
        return utc_date(received_ms)
    ms = int((moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    return utc_date(ms) if 0 <= ms <= received_ms else utc_date(received_ms)
