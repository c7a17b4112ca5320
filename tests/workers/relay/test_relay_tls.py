"""Mail goes by TLS where there is any, and stays where its sender, its recipient or its password demands more."""

import ssl
from pathlib import Path

import pytest

from pillarbox.formats.tls_result import Result
from pillarbox.net.outbound_tls import OutboundTls
from pillarbox.services.route import Routes
from tests.support.certificate_files import CertificateFiles
from tests.support.smtp_sink import Sink, serving
from tests.workers.relay.relay_fixture import Depot


def test_a_password_that_has_changed_is_no_reason_to_give_mail_back(depot: Depot, tmp_path: Path) -> None:
    files = CertificateFiles(tmp_path)
    path, authority = files.write("smart.pem", "localhost"), tmp_path / "ca.pem"
    authority.write_bytes(files._ca.cert_pem.bytes())
    depot.contexts = OutboundTls(authority)
    for n in range(3):
        depot.put(f"u{n}@two.test")

    async def body(depot: Depot) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        says = {"AUTH": b"535 5.7.8 wrong\r\n"}
        async with serving(Sink(keywords=("AUTH PLAIN",), says=says, tls=context)) as sink:
            depot.options["routes"] = Routes((), f"smtp://user:old@localhost:{sink.port}")
            await depot.send(1, per_destination=1)
        assert len(depot.waiting()) == 3
        assert sink.connections == 1  # and the smarthost is left alone for a while
        assert depot.inbox() == []

    depot.run(body)


@pytest.mark.parametrize("is_known", [True, False])
def test_a_smarthost_with_a_password_has_to_prove_itself(depot: Depot, tmp_path: Path, is_known: bool) -> None:
    files = CertificateFiles(tmp_path)
    path = files.write("smart.pem", "localhost")
    if is_known:
        authority = tmp_path / "ca.pem"
        authority.write_bytes(files._ca.cert_pem.bytes())
        depot.contexts = OutboundTls(authority)
    depot.put("bob@two.test")

    async def body(depot: Depot) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        says = {"AUTH PLAIN AHVzZXIAcEBzcw==": b"235 2.7.0 in\r\n", "AUTH": b"535 5.7.8 wrong\r\n"}
        async with serving(Sink(keywords=("PIPELINING", "AUTH PLAIN LOGIN"), says=says, tls=context)) as sink:
            depot.options["routes"] = Routes((), f"smtp://user:p%40ss@localhost:{sink.port}")
            await depot.send(1)
        assert len(sink.taken) == int(is_known)
        assert any(line.startswith("AUTH") for line in sink.commands) == is_known
        if not is_known:
            assert "4.7.5" in depot.waiting()["bob@two.test"]["reply"]

    depot.run(body)


def test_tls_is_taken_where_it_is_offered_whatever_the_certificate(depot: Depot, tmp_path: Path) -> None:
    path = CertificateFiles(tmp_path).write("mx.pem", "wrong.test")
    depot.put("bob@two.test")

    async def body(depot: Depot) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        async with serving(Sink(tls=context)) as sink:
            await depot.send(sink.port)
        assert sink.commands.count("STARTTLS") == 1
        assert len(sink.taken) == 1
        ((session, count),) = depot.tally.take().items()
        assert (session.domain, session.host, session.result, count) == ("two.test", "mx.two.test", None, 1)

    depot.run(body)


def test_tls_that_is_broken_is_no_reason_to_keep_mail_that_nobody_wants_protected(depot: Depot) -> None:
    depot.put("bob@two.test")

    async def body(depot: Depot) -> None:
        async with serving(
            Sink(keywords=("PIPELINING", "STARTTLS"), says={"STARTTLS": b"454 4.7.0 not now\r\n"})
        ) as sink:
            await depot.send(sink.port)
        assert len(sink.taken) == 1
        assert [session.result for session in depot.tally.take()] == [Result.STARTTLS_NOT_SUPPORTED]

    depot.run(body)


def test_mail_that_must_have_tls_all_the_way_waits_for_it(depot: Depot) -> None:
    depot.put("bob@two.test", require_tls=True)

    async def body(depot: Depot) -> None:
        async with serving(Sink()) as sink:
            await depot.send(sink.port)
        assert sink.taken == []
        assert depot.waiting()["bob@two.test"]["reply"].startswith("451 4.7.5")

    depot.run(body)


def test_mail_that_must_have_tls_does_not_hold_up_other_mail_for_a_server_without(depot: Depot) -> None:
    depot.put("bob@two.test", require_tls=True)

    async def body(depot: Depot) -> None:
        async with serving(Sink()) as sink:
            await depot.send(sink.port)
            depot.put("bob@two.test")
            await depot.send(sink.port)
        assert len(sink.taken) == 1

    depot.run(body)
