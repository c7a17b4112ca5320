"""`pillarbox report` on a store in a temporary folder."""

import json
from pathlib import Path

import pytest

from pillarbox.app.wiring import open_store
from pillarbox.core.clock import SystemClock
from pillarbox.datatypes.view import Transaction
from pillarbox.formats.message.scan import scan
from pillarbox.formats.report.dmarc import DkimResult, SpfReported
from pillarbox.formats.report.tls import Failure
from pillarbox.services.reports.counts import ReportCounts, TlsCount, store_counts
from pillarbox.services.reports.inbox import Brought
from pillarbox.services.reports.received import keep, of_interest, read
from tests.app.shell import Shell
from tests.support.report_mail import dmarc_mail, feedback_mail, row, tls_mail


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    made = Shell(tmp_path / "data")
    made.ok("domain", "add", "example.org")
    failure = Failure(result_type="certificate-expired", receiving_mx_hostname="mx.example.org", failed_session_count=3)
    service = row("192.0.2.10", 4, passes=False, dkim_results=(DkimResult("mailer.example", "s", "pass"),))
    envelope = row("192.0.2.11", 1, passes=False, spf_results=(SpfReported("bulk.example", "pass"),))
    mails = (
        dmarc_mail(row("192.0.2.1", 5, passes=True), row("192.0.2.9", 2, passes=False), service, envelope),
        dmarc_mail(row("192.0.2.1", 5, passes=True), id="r0", begins_at=1_793_404_800),
        tls_mail(7, failure),
        feedback_mail("Incidents: 2"),
        feedback_mail("Auth-Failure: dmarc", "Delivery-Result: reject", type="auth-failure", author="x", id="f2"),
    )
    reports = [read(Brought(scan(mail), mail, "", 1_793_600_000_000)) for mail in mails]
    store = open_store(tmp_path / "data")

    def body(tx: Transaction) -> int:
        found = [of_interest(tx, report) for report in reports if report is not None]
        return keep(tx, [record for record in found if record is not None])

    assert store.write(body) == 5
    store.close()
    return made


def test_list_says_in_a_line_what_each_report_comes_to(shell: Shell) -> None:
    text = shell.ok("report", "list")
    assert "7 of 12 messages failed DMARC, from 3 sources" in text
    assert "all 5 messages passed DMARC" in text
    assert "TLS failed in 3 of 10 sessions" in text
    assert "a complaint of unwanted mail about alice@example.org from 192.0.2.9, 2 times" in text
    assert "DMARC failed for a message as example.org from 192.0.2.9" in text
    found = json.loads(shell.ok("report", "list", "example.org", "--kind", "dmarc", "--limit", "1", "--json"))
    assert [record["reportId"] for record in found] == ["r1"]
    assert json.loads(shell.ok("report", "list", "other.example", "--json")) == []


def test_show_explains_who_fails_and_why(shell: Shell) -> None:
    (found,) = json.loads(shell.ok("report", "list", "--kind", "dmarc", "--limit", "1", "--json"))
    text = shell.ok("report", "show", found["id"])
    assert "not proved: anybody may have written it" in text
    assert "3 sources failed DMARC: 192.0.2.10 (4 messages), 192.0.2.9 (2 messages), 192.0.2.11 (1 message)" in text
    assert "signed by mailer.example only" in text
    assert "its envelope is of bulk.example" in text
    assert "192.0.2.9 as example.org: neither SPF nor DKIM" in text
    assert "Who sends as example.org and may: 192.0.2.1 (5 messages)" in text
    shown = json.loads(shell.ok("report", "show", found["id"], "--json"))
    assert shown["findings"][0].startswith("3 sources failed DMARC")


def test_show_explains_what_is_wrong_with_tls(shell: Shell) -> None:
    (found,) = json.loads(shell.ok("report", "list", "--kind", "tls", "--json"))
    text = shell.ok("report", "show", found["id"])
    assert "TLS to example.org failed in 3 of 10 sessions." in text
    assert "3 sessions with mx.example.org: certificate-expired; the certificate has expired: renew it" in text


def test_show_says_who_complains_about_whom_and_what_to_do(shell: Shell) -> None:
    found = json.loads(shell.ok("report", "list", "--kind", "feedback", "--json"))
    by_id = {record["reportId"]: record for record in found}
    text = shell.ok("report", "show", by_id["f1@receiver.example"]["id"])
    assert "Report about example.org from Feedback (sender: not proved" in text
    assert "2023-11-13T10:00:00Z\n" in text
    assert "Author: alice@example.org" in text
    assert "Subject: Harbour" in text
    assert "change the password" in text
    failed = shell.ok("report", "show", by_id["f2@receiver.example"]["id"])
    assert "What became of it: it was rejected." in failed
    assert "add it to SPF" in failed


def test_a_report_is_deleted_and_then_unknown(shell: Shell) -> None:
    (found,) = json.loads(shell.ok("report", "list", "--kind", "tls", "--json"))
    shell.ok("report", "delete", found["id"])
    gone = shell.run("report", "show", found["id"])
    assert gone.exit_code == 1
    assert "there is no report" in gone.output


def test_pending_lists_what_is_counted_and_for_one_domain_its_rows(shell: Shell) -> None:
    assert "Nothing is counted." in shell.ok("report", "pending")
    counts = ReportCounts(SystemClock())
    counts.session("a.example", TlsCount("sts", "mx.a.example", "192.0.2.7", "certificate-expired"), 2)
    counts.session("b.example", TlsCount("tlsa", "mx.b.example", "192.0.2.8"), 5)
    store = open_store(shell.data)
    store.write(lambda tx: store_counts(tx, counts.take()))
    store.close()
    text = shell.ok("report", "pending")
    assert [line.split()[:2] for line in text.splitlines()] == [
        ["DOMAIN", "KIND"],
        ["a.example", "tls"],
        ["b.example", "tls"],
    ]
    shown = shell.ok("report", "pending", "a.example", "--kind", "tls")
    assert "policy=sts result=certificate-expired sessions=2 receivingHost=mx.a.example" in shown
    found = json.loads(shell.ok("report", "pending", "--json", "--limit", "1"))
    assert (found["total"], [record["domain"] for record in found["list"]]) == (2, ["a.example"])
    assert json.loads(shell.ok("report", "pending", "a.example", "--json"))["list"][0]["counts"][0]["sessions"] == 2
