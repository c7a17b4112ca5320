"""Finds out whether a message carries a report about mail, and reads it.

Sections: RFC 9990 §3.5.2; RFC 8460 §5.1 to §5.3; RFC 5965 §2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeAlias

from pillarbox.formats.message.body import decode_octets
from pillarbox.formats.message.header import as_text, find
from pillarbox.formats.message.structure import Part, Structure
from pillarbox.formats.report.compressed import RefusedReport, report_octets
from pillarbox.formats.report.dmarc import DmarcReport
from pillarbox.formats.report.dmarc_xml import parse_dmarc_report
from pillarbox.formats.report.feedback import TYPE, FeedbackReport, parse_feedback
from pillarbox.formats.report.tls import TlsReport, parse_tls_report

Report: TypeAlias = DmarcReport | TlsReport | FeedbackReport

MAX_PARTS = 5
# As it stands in the message, packed.
MAX_OCTETS = 10 * 1024 * 1024

_TLS_TYPES = frozenset({"application/tlsrpt+gzip", "application/tlsrpt+json"})
_FILE_TYPES = frozenset(
    {
        *("application/gzip", "application/x-gzip", "application/zip", "application/x-zip", "application/octet-stream"),
        *("application/x-zip-compressed", "text/xml", "application/xml", "application/json"),
    }
)
# RFC 9990 §3.5.2, RFC 8460 §5.1: receiver ! domain ! begin ! end
_NAME = re.compile(r"[^!]{1,255}![^!]{1,255}![0-9]{1,15}![0-9]{1,15}")
_SUBJECT = re.compile(r"\s*Report\s+Domain:", re.IGNORECASE)


def report_of(structure: Structure, data: bytes) -> Report | None:
    """The report that a message carries, None if it carries none that can be read.

    Attachments are unpacked only if the message says that it is about a report: by its type, its subject, or by the
    name of the file. May take a second for the largest.
    """
    try:
        return read_report(structure, data)
    except RefusedReport:
        return None


def read_report(structure: Structure, data: bytes) -> Report | None:
    """The same; raises RefusedReport with the reason where there is a report that is not to be read."""
    if any(part.type == TYPE for part in structure.leaves()):
        return parse_feedback(structure, data)
    refused: RefusedReport | None = None
    for number, part in enumerate(_candidates(structure, data)):
        if number >= MAX_PARTS:
            break
        try:
            if part.body_end - part.body_start > MAX_OCTETS:
                raise RefusedReport("the report is too large")
            return _read(part, decode_octets(data, part))
        except RefusedReport as error:
            refused = refused or error
    if refused is not None:
        raise refused
    return None


def is_report(structure: Structure, data: bytes) -> bool:
    """Whether a message looks like one that carries a report: no report is sent about it."""
    return any(part.type == TYPE for part in structure.leaves()) or next(_candidates(structure, data), None) is not None


def _candidates(structure: Structure, data: bytes) -> Iterator[Part]:
    title = find(data, structure.root.fields, "Subject")
    is_announced = title is not None and _SUBJECT.match(as_text(title)) is not None
    for part in structure.leaves():
        if part.type in _TLS_TYPES or (part.type in _FILE_TYPES and (is_announced or _NAME.match(part.name or ""))):
            yield part


def _read(part: Part, octets: bytes) -> Report:
    if part.type in _TLS_TYPES:
        return parse_tls_report(octets)
    document = report_octets(octets)
    is_json = document[:200].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
    return parse_tls_report(document) if is_json else parse_dmarc_report(document)
