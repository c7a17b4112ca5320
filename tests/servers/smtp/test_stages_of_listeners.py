"""Filters and hooks of the settings on real listeners: in their order, where they are wanted, before mail is stored."""

from __future__ import annotations

import asyncio
import socket

import pytest

from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.wire.milter.packet import packet_to_bytes
from tests.servers.smtp.lmtp_server import mail_of
from tests.servers.smtp.smtp_server import FROM_ALICE, MESSAGE, Running, serve
from tests.servers.smtp.test_hook import package as package  # noqa: PLC0414 -- a fixture
from tests.servers.smtp.test_milter import Filter

SPAM = packet_to_bytes(b"y", b"554 5.7.1 no spam\0")
MARK = packet_to_bytes(b"h", b"X-Filter\0seen\0") + packet_to_bytes(b"a")


def answers(
    store: EmbeddedStore, filter: Filter, *, inbound: bytes = MESSAGE, python: tuple[str, ...] = (), is_for_all: bool
) -> tuple[str, str]:
    """What a server and a user hear of a message to bob, where such a filter and such hooks are asked."""
    heard: list[str] = []

    async def body(server: Running) -> None:
        listening = await asyncio.start_server(filter.serve, sock=sock)
        client = await server.greeted()
        heard.append(await client.send("bob@example.org", sender="dave@sender.example", message=inbound))
        client = await server.logged_in()
        heard.append(await client.send("bob@example.org", message=FROM_ALICE))
        listening.close()

    with socket.create_server(("127.0.0.1", 0)) as sock:
        address = f"127.0.0.1:{sock.getsockname()[1]}"
        serve(store, body, hooks={"milters": (address,), "python": python, "submission": is_for_all})
    return heard[0], heard[1]


@pytest.mark.parametrize("is_for_all", [True, False])
def test_a_filter_rejects_a_message_and_nothing_of_it_is_kept(store: EmbeddedStore, *, is_for_all: bool) -> None:
    server, user = answers(store, Filter({"E": SPAM}), is_for_all=is_for_all)
    assert server == "554 5.7.1 no spam"
    assert user.startswith("554 5.7.1 no spam" if is_for_all else "250")
    assert len(mail_of(store, "bob")) == (0 if is_for_all else 1)


def test_a_filter_adds_a_field_which_is_stored(store: EmbeddedStore) -> None:
    server, user = answers(store, Filter({"E": MARK}), is_for_all=True)
    assert (server[:3], user[:3]) == ("250", "250")
    for _, data in mail_of(store, "bob"):
        assert data.partition(b"\r\n\r\n")[0].count(b"\r\nX-Filter: seen") == 1


@pytest.mark.usefixtures("package")
def test_a_hook_of_a_package_is_asked_before_the_filters(store: EmbeddedStore) -> None:
    filter = Filter({"E": MARK})
    server, user = answers(
        store, filter, inbound=MESSAGE + b"your invoice\r\n", python=("no-invoices",), is_for_all=False
    )
    assert server == "550 5.7.1 no invoices"
    assert user.startswith("250")
    assert "E" not in filter.letters()
    assert len(mail_of(store, "bob")) == 1
