"""What hostile clients send, before and after they have logged in: refused in bounded memory, and others are served."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from pillarbox.storage.store import Store
from tests.servers.imap.imap_server import PASSWORD, Client, Running, deliver_to, message, running

LOGIN = f'LOGIN alice@example.org "{PASSWORD}"'
Talk = Callable[[Running, Client], Awaitable[None]]


def talk(store: Store, body: Talk, *, mailbox: str | None = None, user: str | None = "alice") -> None:
    """Have a client talk; afterwards the server still serves others."""

    async def main() -> None:
        async with running(store) as server:
            client = await server.connect(user, mailbox=mailbox)
            if user is None:
                await client.hear()
            await body(server, client)
            other = await server.connect(mailbox="INBOX")
            assert await other.ok("NOOP") == []

    asyncio.run(main())


# --- before login


@pytest.mark.parametrize(
    ("octets", "answer"),
    [
        (b"x" * 100_000 + b"\r\n", "* BAD"),
        (b"a LOGIN " + b"x" * 100_000 + b"\r\n", "a BAD [TOOBIG]"),
        (b"a LOGIN {5000}\r\n", "a NO [TOOBIG]"),
        (b"a LOGIN {5000+}\r\n" + b"x" * 5000 + b" y\r\n", "a NO [TOOBIG]"),
        (b"a LOGIN {18446744073709551616}\r\n", "a NO [TOOBIG]"),
        (b"a ID (" + b'"x" ' * 9 + b"{1+}\r\ny " * 9 + b")\r\n", "a "),
        (b"a ID (" + b"(" * 5000 + b"\r\n", "a BAD"),
        (b"a LOGIN \xff\xfe \x00\r\n", "a "),
        (b"\x00\x01\x02\r\n", "* BAD"),
        (b"a FETCH 1:* (BODY[])\r\n", "a BAD"),
        (b"a APPEND INBOX {1000000000}\r\n", "a BAD"),
    ],
)
def test_what_a_stranger_sends_is_refused_and_they_may_still_log_in(store: Store, octets: bytes, answer: str) -> None:
    async def body(_: Running, client: Client) -> None:
        client.send(octets)
        assert (await client.hear()).startswith(answer)
        client.send(f"z {LOGIN}\r\n".encode())
        assert (await client.hear_to("z"))[-1].startswith("z OK")

    talk(store, body, user=None)


def test_a_stranger_who_pushes_a_literal_without_end_is_cut_off(store: Store) -> None:
    async def body(_: Running, client: Client) -> None:
        client.send(b"a LOGIN {4000000000+}\r\n" + b"x" * 1_000_000)
        assert b"* BYE" in await client.rest()

    talk(store, body, user=None)


def test_a_stranger_who_says_nonsense_over_and_over_is_cut_off(store: Store) -> None:
    async def body(_: Running, client: Client) -> None:
        client.send(b"nonsense\r\n" * 1000)
        heard = (await client.rest()).splitlines()
        assert len(heard) < 20
        assert heard[-1].startswith(b"* BYE")

    talk(store, body, user=None)


@pytest.mark.parametrize(
    "request_head", [b"GET / HTTP/1.1\r\n", b"POST /x HTTP/1.1\r\n", b"PRI * HTTP/2.0\r\n", b"OPTIONS * HTTP/1.1\r\n"]
)
def test_a_web_browser_is_sent_away_before_what_its_page_says(store: Store, request_head: bytes) -> None:
    async def body(_: Running, client: Client) -> None:
        said = f"a {LOGIN}\r\nb CREATE Mallory\r\nc LOGOUT\r\n"
        client.send(request_head + b"Host: mail.example.org\r\n\r\n" + said.encode())
        heard = await client.rest()
        assert heard.startswith(b"* BYE")
        assert heard.count(b"\r\n") == 1

    talk(store, body, user=None)


# --- after login


def nested(depth: int) -> str:
    return "UID SEARCH " + "(" * depth + "ALL" + ")" * depth


@pytest.mark.parametrize(
    "command",
    [
        nested(20_000),
        "UID SEARCH " + "NOT " * 10_000 + "ALL",
        "UID SEARCH " + "OR ALL " * 5_000 + "ALL",
        "FETCH 1 (" + "(" * 10_000,
        'LIST "" (' + "(" * 10_000,
        "STORE 1 FLAGS " + "(" * 10_000,
        "UID SEARCH " + "FUZZY " * 10_000 + "ALL",
        "FETCH 1 (BODY[" + "1." * 20_000 + "1])",
        "FETCH 4294967296 (FLAGS)",
        "FETCH 0 (FLAGS)",
        "UID FETCH 1:99999999999999999999 (FLAGS)",
        "STATUS INBOX (" + "MESSAGES " * 20_000 + ")",
        "SORT (" + "REVERSE " * 10_000 + "DATE) UTF-8 ALL",
    ],
    ids=lambda command: command[:24],
)
def test_what_is_nested_or_long_beyond_measure_is_refused(store: Store, command: str) -> None:
    async def body(_: Running, client: Client) -> None:
        assert (await client.say(command))[-1].split()[0] in ("BAD", "NO")
        assert await client.ok("NOOP") == []

    talk(store, body, mailbox="INBOX")


def test_a_flood_of_literals_is_refused(store: Store) -> None:
    async def body(_: Running, client: Client) -> None:
        client.send(b"a UID SEARCH" + b" SUBJECT {1+}\r\nx" * 2_000 + b"\r\n")
        assert (await client.hear_to("a"))[-1].startswith("a NO [LIMIT]")
        assert await client.ok("NOOP") == []

    talk(store, body, mailbox="INBOX")


def test_a_literal_that_is_too_big_is_read_over_and_the_conversation_stays_in_step(store: Store) -> None:
    async def body(_: Running, client: Client) -> None:
        octets = b"z CREATE Mallory\r\n" * 10_000
        client.send(b"a CREATE {%d+}\r\n" % len(octets) + octets + b"\r\nb NOOP\r\n")
        assert (await client.hear()).startswith("a NO [TOOBIG]")
        assert (await client.hear()).startswith("b OK")

    talk(store, body)


@pytest.mark.parametrize("pattern", ["*a" * 4_000, "%" * 8_000, "*%" * 4_000, "a*" * 16 + "b", "%a%" * 2_000])
def test_patterns_of_list_cost_no_more_than_their_length(store: Store, pattern: str) -> None:
    async def body(_: Running, client: Client) -> None:
        await client.ok(f'CREATE "{"a" * 200}/{"a" * 200}"')
        listed = await client.ok(f'LIST "" ({" ".join([pattern + str(n) for n in range(6)])} INBOX)')
        assert listed == ['* LIST (\\HasNoChildren) "/" INBOX']

    talk(store, body)


def test_sets_that_never_end_are_about_what_is_there(store: Store) -> None:
    deliver_to(store, "alice", *(message(n) for n in range(1, 4)))

    async def body(_: Running, client: Client) -> None:
        many = ",".join(f"{n}:4294967295" for n in range(1, 3_000))
        told = await client.ok(f"UID FETCH {many} (UID)")
        assert told == [f"* {n} FETCH (UID {n})" for n in (1, 2, 3)]
        assert await client.ok("UID STORE 4:4294967295 +FLAGS (\\Seen)") == []
        assert (await client.say("UID COPY 5:4294967295 Archive"))[-1].startswith("OK")
        assert await client.ok("UID SEARCH UID 4294967295:4") == ["* SEARCH"]
        assert await client.ok("UID SEARCH 1:4294967295") == ["* SEARCH 1 2 3"]
        assert (await client.say("FETCH 1:4294967295 (UID)"))[-1].startswith("BAD")
        await client.ok("ENABLE QRESYNC")
        known = ",".join(str(n) for n in range(1, 9_000, 2))
        assert await client.ok(f"UID FETCH {known} (FLAGS) (CHANGEDSINCE 999999 VANISHED)") == []

    talk(store, body, mailbox="INBOX")


def test_a_client_that_sends_more_and_more_behind_a_command_is_held_back_or_cut_off(store: Store) -> None:
    async def body(_: Running, client: Client) -> None:
        client.send(b"a SELECT INBOX\r\n" * 20_000)
        client.send(b"b LOGOUT\r\n")
        heard = await client.rest()
        assert heard.rstrip().splitlines()[-1].startswith((b"b OK", b"* BYE"))

    talk(store, body)


def test_an_append_that_breaks_off_leaves_nothing_behind(store: Store) -> None:
    async def body(server: Running, client: Client) -> None:
        folder = server.store.folder / "spool"
        client.send(b"a APPEND INBOX {30000000}\r\n")
        assert (await client.hear()).startswith("+")
        client.send(b"x" * 5_000_000)
        await client.writer.drain()
        client.writer.transport.abort()
        while server.listener.connection_count:  # noqa: ASYNC110 -- turns of the loop, no time
            await asyncio.sleep(0)
        assert server.listener.spooled == 0
        assert not folder.exists() or list(folder.iterdir()) == []
        other = await server.connect()
        assert await other.ok("STATUS INBOX (MESSAGES)") == ["* STATUS INBOX (MESSAGES 0)"]

    talk(store, body)


def test_names_and_words_of_others_break_no_line(store: Store) -> None:
    async def body(_: Running, client: Client) -> None:
        assert (await client.say('CREATE "a\\"b\\\\c [ALERT] d"'))[-1].startswith("OK")
        assert await client.ok('LIST "" "a*"') == ['* LIST (\\HasNoChildren) "/" "a\\"b\\\\c [ALERT] d"']
        for bad in (b"x\r\n* BYE gone", b"x\x00y", b"x\x7fy", b"x\xc2\x85y", b"x\xe2\x80\xa8y"):
            client.send(b"n CREATE {%d+}\r\n" % len(bad) + bad + b"\r\n")
            (answer,) = await client.hear_to("n")
            assert answer.startswith(("n NO", "n BAD")), answer
        assert await client.ok("NOOP") == []

    talk(store, body)
