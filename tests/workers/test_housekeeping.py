"""Housekeeping deletes what is due and nothing else."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from pillarbox.app.demo.seed import seed
from pillarbox.app.engine import Engine
from pillarbox.app.wiring import bridge_to
from pillarbox.core.limits import Limits
from pillarbox.net.bridge import Bridge
from pillarbox.services.authentication import Authentication
from pillarbox.storage.transaction import Transaction
from pillarbox.workers.housekeeping import Housekeeping
from tests.support.mail_house import House, house

__all__ = ["house"]

TABLES = ("record", "part", "ordered_part", "member", "lookup", "blob", "email_index", "container")


def run(engine: Engine, body: Callable[[Bridge], Awaitable[None]]) -> None:
    async def whole() -> None:
        bridge = bridge_to(engine.store)
        await body(bridge)
        await bridge.close()

    asyncio.run(whole())


async def keep_house(bridge: Bridge) -> None:
    await Housekeeping(bridge, Authentication(bridge.store.clock)).once()


def test_what_was_destroyed_is_told_for_as_many_days_as_the_settings_say(house: House) -> None:
    async def at_last(days: int) -> None:
        bridge = bridge_to(house.store)
        keeping = Housekeeping(bridge, Authentication(house.clock))
        house.store.limits = Limits(changes_days=days)
        house.clock.forward(seconds=86_400)
        await keeping.once()
        await keeping.once()
        await bridge.close()

    start = house.state("Email")
    house.destroy("Email", house.add())
    house.clock.forward(seconds=86_400)
    house.add()
    recent = house.state("Email")
    for days in (0, 90):
        asyncio.run(at_last(days))
        assert len(house.call("Email/changes", sinceState=start)["created"]) == 1
    house.clock.forward(seconds=90 * 86_400)
    asyncio.run(at_last(0))
    assert len(house.call("Email/changes", sinceState=start)["created"]) == 1
    asyncio.run(at_last(90))
    for type in ("Email", "Thread"):
        assert house.refuse(f"{type}/changes", sinceState=start)["type"] == "cannotCalculateChanges"
        assert house.call(f"{type}/changes", sinceState=recent)["destroyed"] == []


def rows(engine: Engine, account: str) -> dict[str, object]:
    counts = {t: f"SELECT COUNT(*) FROM {t} WHERE account = ?" for t in TABLES}  # noqa: S608 -- our own names
    return {t: engine.store.read(lambda v, q=sql: v.db.row(q, (account,)))[0] for t, sql in counts.items()}  # type: ignore[misc]


def test_the_data_of_a_removed_account_is_deleted_when_it_is_due_and_no_one_elses(tmp_path: Path) -> None:
    with Engine(tmp_path) as engine:
        seed(engine, engine.store.clock.now_ms())
        alice, bob = (engine.find("Account", "name", f"{n}@example.org") or {} for n in ("alice", "bob"))
        before = rows(engine, alice["id"]), rows(engine, bob["id"])
        engine.destroy("Account", alice["id"])
        run(engine, keep_house)
        assert rows(engine, alice["id"]) == before[0]
        (removal,) = engine.records("AccountRemoval")
        engine.update("AccountRemoval", removal["id"], {"purgeAt": "2020-01-01T00:00:00Z"})
        run(engine, keep_house)
        assert set(rows(engine, alice["id"]).values()) == {0}
        assert rows(engine, bob["id"]) == before[1]
        assert engine.records("AccountRemoval") == []


def test_parts_of_an_older_version_are_brought_into_order(house: House) -> None:
    ids = [house.add() for _ in range(3)]
    columns = "account, type, name, id, body"

    def make_old(tx: Transaction) -> None:
        tx.db.run(f"INSERT INTO part ({columns}) SELECT {columns} FROM ordered_part")  # noqa: S608 -- our own names
        tx.db.run("DELETE FROM ordered_part")
        tx.db.run("INSERT INTO unordered_part SELECT id, 'Email', 'imap', '' FROM account")

    async def whole() -> None:
        bridge = bridge_to(house.store)
        await keep_house(bridge)
        await bridge.close()

    house.store.write(make_old)
    asyncio.run(whole())
    with house.store.snapshot() as view:
        assert view.db.rows("SELECT id FROM ordered_part ORDER BY id") == [(id,) for id in sorted(ids)]
        assert view.db.rows("SELECT id FROM part WHERE name = 'imap'") == []
        assert view.db.rows("SELECT account FROM unordered_part") == []
