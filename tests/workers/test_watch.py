"""The watch tells what another process wrote, once, and reads only accounts in which something has happened."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest

from pillarbox.app.engine import Engine
from pillarbox.app.wiring import bridge_to
from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.admin.alias import ALIAS
from pillarbox.datatypes.admin.domain import DOMAIN, Domain
from pillarbox.datatypes.mailbox import MAILBOX, Mailbox
from pillarbox.datatypes.registry import TYPES
from pillarbox.net.bridge import Bridge
from pillarbox.net.feed import Subscription
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.storage.store import Store
from pillarbox.storage.transaction import Transaction
from pillarbox.workers.watch import Watch
from tests.support.engine import ENGINES, opener

Body = Callable[[Bridge, Store], Awaitable[None]]


def run(store: Store, other: Store, body: Body) -> None:
    async def whole() -> None:
        bridge = bridge_to(store)
        try:
            await body(bridge, other)
        finally:
            await bridge.close()

    asyncio.run(whole())


@pytest.fixture(params=ENGINES)
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Store, Store]]:
    """This process's store, and the same as another has it."""
    with opener(request, tmp_path) as open_store:
        one = open_store()
        one.write(lambda tx: tx.add_account(DIRECTORY))
        yield one, open_store()


def add_domain(store: Store, name: str) -> int:
    """The number of the change."""

    def body(tx: Transaction) -> int:
        tx.write(DOMAIN, DIRECTORY, None, Domain(id=f"d{name}", name=f"{name}.example"))
        return tx.number(DIRECTORY)

    return store.write(body)


def add_note_of_aliases(store: Store) -> int:
    """The number of another change, to another type."""

    def body(tx: Transaction) -> int:
        tx.note(ALIAS, DIRECTORY)
        return tx.number(DIRECTORY)

    return store.write(body)


def add_mailbox(store: Store, account: str, name: str) -> None:
    store.write(lambda tx: tx.write(MAILBOX, account, None, Mailbox(id=f"m{name}", name=name)))


def heard(subscription: Subscription) -> dict[str, dict[str, int]]:
    """What has been told by now."""
    told, subscription._pending = subscription._pending, {}
    return told


def test_the_watch_tells_once_what_the_command_line_wrote(tmp_path: Path) -> None:
    async def body(bridge: Bridge, _: Store) -> None:
        watch, subscription = Watch(bridge, TYPES), bridge.feed.subscribe([DIRECTORY])
        await watch.look()
        # What may have been committed before the first look is told for once, to those who know where they began.
        assert "Domain" in heard(subscription)[DIRECTORY]
        with Engine(tmp_path) as other:
            other.create("Domain", {"name": "example.org"})
        await watch.look()
        assert list(heard(subscription)[DIRECTORY]) == ["Domain"]
        await watch.look()
        assert heard(subscription) == {}

    with Engine(tmp_path) as engine:
        run(engine.store, engine.store, body)


def test_a_change_is_told_although_a_note_of_a_later_one_was_heard(stores: tuple[Store, Store]) -> None:
    async def body(bridge: Bridge, other: Store) -> None:
        watch, subscription = Watch(bridge, TYPES), bridge.feed.subscribe([DIRECTORY])
        await watch.look()
        heard(subscription)
        lost = add_domain(other, "one")
        later = add_note_of_aliases(other)
        bridge.heard({DIRECTORY: {"Alias": later}})
        assert heard(subscription) == {DIRECTORY: {"Alias": later}}
        await watch.look()
        assert heard(subscription) == {DIRECTORY: {"Domain": lost}}

    run(*stores, body)


def test_a_late_note_does_not_have_a_change_told_again(stores: tuple[Store, Store]) -> None:
    async def body(bridge: Bridge, other: Store) -> None:
        watch, subscription = Watch(bridge, TYPES), bridge.feed.subscribe([DIRECTORY])
        await watch.look()
        earlier, later = add_domain(other, "one"), add_domain(other, "two")
        bridge.heard({DIRECTORY: {"Domain": later}})
        bridge.heard({DIRECTORY: {"Domain": earlier}})
        heard(subscription)
        await watch.look()
        assert heard(subscription) == {}

    run(*stores, body)


def test_an_account_that_is_made_elsewhere_is_told_of_from_its_beginning(stores: tuple[Store, Store]) -> None:
    async def body(bridge: Bridge, other: Store) -> None:
        watch, subscription = Watch(bridge, TYPES), bridge.feed.subscribe(["new"])
        await watch.look()
        assert heard(subscription) == {}
        other.write(lambda tx: tx.add_account("new"))
        await watch.look()
        heard(subscription)
        add_mailbox(other, "new", "first")
        await watch.look()
        assert heard(subscription)["new"].keys() == {"Mailbox"}

    run(*stores, body)


def test_who_comes_back_to_an_account_is_told_what_was_written_meanwhile(stores: tuple[Store, Store]) -> None:
    async def body(bridge: Bridge, other: Store) -> None:
        watch, subscription = Watch(bridge, TYPES), bridge.feed.subscribe([DIRECTORY])
        await watch.look()
        subscription.close()
        await watch.look()
        number = add_domain(other, "one")
        subscription = bridge.feed.subscribe([DIRECTORY])
        await watch.look()
        assert heard(subscription)[DIRECTORY]["Domain"] == number

    run(*stores, body)


def add_accounts(tx: Transaction, names: list[str]) -> None:
    for name in names:
        tx.add_account(name)


@contextmanager
def states_read() -> Iterator[list[tuple[object, ...]]]:
    """The values of every statement on any new connection that asks for the state of a type."""
    asked: list[tuple[object, ...]] = []

    def trace(_: apsw.Cursor, sql: str, values: object) -> bool:
        if "FROM floor" in sql:
            assert isinstance(values, tuple)
            asked.append(values)
        return True

    def hook(db: apsw.Connection) -> None:
        db.exec_trace = trace

    apsw.connection_hooks.append(hook)
    try:
        yield asked
    finally:
        apsw.connection_hooks.remove(hook)


def test_one_change_among_ten_thousand_accounts_costs_the_reading_of_one(tmp_path: Path) -> None:
    names = [f"a{at}" for at in range(10_000)]

    async def body(bridge: Bridge, other: Store) -> None:
        watch = Watch(bridge, TYPES)
        told: list[str] = []
        bridge.feed.listen(names, lambda account, _: told.append(account))
        await watch.look()
        told.clear()
        add_mailbox(other, "a7000", "first")
        asked.clear()
        await watch.look()
        assert told == ["a7000"]
        assert {values[0] for values in asked} == {"a7000"}
        asked.clear()
        other.write(lambda tx: tx.add_account("another"))  # a commit that concerns nobody here
        await watch.look()
        assert (told, asked) == (["a7000"], [])

    with states_read() as asked:
        store, other = EmbeddedStore(tmp_path), EmbeddedStore(tmp_path)
        store.write(lambda tx: add_accounts(tx, names))
        run(store, other, body)
        store.close()
        other.close()
