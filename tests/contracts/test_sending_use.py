"""What accounts send is counted by all nodes together, on every engine, once for each message that is sent."""

import threading
from typing import Any

import pytest

from pillarbox.core.faults import Fault, Kind
from pillarbox.services.sending_limit import SendingAllowance, SendingLimits
from pillarbox.services.sending_use import use_of
from pillarbox.storage.store import Store
from tests.directory_fixture import SetClock
from tests.support.engine import Opener

HOUR = 3600


def send(store: Store, limits: SendingLimits, recipients: int = 1, account: str = "a1") -> int | None:
    """One message; when it leaves if it has to wait."""
    return store.write(lambda tx: limits.take(tx, account, recipients))


def make(store: Store) -> None:
    store.write(lambda tx: tx.add_account("a1"))


def sent(store: Store) -> tuple[int, int]:
    use = store.read(lambda view: use_of(view, "a1"))
    return use.hour.messages, use.day.messages


def test_nodes_that_send_at_once_send_no_more_than_the_limit_together(open_store: Opener) -> None:
    nodes = [open_store() for _ in range(3)]
    make(nodes[0])
    limits = SendingLimits(SendingAllowance(messages_an_hour=25))
    done: list[int] = []
    refused: list[Kind] = []

    def work(node: Store) -> None:
        for _ in range(15):
            try:
                send(node, limits)
            except Fault as fault:
                refused.append(fault.kind)
            else:
                done.append(1)

    threads = [threading.Thread(target=work, args=(node,)) for node in nodes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(done), set(refused), len(refused)) == (25, {Kind.RATE_LIMIT}, 20)
    assert sent(nodes[1]) == (25, 25)


def test_a_restart_keeps_the_count_and_hour_and_day_end_by_themselves(open_store: Opener) -> None:
    store = open_store()
    make(store)
    clock = store.clock
    assert isinstance(clock, SetClock)
    limits = SendingLimits(SendingAllowance(messages_an_hour=2, messages_a_day=3))
    for _ in range(2):
        send(store, limits)
    store.close()
    store = open_store()
    assert sent(store) == (2, 2)
    with pytest.raises(Fault, match="limit of 2 messages an hour") as refusal:
        send(store, limits)
    assert refusal.value.facts["retry_after"] == HOUR
    clock.forward(seconds=HOUR)
    send(store, limits)
    with pytest.raises(Fault, match="limit of 3 messages a day"):
        send(store, limits)
    clock.forward(seconds=23 * HOUR)
    send(store, limits)
    assert sent(store) == (1, 1)


def test_what_is_undone_is_not_counted_and_each_account_has_its_own(store: Store) -> None:
    make(store)
    limits = SendingLimits(SendingAllowance(recipients_a_day=10))

    def body(tx: Any) -> None:
        limits.take(tx, "a1", 5)
        raise Fault(Kind.FAILED)

    with pytest.raises(Fault):
        store.write(body)
    assert sent(store) == (0, 0)
    send(store, limits, 8)
    with pytest.raises(Fault, match="limit of 10 recipients a day"):
        send(store, limits, 3)
    send(store, limits, 8, "a2")


def test_what_is_slowed_leaves_one_after_the_other_and_never_later_than_the_span(store: Store) -> None:
    make(store)
    assert isinstance(store.clock, SetClock)
    limits = SendingLimits(SendingAllowance(messages_an_hour=100))
    for _ in range(80):
        assert send(store, limits) is None
    now = store.clock.now_ms()
    times = [send(store, limits) for _ in range(20)]
    assert times == [now + n * 36_000 for n in range(1, 21)]
    store.clock.forward(seconds=HOUR)
    assert send(store, limits) is None  # the next hour begins with a clean sheet
