"""The message that carries a DMARC aggregate report.

Sections: RFC 9990 §3.5.1, §3.5.2.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from pillarbox.formats.message.build import build_message
from pillarbox.formats.message.draft import Draft, DraftField, DraftPart, Text
from pillarbox.formats.report.dmarc import DmarcReport, pack
from pillarbox.formats.report.dmarc_xml import dmarc_report_to_xml
from pillarbox.formats.report.heading import Heading, common_fields


def dmarc_report_to_bytes(
    report: DmarcReport, heading: Heading, receiver: str, boundary: Callable[[], str], unique_id: str = ""
) -> bytes:
    """The report in gzip as an attachment; `receiver` is our domain. It must be signed, so that DMARC passes for it."""
    domain = report.policy.domain
    fields = [
        *common_fields(heading, subject(report, receiver), ()),
        DraftField("Auto-Submitted", Text("auto-generated")),
    ]
    parts = (
        DraftPart(type="text/plain", content=f"This is a DMARC aggregate report about {domain} from {receiver}.\n"),
        DraftPart(
            type="application/gzip",
            disposition="attachment",
            name=file_name(report, receiver, unique_id),
            content=pack(dmarc_report_to_xml(report)),
        ),
    )
    return build_message(Draft(tuple(fields), DraftPart(type="multipart/mixed", sub_parts=parts)), boundary)


def file_name(report: DmarcReport, receiver: str, unique_id: str = "") -> str:
    """The name of the packed file: receiver ! policy domain ! begin ! end ! id; the same when it is sent again."""
    unique = re.sub("[^A-Za-z0-9]", "", unique_id)
    parts = [receiver, report.policy.domain, str(report.begins_at), str(report.ends_at), *filter(None, [unique])]
    return "!".join(re.sub(r"[^A-Za-z0-9._-]", "_", part) for part in parts) + ".xml.gz"


def subject(report: DmarcReport, receiver: str) -> str:
    """The subject that the RFC prescribes."""
    return f"Report Domain: {report.policy.domain} Submitter: {receiver} Report-ID: <{report.report_id}>"
