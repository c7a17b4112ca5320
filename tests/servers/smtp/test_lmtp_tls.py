"""LMTP over a network: STARTTLS, and nothing of what was said before it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from pillarbox.net.handshake import Handshakes
from pillarbox.net.tls import SMTP
from tests.servers.smtp.lmtp_server import inbox_total, open_store, running
from tests.support.certificate_files import CertificateFiles


def test_a_message_is_delivered_after_starttls_and_nothing_said_before_it_holds(tmp_path: Path) -> None:
    files, store = CertificateFiles(tmp_path), open_store(tmp_path / "data")

    async def main() -> None:
        handshakes = Handshakes(files.contexts(files.write("a.pem", "localhost")), SMTP)
        async with running(store, handshakes=handshakes) as server:
            client = await server.connect()
            await client.envelope("alice@example.org")
            client.writer.write(b"STARTTLS\r\nNOOP injected\r\n")
            assert await client.hear() == "220 2.0.0 Ready to start TLS"
            await client.writer.start_tls(files.client(), server_hostname="localhost")
            assert (await client.say("DATA")).startswith("503")
            assert "STARTTLS" not in await client.say("LHLO client.example")
            assert [answer[:3] for answer in await client.deliver("alice@example.org")] == ["250"]

    asyncio.run(main())
    assert inbox_total(store, "alice") == 1
    store.close()
