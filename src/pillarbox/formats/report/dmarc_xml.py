"""The XML of DMARC aggregate reports, read as a stream of events and written.

A document type is refused before anything of it is looked at, so that there are no entities; depth, elements and the
length of texts are bounded. Elements of another name space are extensions, and passed over.

Sections: RFC 9990 §3.1, §5; RFC 7489 §C.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, cast

import msgspec

from pillarbox.formats.report.compressed import RefusedReport, report_octets
from pillarbox.formats.report.dmarc import (
    DkimResult,
    DmarcReport,
    DmarcRow,
    Override,
    PublishedPolicy,
    SpfReported,
)

MAX_DEPTH = 12
MAX_ELEMENTS = 1_000_000
MAX_ROWS = 50_000
MAX_TEXT = 2000
MAX_RESULTS = 100  # RFC 9990 §3.1.3: "no more than 100 signatures"

_NAMESPACE = "urn:ietf:params:xml:ns:dmarc-2.0"
_PIECE = 65_536
_NUMBER = re.compile(r"[+]?[0-9]{1,15}\Z")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class _Element:
    """An element while it is read: its text, and its children by name."""

    __slots__ = ("children", "length", "name", "texts")

    def __init__(self, name: str) -> None:
        self.name = name
        self.texts: list[str] = []
        self.length = 0
        self.children: dict[str, list[_Element]] = {}

    def text(self, name: str) -> str:
        """The text of the first child of a name, without white space around it."""
        found = self.children.get(name)
        return "".join(found[0].texts).strip() if found else ""

    def number(self, name: str) -> int:
        text = self.text(name)
        return int(text) if _NUMBER.match(text) else 0

    def child(self, name: str) -> _Element:
        found = self.children.get(name)
        return found[0] if found else _Element(name)

    def all(self, name: str) -> list[_Element]:
        return self.children.get(name, [])


class _Target:
    """What the parser tells its events."""

    def __init__(self) -> None:
        self.open: list[_Element] = []
        self.root: _Element | None = None
        self.rows: list[DmarcRow] = []
        self.elements = 0
        self.namespace = ""

    def start(self, tag: str, attributes: object) -> None:
        self.elements += 1
        if len(self.open) >= MAX_DEPTH or self.elements > MAX_ELEMENTS:
            raise RefusedReport("the report is too deep or has too many elements")
        space, brace, name = tag.rpartition("}")
        if self.root is None:
            if name != "feedback":
                raise RefusedReport("the document is no DMARC report")
            self.namespace = space + brace
        element = _Element(name if space + brace == self.namespace else tag)
        self.root = self.root or element
        self.open.append(element)

    def data(self, text: str) -> None:
        element = self.open[-1]
        if element.length < MAX_TEXT:
            element.texts.append(text[: MAX_TEXT - element.length])
            element.length += len(text)

    def end(self, tag: str) -> None:
        element = self.open.pop()
        if len(self.open) == 1 and element.name == "record":
            if len(self.rows) >= MAX_ROWS:
                raise RefusedReport("the report has too many records")
            self.rows.append(_row(element))
        elif self.open:
            siblings = self.open[-1].children.setdefault(element.name, [])
            if len(siblings) < MAX_RESULTS:
                siblings.append(element)

    def doctype(self, *_: object) -> None:
        raise RefusedReport("the report has a document type")

    def comment(self, text: str) -> None:
        """Nothing is in comments."""

    def pi(self, target: str, data: str | None = None) -> None:
        """Nor in processing instructions."""

    def close(self) -> None:
        """What was read stands in `root` and `rows`."""


def parse_dmarc_report(data: bytes) -> DmarcReport:
    """The report in a document, packed or not. Raises RefusedReport for what is none or dangerous.

    What is missing of a record is "" or 0: receivers leave out what the schema requires.
    """
    from lxml import etree  # noqa: PLC0415 -- 5 MB that only who gets reports pays for

    target = _Target()
    parser = etree.XMLParser(
        target=cast("Any", target),
        resolve_entities=False,
        no_network=True,
        huge_tree=False,
        load_dtd=False,
        recover=False,
    )
    octets = report_octets(data).lstrip()
    try:
        for start in range(0, len(octets), _PIECE):
            parser.feed(octets[start : start + _PIECE])
        parser.close()
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        raise error if isinstance(error, RefusedReport) else RefusedReport("the report is no XML") from None
    if target.root is None or not target.rows:
        raise RefusedReport("the report has no records")
    return _report(target.root, tuple(target.rows))


def _report(root: _Element, rows: tuple[DmarcRow, ...]) -> DmarcReport:
    metadata, policy = root.child("report_metadata"), root.child("policy_published")
    dates = metadata.child("date_range")
    pct = policy.text("pct")
    return DmarcReport(
        organization=metadata.text("org_name"),
        email=metadata.text("email"),
        report_id=metadata.text("report_id"),
        begins_at=dates.number("begin"),
        ends_at=dates.number("end"),
        extra_contact=metadata.text("extra_contact_info"),
        errors=tuple(filter(None, ("".join(error.texts).strip() for error in metadata.all("error")))),
        generator=metadata.text("generator"),
        version=root.text("version"),
        policy=PublishedPolicy(
            **{name: policy.text(name).lower() for name in ("domain", "p", "sp", "np", "adkim", "aspf", "fo")},
            testing=policy.text("testing").lower(),
            discovery_method=policy.text("discovery_method").lower(),
            pct=int(pct) if _NUMBER.match(pct) else None,
        ),
        rows=rows,
    )


def _row(record: _Element) -> DmarcRow:
    row, identifiers, results = record.child("row"), record.child("identifiers"), record.child("auth_results")
    evaluated = row.child("policy_evaluated")
    return DmarcRow(
        source_ip=row.text("source_ip"),
        count=row.number("count"),
        disposition=evaluated.text("disposition").lower(),
        dkim=evaluated.text("dkim").lower(),
        spf=evaluated.text("spf").lower(),
        reasons=tuple(Override(each.text("type").lower(), each.text("comment")) for each in evaluated.all("reason")),
        header_from=identifiers.text("header_from").lower(),
        envelope_from=identifiers.text("envelope_from").lower(),
        envelope_to=identifiers.text("envelope_to").lower(),
        dkim_results=tuple(
            DkimResult(
                each.text("domain").lower(),
                each.text("selector"),
                each.text("result").lower(),
                each.text("human_result"),
            )
            for each in results.all("dkim")
        ),
        spf_results=tuple(
            SpfReported(
                each.text("domain").lower(), each.text("result").lower(), each.text("scope"), each.text("human_result")
            )
            for each in results.all("spf")
        ),
    )


def dmarc_report_to_xml(report: DmarcReport) -> bytes:
    """The document in the order of RFC 9990 §3.1.1, in UTF-8."""
    parts = ['<?xml version="1.0" encoding="UTF-8"?>\n', f'<feedback xmlns="{_NAMESPACE}">\n<version>1.0</version>\n']
    parts += [
        "<report_metadata>",
        *_texts(org_name=report.organization, email=report.email),
        *_texts(extra_contact_info=report.extra_contact or None, report_id=report.report_id),
        "<date_range>",
        *_texts(begin=report.begins_at, end=report.ends_at),
        "</date_range>",
        *_texts(error="; ".join(report.errors) or None, generator=report.generator or None),
        "</report_metadata>\n<policy_published>",
        *_texts(
            **{name: value for name, value in msgspec.structs.asdict(report.policy).items() if value and name != "pct"}
        ),
        "</policy_published>\n",
    ]
    for row in report.rows:
        parts += _row_to_xml(row)
    parts.append("</feedback>\n")
    return "".join(parts).encode()


def _row_to_xml(row: DmarcRow) -> Iterator[str]:
    yield "<record><row>"
    yield from _texts(source_ip=row.source_ip, count=row.count)
    yield "<policy_evaluated>"
    yield from _texts(disposition=row.disposition, dkim=row.dkim, spf=row.spf)
    for reason in row.reasons:
        yield from _group("reason", type=reason.type, comment=reason.comment or None)
    yield "</policy_evaluated></row>"
    # RFC 9990 §3.1.1.10: "envelope_from" may "be existing but empty if the message had a null reverse-path".
    yield from _group(
        "identifiers",
        header_from=row.header_from,
        envelope_from=row.envelope_from,
        envelope_to=row.envelope_to or None,
    )
    yield "<auth_results>"
    for dkim in row.dkim_results[:MAX_RESULTS]:
        yield from _group(
            "dkim",
            domain=dkim.domain,
            selector=dkim.selector,
            result=dkim.result,
            human_result=dkim.human_result or None,
        )
    for spf in row.spf_results[:1]:
        yield from _group(
            "spf", domain=spf.domain, scope=spf.scope or None, result=spf.result, human_result=spf.human_result or None
        )
    yield "</auth_results></record>\n"


def _group(name: str, **texts: str | int | None) -> Iterator[str]:
    yield f"<{name}>"
    yield from _texts(**texts)
    yield f"</{name}>"


def _texts(**texts: str | int | None) -> Iterator[str]:
    """An element for each text that there is; what XML cannot hold is left out."""
    for name, value in texts.items():
        if value is not None:
            yield f"<{name}>{_escaped(str(value))}</{name}>"


def _escaped(text: str) -> str:
    return _NOT_XML.sub("", text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
