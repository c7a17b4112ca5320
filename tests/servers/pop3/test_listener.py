"""Connections: their limits, their time, and their end."""

import asyncio
from pathlib import Path

from pillarbox.storage.embedded import EmbeddedStore
from tests.servers.pop3.pop3_server import PASSWORD, Client, Running, deliver_to, inbox_ids, message, open_store, serve
from tests.servers.pop3.test_maildrop import alone


def late(server: Running, seconds: float) -> None:
    """Look at the connections as the listener does, so much later."""
    for connection in list(server.listener._roster):
        connection.check_time(asyncio.get_running_loop().time() + seconds, server.listener._settings)


def test_an_idle_session_ends_without_a_word_and_deletes_nothing(store: EmbeddedStore) -> None:
    deliver_to(store, "alice", message(1))

    async def body(server: Running) -> None:
        client = await server.connect()
        await client.ok("DELE 1")
        late(server, 599)  # RFC 1939 §3: at least ten minutes
        await client.ok("NOOP")
        late(server, 601)
        assert await client.reader.read() == b""
        await alone(server)
        await server.connect()

    serve(store, body)
    assert len(inbox_ids(store)) == 1


def test_who_does_not_log_in_is_hung_up_on_sooner(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        silent, asked = await server.connect(None), await server.connect(None)
        await asked.say("AUTH PLAIN")
        late(server, 59)
        assert await silent.say("NOOP") == "+OK"
        late(server, 61)
        assert [await silent.reader.read(), await asked.reader.read()] == [b"", b""]

    serve(store, body)


def test_who_says_a_word_now_and_then_does_not_keep_a_connection_without_a_login(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.connect(None)
        [connection] = server.listener._roster
        connection._touched_at += 599
        late(server, 599)
        assert await client.say("NOOP") == "+OK"
        connection._touched_at += 601
        late(server, 601)
        assert await client.reader.read() == b""

    serve(store, body)


def test_too_many_connections_are_sent_away_and_do_not_count(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        clients = [await server.connect(None) for _ in range(2)]
        for _ in range(3):
            client = Client(*await asyncio.open_connection("127.0.0.1", server.port))
            assert await client.hear() == "-ERR [SYS/TEMP] Too many connections, try again later"
            assert await client.hear() == ""
            client.writer.close()
        await clients[0].ok("QUIT")
        await alone(server, 1)
        await server.connect()

    serve(store, body, max_connections_per_address=2)
    serve(store, body, max_connections=2)


def test_a_stop_hangs_up_on_idle_sessions_and_lets_commands_end(store: EmbeddedStore) -> None:
    deliver_to(store, "alice", message(1))

    async def body(server: Running) -> None:
        idle, asked, busy = await server.connect("bob"), await server.connect(None), await server.connect()
        await asked.say("AUTH PLAIN")
        await busy.ok("DELE 1")
        busy.send(b"QUIT\r\nNOOP\r\n")
        while not any(one._task and one._line is None for one in server.listener._roster):  # noqa: ASYNC110 -- turns
            await asyncio.sleep(0)
        await server.listener.stop()
        assert [await idle.reader.read(), await asked.reader.read()] == [b"", b""]
        assert await busy.reader.read() == b"+OK Goodbye\r\n"

    serve(store, body)
    assert inbox_ids(store) == []


class StandingClock:
    """Throttling counts seconds."""

    def now_ms(self) -> int:
        return 1_793_000_000_000


def test_a_guesser_is_held_back_without_learning_whether_there_is_such_a_name(tmp_path: Path) -> None:
    store = open_store(tmp_path, StandingClock())

    async def guess(server: Running, name: str) -> list[str]:
        heard: list[str] = []
        for connection in range(2):
            client = await server.connect(None)
            for n in range(9 if connection == 0 else 3):
                await client.ok(f"USER {name}@example.org")
                heard.append(await client.say(f"PASS {connection} {n}"))
        return heard

    async def body(server: Running) -> None:
        known = await guess(server, "alice")
        assert known == await guess(server, "nobody")
        assert known[-1].startswith("-ERR [LOGIN-DELAY] ")
        assert known[0].startswith("-ERR [AUTH] ")
        # Nor is the right password told from a wrong one now.
        client = await server.connect(None)
        await client.ok("USER alice@example.org")
        assert await client.say(f"PASS {PASSWORD}") == known[-1]

    serve(store, body)
    store.close()


def test_one_connection_has_few_guesses(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.connect(None)
        heard = []
        for n in range(10):
            client.send(b"AUTH PLAIN AGFsaWNlQGV4YW1wbGUub3JnAHdyb25n\r\n" if n else b"AUTH PLAIN AAA=\r\n")
            heard.append(await client.hear())
        assert heard[1] == "-ERR [AUTH] The name or the password is wrong"
        assert await client.hear() == "-ERR Too many mistakes"
        assert await client.hear() == ""

    serve(store, body)
