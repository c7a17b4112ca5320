"""Mail that carries a report is delivered like any other, and set aside for whoever reads reports."""

from __future__ import annotations

from pathlib import Path

from pillarbox.net.dns.settings import DnsSettings
from pillarbox.services.reports.counts import ReportCounts, decode_dmarc
from pillarbox.services.reports.failures import Failures
from pillarbox.services.reports.inbox import ReportInbox
from tests.servers.smtp import lmtp_server, smtp_server
from tests.servers.smtp.lmtp_server import mail_of
from tests.servers.smtp.test_authenticity import BAD, GOOD, ZONE
from tests.support.report_mail import dmarc_mail, row

REPORT = dmarc_mail(row("192.0.2.1", 1, passes=True)).replace(b"noreply@receiver.example", b"noreply@sender.example")


def test_what_comes_by_lmtp_is_delivered_and_set_aside(tmp_path: Path) -> None:
    inbox = ReportInbox(("postmaster",))
    store = lmtp_server.open_store(tmp_path / "data")

    async def body(server: lmtp_server.Running) -> None:
        client = await server.connect()
        assert (await client.deliver("postmaster@example.org", message=REPORT))[0].startswith("250")
        assert (await client.deliver("alice@example.org", message=REPORT))[0].startswith("250")

    lmtp_server.serve(store, body, reports=inbox)
    assert len(mail_of(store, "carol")) == 1
    brought = inbox.take()
    assert brought is not None
    assert brought.data.endswith(REPORT)
    assert brought.sender_domain == ""
    assert inbox.take() is None
    store.close()


def test_what_comes_by_smtp_is_set_aside_with_the_sender_that_was_proved(tmp_path: Path) -> None:
    inbox = ReportInbox(("postmaster",))
    store = smtp_server.open_store(tmp_path / "data")
    zone = tmp_path / "root.zone"
    zone.write_text(ZONE.replace("{policy}", "reject"))

    async def body(server: smtp_server.Running) -> None:
        client = await server.connect()
        await client.hear()
        await client.hello()
        assert (await client.say(f"XCLIENT ADDR={GOOD}")).startswith("220")
        await client.hello("mail.sender.example")
        answer = await client.send("postmaster@example.org", sender="dave@sender.example", message=REPORT)
        assert answer.startswith("250")

    dns = DnsSettings(servers=("127.0.0.1:9",), zone_files=(str(zone),))
    smtp_server.serve(store, body, dns=dns, inbox=inbox, smtp={"xclient_from": ("127.0.0.1",)})
    assert len(mail_of(store, "carol")) == 1
    brought = inbox.take()
    assert brought is not None
    assert brought.sender_domain == "sender.example"
    store.close()


def test_what_is_taken_and_what_is_refused_is_counted_for_domains_that_ask(tmp_path: Path) -> None:
    store = smtp_server.open_store(tmp_path / "data")
    counts = ReportCounts(store.clock)
    zone = tmp_path / "root.zone"
    zone.write_text(ZONE.replace("p={policy}", "p=reject\\; rua=mailto:r@sender.example"))

    like_a_report = b"Comments: TLSRPT\r\n" + smtp_server.MESSAGE

    async def body(server: smtp_server.Running) -> None:
        for address, answer, message in (
            (GOOD, "250", smtp_server.MESSAGE),
            (GOOD, "250", smtp_server.MESSAGE),
            (GOOD, "250", like_a_report),
            (BAD, "550", smtp_server.MESSAGE),
            (BAD, "550", like_a_report),  # a forger would only have to say so
        ):
            client = await server.connect()
            await client.hear()
            await client.hello()
            assert (await client.say(f"XCLIENT ADDR={address}")).startswith("220")
            await client.hello("mail.sender.example")
            said = await client.send("bob@example.org", sender="dave@sender.example", message=message)
            assert said.startswith(answer)

    dns = DnsSettings(servers=("127.0.0.1:9",), zone_files=(str(zone),))
    smtp_server.serve(store, body, dns=dns, report_counts=counts, smtp={"xclient_from": ("127.0.0.1",)})
    found = counts.take()
    told = {(decode_dmarc(row.what).row.source_ip, decode_dmarc(row.what).row.disposition, row.total) for row in found}
    assert told == {(GOOD, "pass", 2), (BAD, "reject", 2)}
    assert {row.domain for row in found} == {"sender.example"}
    store.close()


def test_what_fails_is_set_aside_for_a_report_with_what_was_done_and_answered_at_once(tmp_path: Path) -> None:
    store = smtp_server.open_store(tmp_path / "data")
    failures = Failures(("postmaster",))
    zone = tmp_path / "root.zone"
    zone.write_text(ZONE.replace("p={policy}", "p=reject\\; ruf=mailto:r@sender.example"))

    async def body(server: smtp_server.Running) -> None:
        for address, to in ((GOOD, "bob"), (BAD, "bob"), (BAD, "bob"), (BAD, "postmaster")):
            client = await server.connect()
            await client.hear()
            await client.hello()
            assert (await client.say(f"XCLIENT ADDR={address}")).startswith("220")
            await client.hello("mail.sender.example")
            await client.send(f"{to}@example.org", sender="dave@sender.example", message=smtp_server.MESSAGE)

    dns = DnsSettings(servers=("127.0.0.1:9",), zone_files=(str(zone),))
    smtp_server.serve(store, body, dns=dns, failures=failures, smtp={"xclient_from": ("127.0.0.1",)})
    (failure,) = failures.take()
    assert (failure.address, failure.incidents, failure.delivery_result) == (BAD, 2, "reject")
    assert (failure.mail_from, failure.spf_domain) == ("dave@sender.example", "sender.example")
    assert failure.header == smtp_server.MESSAGE.removesuffix(b"Hello.\r\n")
    store.close()
