"""Reports of strangers, damaged: those of mail in general and those of one message are read or refused, and no more.

What was read can be written, and read again as the same.
"""

import contextlib
import gzip
import io
import random
import zipfile

import msgspec

from pillarbox.datatypes.envelope import Address, Envelope
from pillarbox.datatypes.submission_record import DeliveryStatus, EmailSubmission
from pillarbox.datatypes.submission_report import Report, with_dsn, with_mdn
from pillarbox.formats.message.scan import scan
from pillarbox.formats.report.compressed import RefusedReport, report_octets
from pillarbox.formats.report.dmarc_xml import dmarc_report_to_xml, parse_dmarc_report
from pillarbox.formats.report.dsn import read_dsn
from pillarbox.formats.report.feedback import parse_feedback
from pillarbox.formats.report.incoming import is_report, report_of
from pillarbox.formats.report.mdn import read_mdn
from pillarbox.formats.report.original import original_id
from pillarbox.formats.report.tls import parse_tls_report, tls_report_to_json
from pillarbox.services.reports.complaint import complaint
from pillarbox.services.reports.inbox import Brought

_XML = [
    *b"""<feedback> </feedback> <record> </record> <row> </row> <count> 5 </count> <dkim> </dkim> <spf> </spf> &amp; &x;
    <auth_results> </auth_results> <domain> a.example </domain> <reason> </reason> <!--c--> <?p?> <![CDATA[x]]> <a:b>
    <policy_published> </policy_published> <pct> </pct> <identifiers> </identifiers>
    <!DOCTYPE xmlns="u" \xff \x00""".split(),
    b"<feedback><record>",
    b"</record></feedback>",
]
_JSON = [*b'{ } [ ] : , "policies" "policy" "policy-type" "summary" "date-range" 1 -1 1e999 null \xff'.split()]
_JSON += [b'{"date-range":{"start-datetime":"a","end-datetime":"b"},"policies":[', b"]}"]
_FIELDS = [
    *b"""Feedback-Type: Source-IP: Incidents: SPF-DNS: Arrival-Date: x 9 99999999999 <a@b> dns; \xff \x00 :
    Auth-Failure: 1999""".split(),
    b"Fri, 1 Jan 2300 00:00:00 -9999", b"=?utf-8?b?AAAA?=",
    b"\r\n", b"\r\n ", b"\r\n\r\n",
]  # fmt: skip
_ARF = b"""Content-Type: multipart/report; boundary=b

--b
Content-Type: message/feedback-report

Feedback-Type: abuse
%s
--b
Content-Type: message/rfc822

%s
--b--
""".replace(b"\n", b"\r\n")
_RETURNED = b"""Content-Type: multipart/report; boundary=b

--b
Content-Type: message/%s

%s
--b
Content-Type: %s

%s
--b--
""".replace(b"\n", b"\r\n")
_STATUS = [
    *b"""Final-Recipient: Original-Recipient: Action: Status: Diagnostic-Code: Disposition: rfc822; utf-8; <b@x> b@x
    \\x{159} \\x{110000} failed delivered 5.1.1 9.9 smtp; 550 =?utf-8?q?=41?= manual-action/MDN-sent-manually;
    displayed \xff \x00""".split(),
    b"\r\n", b"\r\n\r\n", b"\r\nFinal-Recipient: rfc822; b@x\r\nAction: failed\r\n",
]  # fmt: skip
_HEADER = [*b"Message-ID: Message-ID <1@x> (c) <a b> : x \xff".split(), b"\r\n", b"\r\n ", b"\r\n\r\n"]
_SENT = EmailSubmission(
    identity_id="i",
    email_id="e",
    envelope=Envelope(Address("a@x"), [Address("b@x", {"NOTIFY": "SUCCESS", "ORCPT": "rfc822;c@x"}), Address("d@x")]),
    delivery_status={to: DeliveryStatus("250 2.0.0 taken", "unknown") for to in ("b@x", "d@x")},
    asks_receipt=True,
)
_FILE = b"Subject: Report Domain: x\r\nContent-Type: application/%s; name=a!b!1!2\r\n\r\n%s"


def pieces(chance: random.Random, words: list[bytes]) -> bytes:
    return b"".join(chance.choices(words, k=chance.randrange(14)))


def packed(chance: random.Random, octets: bytes) -> bytes:
    kind = chance.randrange(4)
    if kind == 0:
        return octets
    if kind == 1:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", chance.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as archive:
            archive.writestr("a", octets)
        octets = out.getvalue()
    else:
        octets = gzip.compress(octets)
    damaged = bytearray(octets)
    for _ in range(chance.randrange(3)):
        damaged[chance.randrange(len(damaged))] = chance.randrange(256)
    return bytes(damaged[: chance.randrange(len(damaged)) if chance.random() < 0.1 else len(damaged)])


def check(chance: random.Random) -> None:
    document = chance.choice([b"", b"<feedback><record>"]) + pieces(chance, _XML)
    document += chance.choice([b"", b"</record></feedback>"])
    try:
        report = parse_dmarc_report(packed(chance, document))
    except RefusedReport:
        pass
    else:
        again = parse_dmarc_report(dmarc_report_to_xml(report))
        assert [row.count for row in again.rows] == [row.count for row in report.rows]
    text = chance.choice([b"", _JSON[-2]]) + pieces(chance, _JSON) + chance.choice([b"", b"]}"])
    try:
        tls = parse_tls_report(packed(chance, text))
    except RefusedReport:
        pass
    else:
        assert parse_tls_report(tls_report_to_json(tls)) == tls
    with contextlib.suppress(RefusedReport):
        report_octets(bytes(chance.choices(b"PK\x03\x04\x1f\x8b\x08\x00\x01\xff", k=chance.randrange(80))))
    feedback = _ARF % (pieces(chance, _FIELDS), pieces(chance, _FIELDS))
    found = parse_feedback(scan(feedback), feedback)
    if found is not None:
        record = complaint(found, Brought(scan(feedback), feedback, "", 1_700_000_000_000)).record
        assert record.ends_at <= record.received_at
        assert all(len(value) <= 255 for value in msgspec.to_builtins(record).values() if isinstance(value, str))
    file = _FILE % (chance.choice([b"gzip", b"tlsrpt+gzip", b"xml"]), packed(chance, document))
    if report_of(scan(file), file) is not None:
        assert is_report(scan(file), file)


def check_returned(chance: random.Random) -> None:
    """What is believed of damaged notifications stays within what a submission may say."""
    kind = chance.choice([b"delivery-status", b"disposition-notification"])
    enclosed = chance.choice([b"message/rfc822", b"text/rfc822-headers", b"message/global"])
    data = _RETURNED % (kind, pieces(chance, _STATUS), enclosed, pieces(chance, _HEADER))
    structure = scan(data)
    id = original_id(structure, data)
    assert id is None or (id and "<" not in id)
    dsn, mdn = read_dsn(data, structure), read_mdn(data, structure)
    told = [with_dsn(_SENT, dsn, Report("G1", 1))] if dsn is not None else []
    told += [with_mdn(_SENT, mdn, chance.choice(["b@x", "d@x", "e@x"]), Report("G1", 1))] if mdn is not None else []
    for new in told:
        assert new is not None
        status = new.delivery_status or {}
        assert list(status) == ["b@x", "d@x"]
        assert all(
            one.smtp_reply[0] in {"unknown": "24", "no": "45", "yes": "2"}[one.delivered] for one in status.values()
        )
        assert all(one.smtp_reply.isprintable() and len(one.smtp_reply) < 1_100 for one in status.values())


def main(rounds: int, seed: int) -> None:
    """Run so many rounds."""
    chance = random.Random(seed)
    for _ in range(rounds):
        check(chance)
        check_returned(chance)
