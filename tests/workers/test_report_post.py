"""TLS reports are posted, and posted again where nobody took them."""

from __future__ import annotations

import asyncio

from pillarbox.net.guarded_http import GuardedClient
from pillarbox.net.outbound_address import AddressPolicy
from pillarbox.workers.report_post import ReportPosts
from tests.directory_fixture import SetClock


def posted(*answers: int, hours: int = 3) -> list[bytes]:
    """What a server gets that answers so, the last answer again and again, when it is asked each hour."""
    heads: list[bytes] = []
    left = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n") + await reader.readexactly(4))
        status = left.pop(0) if len(left) > 1 else left[0]
        writer.write(f"HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1?a=b"
        clock = SetClock()
        posts = ReportPosts(GuardedClient(AddressPolicy(("127.0.0.1/32",))), clock)
        await posts.send(url, b"body")
        await posts.again()
        for _ in range(hours):
            clock.forward(seconds=3_601)
            await posts.again()
        server.close()
        await server.wait_closed()

    asyncio.run(main())
    return heads


def test_a_report_is_posted_once_with_its_type() -> None:
    (request,) = posted(201)
    assert request.startswith(b"POST /v1?a=b HTTP/1.1\r\n")
    assert b"application/tlsrpt+gzip" in request
    assert request.endswith(b"\r\n\r\nbody")


def test_it_is_posted_again_each_hour_until_it_is_taken() -> None:
    assert len(posted(503, 429, 200)) == 3


def test_what_is_refused_for_good_is_not_posted_again() -> None:
    assert len(posted(410)) == 1


def test_after_a_day_nobody_tries_any_more() -> None:
    assert len(posted(503, hours=40)) == 24


def test_an_address_inside_is_not_posted_to() -> None:
    async def main() -> None:
        posts = ReportPosts(GuardedClient(AddressPolicy(())), SetClock())
        await posts.send("http://127.0.0.1:9/", b"body")
        await posts.send("https://169.254.169.254/", b"body")

    asyncio.run(main())
