"""Handshakes on loopback with servers that show all kinds of certificates."""

import asyncio
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
import uvloop
from cryptography import x509

from pillarbox.core.dns import Tlsa
from pillarbox.formats.tls_result import Result
from pillarbox.formats.tlsa import TRUST_ANCHOR, check_chain, end_entity
from pillarbox.net.outbound_tls import OutboundTls, peer_chain, result_of

NOW = datetime.now(UTC)


async def handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> tuple[bytes, ...]:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    listener = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=server)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client, server_hostname=name)
        chain = peer_chain(writer.get_extra_info("ssl_object"))
        writer.close()
        return chain


def server_with(issued: trustme.LeafCert) -> ssl.SSLContext:
    out = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(out)
    return out


@pytest.fixture
def checking(tmp_path: Path) -> tuple[trustme.CA, ssl.SSLContext]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return authority, OutboundTls(tmp_path / "ca.pem").context(is_checked=True)


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_the_whole_chain_is_seen_and_matches_what_dane_says_of_it(loop: object) -> None:
    between = trustme.CA().create_child_ca()
    issued = between.issue_cert("mail.example.org")
    leaf, anchor = (x509.load_pem_x509_certificate(pem.bytes()) for pem in issued.cert_chain_pems)
    with asyncio.Runner(loop_factory=loop) as runner:  # type: ignore[arg-type]
        context = OutboundTls().context(is_checked=False)
        chain = runner.run(handshake(server_with(issued), context, "another.name"))
    assert len(chain) == 2
    assert check_chain([end_entity(leaf)], chain, (), NOW) is None
    above = end_entity(anchor)
    assert check_chain([Tlsa(TRUST_ANCHOR, 1, 1, above.data)], chain, ("mail.example.org",), NOW) is None
    assert check_chain([end_entity(anchor)], chain, (), NOW) is Result.NOT_TRUSTED


def test_a_certificate_of_an_authority_and_for_the_name_passes(checking: tuple[trustme.CA, ssl.SSLContext]) -> None:
    authority, context = checking
    assert asyncio.run(handshake(server_with(authority.issue_cert("mail.example.org")), context, "mail.example.org"))


@pytest.mark.parametrize(
    ("names", "not_after", "of_ours", "result"),
    [
        (["other.example.org"], None, True, Result.HOST_MISMATCH),
        (["mail.example.org"], datetime(2020, 1, 1, tzinfo=UTC), True, Result.EXPIRED),
        (["mail.example.org"], None, False, Result.NOT_TRUSTED),
    ],
)
def test_a_failure_is_told_by_its_reason(
    checking: tuple[trustme.CA, ssl.SSLContext],
    names: list[str],
    not_after: datetime | None,
    of_ours: bool,
    result: Result,
) -> None:
    authority, context = checking
    issuer = authority if of_ours else trustme.CA()
    before = datetime(2019, 1, 1, tzinfo=UTC) if not_after else None
    server = server_with(issuer.issue_cert(*names, not_before=before, not_after=not_after))
    with pytest.raises(ssl.SSLError) as error:
        asyncio.run(handshake(server, context, "mail.example.org"))
    assert result_of(error.value) is result


def test_whatever_else_fails_is_a_failure() -> None:
    assert result_of(ConnectionResetError()) is Result.VALIDATION_FAILURE
    assert result_of(ssl.SSLError("odd")) is Result.VALIDATION_FAILURE
