"""How long, how many and how often: bounds on connections and logins; and what ends a connection that is open."""

import asyncio
from base64 import b64encode
from functools import partial

import msgspec
import pytest

from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.admin.account import ACCOUNT
from pillarbox.datatypes.admin.password import hash_password
from pillarbox.datatypes.view import Transaction
from pillarbox.net.count import Counts
from pillarbox.servers.imap.done import Done
from pillarbox.servers.imap.handler import HANDLERS
from pillarbox.servers.imap.session import Session
from pillarbox.services.mail.deliver import deliver
from pillarbox.storage.store import Store
from pillarbox.wire.imap import command as c
from tests.servers.imap.imap_server import message, running


def change(tx: Transaction, id: str, **properties: object) -> None:
    """Change somebody's account, as an administrator does."""
    account = tx.get(ACCOUNT, DIRECTORY, id)
    assert account is not None
    tx.write(ACCOUNT, DIRECTORY, account, msgspec.structs.replace(account, **properties))


# --- strangers


def test_a_stranger_has_so_many_seconds_whatever_they_say_meanwhile(store: Store) -> None:
    async def body() -> None:
        async with running(store, login_seconds=0.2) as server:
            busy, slow = await server.connect(None), await server.connect(None)
            await busy.hear()
            await slow.hear()
            slow.send(b"t NOOP")  # a line that never ends
            heard = ""
            while not heard.startswith("* BYE"):
                busy.send(b"t NOOP\r\n")
                heard = await busy.hear()
                assert heard
            for client in (busy, slow):
                assert b"OK" not in await client.rest()

    asyncio.run(body())


def test_who_is_nobody_again_is_a_stranger_again(store: Store) -> None:
    async def body() -> None:
        async with running(store, login_seconds=1.5) as server:
            client = await server.connect()
            await client.ok("UNAUTHENTICATE")
            assert (await client.hear()).startswith("* BYE [UNAVAILABLE]")

    asyncio.run(body())


def test_who_has_logged_in_and_is_silent_is_sent_away_later(store: Store) -> None:
    async def body() -> None:
        async with running(store, login_seconds=0.4, idle_seconds=0.2) as server:
            client = await server.connect(mailbox="INBOX")
            assert (await client.hear()).startswith("* BYE [UNAVAILABLE]")
            client = await server.connect()
            client.send(b"i IDLE\r\n")
            assert (await client.hear()).startswith("+")
            assert (await client.hear()).startswith("* BYE [UNAVAILABLE]")

    asyncio.run(body())


def test_an_address_has_so_many_connections_in_all_processes_together(store: Store) -> None:
    counts = Counts(2)

    async def body() -> None:
        async with (
            running(store, counts=counts.seat(0), max_connections_per_address=2) as one,
            running(store, counts=counts.seat(1), max_connections_per_address=2) as other,
        ):
            first = await one.connect()
            await other.connect()
            for server in (one, other):
                refused = await server.connect(None)
                assert await refused.rest() == b"* BYE [LIMIT] Too many connections, try again later\r\n"
            await first.say("LOGOUT")
            assert await first.rest() == b""
            while one.listener.connection_count:  # noqa: ASYNC110 -- turns of the loop, no time
                await asyncio.sleep(0)
            await other.connect()

    asyncio.run(body())


def test_all_together_are_bounded_too(store: Store) -> None:
    async def body() -> None:
        async with running(store, max_connections=1) as server:
            await server.connect()
            refused = await server.connect(None)
            assert (await refused.rest()).startswith(b"* BYE [LIMIT]")

    asyncio.run(body())


# --- guessing


@pytest.mark.parametrize("name", ["alice@example.org", "nobody@example.org", "nobody@elsewhere.example"])
@pytest.mark.parametrize("way", ["LOGIN", "AUTHENTICATE"])
def test_guessing_is_held_back_and_tells_nothing_of_who_exists(store: Store, name: str, way: str) -> None:

    def guess(number: int) -> str:
        initial = b64encode(f"\0{name}\0wrong{number}".encode()).decode()
        return f'LOGIN "{name}" wrong{number}' if way == "LOGIN" else f"AUTHENTICATE PLAIN {initial}"

    async def body() -> None:
        async with running(store) as server:
            client = await server.connect(None)
            await client.hear()
            answers = [(await client.say(guess(number)))[-1] for number in range(13)]
            wrong = "NO [AUTHENTICATIONFAILED] The name or the password is wrong"
            assert answers == [wrong] * 10 + ["NO [UNAVAILABLE] Too many failures; try again later"] * 3
            other = await server.connect("bob")  # from the same address, and not held back
            assert await other.ok("NOOP") == []

    asyncio.run(body())


# --- what ends an open connection


def test_a_new_password_ends_what_the_old_one_opened(store: Store) -> None:
    async def body() -> None:
        async with running(store) as server:
            idling, working = await server.connect(mailbox="INBOX"), await server.connect(mailbox="INBOX")
            idling.send(b"i IDLE\r\n")
            assert (await idling.hear()).startswith("+")
            hashed, at = hash_password("another"), "2026-11-02T10:00:00Z"
            await server.bridge.write(partial(change, id="alice", password_hash=hashed, password_changed_at=at))
            assert (await idling.hear()).startswith("* BYE The login no longer holds")
            assert await idling.hear() == ""
            assert (await working.say("NOOP"))[0].startswith("* BYE The login no longer holds")

    asyncio.run(body())


def test_a_right_that_is_taken_back_ends_what_it_has_opened(store: Store) -> None:
    async def body() -> None:
        async with running(store) as server:
            box = '"Other Users/bob@example.org/INBOX"'
            idling, own = await server.connect(mailbox=box), await server.connect(mailbox="INBOX")
            idling.send(b"i IDLE\r\n")
            assert (await idling.hear()).startswith("+")
            await server.bridge.write(partial(change, id="bob", delegates={}))
            assert (await idling.hear()).startswith("* BYE")
            assert await own.ok("NOOP") == []
            assert (await own.say(f"SELECT {box}"))[-1].startswith("NO [NONEXISTENT]")
            assert await own.ok('LIST "" "Other Users/bob*"') == []

    asyncio.run(body())


# --- a server with faults


async def _broken(_session: Session, _command: object) -> Done:
    raise RuntimeError("this is broken\r\n* BYE")


def test_a_command_that_fails_inside_leaves_the_conversation_going(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(HANDLERS, c.Namespace, _broken)

    async def body() -> None:
        async with running(store) as server:
            client = await server.connect(mailbox="INBOX")
            client.send(b"a NAMESPACE\r\nb NOOP\r\n")
            assert await client.hear_to("a") == ["a NO [SERVERBUG] server failure"]
            assert (await client.hear_to("b"))[-1].startswith("b OK")

    asyncio.run(body())


def test_idle_in_which_something_fails_ends_with_no_and_the_next_command_is_heard(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body() -> None:
        async with running(store) as server:
            client = await server.connect(mailbox="INBOX")
            client.send(b"a IDLE\r\n")
            assert (await client.hear()).startswith("+")
            with monkeypatch.context() as patched:
                failed = asyncio.Event()

                def look(*_: object) -> None:
                    failed.set()
                    raise RuntimeError("this is broken")

                patched.setattr("pillarbox.servers.imap.selected.Selected.look", look)
                await server.bridge.write(partial(deliver, account="alice", data=message(1)))
                await asyncio.wait_for(failed.wait(), 10)
            client.send(b"DONE\r\nb NOOP\r\n")
            assert (await client.hear_to("a"))[-1].startswith("a NO [SERVERBUG]")
            assert (await client.hear_to("b"))[-1].startswith("b OK")

    asyncio.run(body())
