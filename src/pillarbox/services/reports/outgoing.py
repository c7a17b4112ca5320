"""The reports that we send: made of what was counted on a day, queued once for each domain and day.

They leave with the null reverse-path: nobody answers a report, and one that comes back would be the next one's cause.
Sections: RFC 9990 §3, §3.5; RFC 8460 §4.4, §5.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from pillarbox.core.account import DIRECTORY
from pillarbox.core.clock import utc_date
from pillarbox.datatypes.admin.domain import DOMAIN, domain_of
from pillarbox.datatypes.envelope import Address
from pillarbox.datatypes.view import View
from pillarbox.formats.mailauth.dmarc_record import Destination
from pillarbox.formats.message.address import EmailAddress
from pillarbox.formats.report.dmarc import DmarcReport, PublishedPolicy, pack
from pillarbox.formats.report.dmarc_message import dmarc_report_to_bytes
from pillarbox.formats.report.heading import Heading
from pillarbox.formats.report.tls import (
    DateRange,
    Failure,
    PolicyResult,
    Summary,
    TlsPolicy,
    TlsReport,
    tls_report_to_bytes,
    tls_report_to_json,
)
from pillarbox.formats.report.tls_record import TlsDestinations
from pillarbox.services.queue import Outgoing, enqueue
from pillarbox.services.reports.counts import DAY_MS, DMARC, TLS, decode_dmarc, decode_tls, note_sent, was_sent
from pillarbox.storage.report_count import Counted
from pillarbox.storage.transaction import Transaction

_DAY = DAY_MS // 1000


class Letter(msgspec.Struct, frozen=True):
    """A message to an address."""

    address: str
    data: bytes


class Occasion(msgspec.Struct, frozen=True, kw_only=True):
    """What a report is about, and who sends it: an address of a domain of ours, so that it is signed."""

    kind: str
    day: int
    domain: str
    sender: str

    @property
    def host(self) -> str:
        """Our domain."""
        return self.sender.rpartition("@")[2]

    @property
    def id(self) -> str:
        """The same whoever makes the report: a report that were sent twice would be known."""
        words = "\0".join((self.kind, str(self.day), self.domain, self.sender))
        return hashlib.sha256(words.encode()).hexdigest()[:24]


def sender_of(view: View, wanted: str | None, hostname: str) -> str | None:
    """The address that reports come from: the wanted one, or postmaster at the host's domain, or at our first one."""
    if wanted:
        return wanted
    name = hostname
    while name:
        if (domain := domain_of(view, name)) is not None and domain.is_enabled:
            return f"postmaster@{name}"
        name = name.partition(".")[2]
    names = sorted(domain.name for domain in view.all(DOMAIN, DIRECTORY) if domain.is_enabled)
    return f"postmaster@{names[0]}" if names else None


def are_elsewhere(view: View, addresses: Sequence[str]) -> set[str]:
    """Those of the addresses that are not in a domain of ours: to ourselves nobody has to report."""
    return {address for address in addresses if domain_of(view, address.rpartition("@")[2].lower()) is None}


def dmarc_report(occasion: Occasion, counted: Sequence[Counted]) -> DmarcReport:
    """The report; a policy that changed during the day is told as it was for the most messages."""
    policies = Counter[PublishedPolicy]()
    rows = []
    for each in counted:
        what = decode_dmarc(each.what)
        policies[what.policy] += each.total
        rows.append(msgspec.structs.replace(what.row, count=each.total))
    return DmarcReport(
        organization=occasion.host,
        email=occasion.sender,
        report_id=f"{occasion.id}@{occasion.host}",
        begins_at=occasion.day * _DAY,
        ends_at=(occasion.day + 1) * _DAY - 1,
        policy=policies.most_common(1)[0][0],
        rows=tuple(rows),
        generator="Pillarbox",
        version="1.0",
    )


def dmarc_letters(
    occasion: Occasion, counted: Sequence[Counted], destinations: Sequence[Destination], now_ms: int
) -> list[Letter]:
    """The messages, one for each address, so small as it wants them: the rarest rows are left out. For a thread."""
    report = dmarc_report(occasion, counted)
    letters = []
    for to in destinations:
        data = _dmarc_data(occasion, report, to, now_ms)
        if data is not None:
            letters.append(Letter(to.address, data))
    return letters


def _dmarc_data(occasion: Occasion, report: DmarcReport, to: Destination, now_ms: int) -> bytes | None:
    while True:
        heading = _heading(occasion, to.address, now_ms)
        data = dmarc_report_to_bytes(report, heading, occasion.host, lambda: occasion.id, occasion.id)
        if to.max_size is None or len(data) <= to.max_size:
            return data
        if len(report.rows) < 2:
            return None
        report = msgspec.structs.replace(report, rows=report.rows[: len(report.rows) // 2])


def tls_report(occasion: Occasion, counted: Sequence[Counted], sts: Sequence[str]) -> TlsReport:
    """The report. `sts` is the domain's MTA-STS policy in lines, as far as it is known."""
    successes: Counter[str] = Counter()
    failures: dict[str, list[Failure]] = defaultdict(list)
    for each in counted:
        what = decode_tls(each.what)
        failures.setdefault(what.source, [])
        if not what.result:
            successes[what.source] += each.total
            continue
        failure = Failure(
            result_type=what.result,
            receiving_mx_hostname=what.host,
            receiving_ip=what.address,
            failed_session_count=each.total,
        )
        failures[what.source].append(failure)
    begins = occasion.day * DAY_MS
    return TlsReport(
        organization_name=occasion.host,
        date_range=DateRange(utc_date(begins), utc_date(begins + DAY_MS - 1000)),
        contact_info=occasion.sender,
        report_id=f"{occasion.id}@{occasion.host}",
        policies=[
            PolicyResult(
                _tls_policy(source, occasion.domain, sts),
                Summary(successes[source], sum(failure.failed_session_count for failure in found)),
                found,
            )
            for source, found in failures.items()
        ],
    )


def tls_letters(occasion: Occasion, report: TlsReport, to: TlsDestinations, now_ms: int) -> list[Letter]:
    """The messages, one for each address. For a thread."""
    return [
        Letter(
            address,
            tls_report_to_bytes(
                report, _heading(occasion, address, now_ms), occasion.host, occasion.domain, lambda: occasion.id
            ),
        )
        for address in to.addresses
    ]


def tls_body(report: TlsReport) -> bytes:
    """What is posted to a URL, of type application/tlsrpt+gzip (RFC 8460 §5.4)."""
    return pack(tls_report_to_json(report))


def queue_report(tx: Transaction, occasion: Occasion, letters: Sequence[Letter]) -> bool:
    """Queue a report; False if it has left before, by another node or before a restart."""
    tx.lock(DIRECTORY)  # two nodes do this one after the other
    is_new = not was_sent(tx, DIRECTORY, occasion.kind, occasion.day, occasion.domain)
    for letter in letters if is_new else ():
        enqueue(tx, outgoing(letter))
    note_sent(tx, DIRECTORY, occasion.kind, occasion.day, occasion.domain)
    return is_new


def outgoing(letter: Letter) -> Outgoing:
    """A report for the queue."""
    to = Address(letter.address, {"NOTIFY": "NEVER"})
    return Outgoing(account=DIRECTORY, data=letter.data, mail_from=Address(""), recipients=[to], origin="report")


def _tls_policy(source: str, domain: str, sts: Sequence[str]) -> TlsPolicy:
    if source != "sts":
        return TlsPolicy(policy_type=source, policy_domain=domain)
    hosts = [line.partition(":")[2].strip() for line in sts if line.lower().startswith("mx:")]
    return TlsPolicy(policy_type=source, policy_domain=domain, policy_string=list(sts), mx_host=hosts)


def _heading(occasion: Occasion, address: str, now_ms: int) -> Heading:
    return Heading(
        EmailAddress(None, occasion.sender),
        EmailAddress(None, address),
        datetime.fromtimestamp(now_ms / 1000, UTC),
        f"{occasion.id}@{occasion.host}",
    )


KINDS = (DMARC, TLS)
