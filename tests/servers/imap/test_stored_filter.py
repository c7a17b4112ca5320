"""Filters in filters: what comes of them is bounded (RFC 5466 §3.1, §5)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from pillarbox.storage.embedded import EmbeddedStore
from tests.servers.imap.imap_server import deliver_to, fill, message, running


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    store = EmbeddedStore(tmp_path)
    fill(store)
    deliver_to(store, "alice", message(1))
    yield store
    store.close()


def search(store: EmbeddedStore, filters: dict[str, str], program: str) -> list[str]:
    async def play() -> list[str]:
        async with running(store) as server:
            client = await server.connect(mailbox="INBOX")
            for name, value in filters.items():
                octets = value.encode()
                client.send(f'f SETMETADATA "" (/private/filters/values/{name} {{{len(octets)}+}}\r\n'.encode())
                client.send(octets + b")\r\n")
                (ended,) = await client.hear_to("f")
                assert ended.startswith("f OK"), ended
            return await client.say(f"SEARCH {program}")

    return asyncio.run(play())


def test_filters_may_stand_in_each_other_three_times_and_more(store: EmbeddedStore) -> None:
    chain = {f"f{n}": f"FILTER f{n + 1}" for n in range(7)} | {"f7": "ALL"}
    assert search(store, chain, "FILTER f0")[0] == "* SEARCH 1"


def test_but_not_any_number_of_times(store: EmbeddedStore) -> None:
    chain = {f"f{n}": f"FILTER f{n + 1}" for n in range(8)} | {"f8": "ALL"}
    assert search(store, chain, "FILTER f0") == ["NO [UNDEFINED-FILTER f8] There is no such filter"]


def test_filters_that_multiply_are_stopped(store: EmbeddedStore) -> None:
    bomb = {f"f{n}": " ".join([f"FILTER f{n + 1}"] * 20) for n in range(5)} | {"f5": "ALL"}
    assert search(store, bomb, "FILTER f0") == ["NO [LIMIT] The search program is too deep or too long"]


def test_filters_that_nest_deep_are_stopped(store: EmbeddedStore) -> None:
    deep = {"f0": "NOT " * 60 + "FILTER f1", "f1": "NOT " * 60 + "ALL"}
    assert search(store, deep, "FILTER f0") == ["NO [LIMIT] The search program is too deep or too long"]


def test_text_in_a_filter_is_utf_8(store: EmbeddedStore) -> None:
    deliver_to(store, "alice", message(2, Subject="=?utf-8?q?Gr=C3=BC=C3=9Fe?="))
    assert search(store, {"greeting": 'SUBJECT "Grüße"'}, "FILTER greeting")[0] == "* SEARCH 2"
