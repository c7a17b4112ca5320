"""The outbox with several nodes: what is due is done once, whoever comes first."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pillarbox.datatypes.mailbox import MAILBOX, Mailbox
from pillarbox.datatypes.outbox import Entry
from pillarbox.storage.postgresql.store import PostgresStore
from tests.directory_fixture import SetClock


def release(meet: Callable[[], object]) -> Callable[[Any], int]:
    """Do the work of all entries that are due, as a sender does, and take them out."""

    def body(tx: Any) -> int:
        entries = tx.due_entries("test", 10)
        meet()
        for entry in entries:
            tx.write(MAILBOX, entry.account, None, Mailbox(id=tx.new_id(MAILBOX), name=tx.new_id(MAILBOX)))
            tx.finish_entry(entry)
        return len(entries)

    return body


def test_two_nodes_that_wake_at_once_do_the_work_once(postgres_url: str, tmp_path: Path) -> None:
    nodes = [PostgresStore(postgres_url, tmp_path / name, clock=SetClock()) for name in ("one", "two")]
    for account in ("a", "b"):
        nodes[0].write(lambda tx, a=account: tx.add_account(a))  # type: ignore[misc]
        for n in range(3):
            nodes[0].write(lambda tx, a=account, n=n: tx.add_entry(Entry(a, f"o{n}", 0, "test", "item", b"{}")))  # type: ignore[misc]
    meeting, runs = threading.Barrier(2), list[int]()

    def meet() -> None:
        runs.append(1)
        if len(runs) <= 2:
            meeting.wait(10)

    with ThreadPoolExecutor(2) as pool:
        done = [work.result(30) for work in [pool.submit(node.write, release(meet)) for node in nodes]]
    assert sorted(done) == [0, 6]
    assert len(runs) == 3
    for account in ("a", "b"):
        made = nodes[0].read(lambda view, a=account: view.ids(MAILBOX, a, -1))  # type: ignore[misc]
        assert len(made) == 3
    for node in nodes:
        node.close()
