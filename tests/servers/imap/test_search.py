"""SEARCH, SORT and THREAD as clients see them while others change the mailbox."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from pillarbox.servers.imap import concordances
from pillarbox.servers.imap.concordance import Concordance, read_concordance
from pillarbox.storage.embedded import EmbeddedStore
from tests.servers.imap.imap_server import Client, Running, deliver_to, fill, message, running


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    store = EmbeddedStore(tmp_path)
    fill(store)
    deliver_to(store, "alice", *(message(n) for n in range(1, 6)))
    yield store
    store.close()


def play(store: EmbeddedStore, body: Callable[[Running], Awaitable[None]], **settings: Any) -> None:
    async def run() -> None:
        async with running(store, **settings) as server:
            await body(server)

    asyncio.run(run())


async def expunge(client: Client, *uids: int) -> None:
    for uid in uids:
        await client.ok(f"UID STORE {uid} +FLAGS.SILENT (\\Deleted)")
    await client.ok("EXPUNGE")


def test_numbers_are_those_that_the_client_knows_while_others_remove(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        one, other = await server.connect(mailbox="INBOX"), await server.connect(mailbox="INBOX")
        await expunge(other, 2, 4)
        deliver_to(store, "alice", message(6))
        # Gone ones are not found, and nothing moves: SEARCH may not tell of EXPUNGE (RFC 9051 §7.5.1).
        assert (await one.ok("SEARCH ALL"))[0] == "* SEARCH 1 3 5"
        assert (await one.ok("SEARCH 2:4"))[0] == "* SEARCH 3"
        assert (await one.ok("SEARCH SUBJECT message"))[
            0
        ] == "* SEARCH 1 3 5 6"  # EXISTS was told with the command before
        assert (await one.ok("SORT (REVERSE ARRIVAL) UTF-8 1:*"))[0].startswith("* SORT ")
        assert (await one.ok("THREAD ORDEREDSUBJECT UTF-8 1:5"))[0] == "* THREAD (1)(3)(5)"
        assert "* 4 EXPUNGE" in await one.ok("NOOP")
        assert (await one.ok("SEARCH ALL"))[0] == "* SEARCH 1 2 3 4"

    play(store, body)


def test_what_is_new_is_found_once_it_was_told(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.connect(mailbox="INBOX")
        await client.ok("UID SEARCH FROM dave")
        deliver_to(store, "alice", message(6))
        heard = await client.ok("UID SEARCH FROM dave")
        assert heard[0] == "* SEARCH 1 2 3 4 5"
        assert "* 6 EXISTS" in heard
        assert (await client.ok("UID SEARCH FROM dave"))[0] == "* SEARCH 1 2 3 4 5 6"
        # `*` is the highest that is known.
        deliver_to(store, "alice", message(7))
        assert (await client.ok("UID SEARCH UID 100:*"))[0] == "* SEARCH 6"

    play(store, body)


def test_a_saved_result_shrinks_when_messages_go_and_is_empty_after_no(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.connect(mailbox="INBOX")
        assert (await client.say("SEARCH RETURN (SAVE) 2:4"))[:-1] == []
        assert (await client.ok("UID FETCH $ UID")) == [f"* {n} FETCH (UID {n})" for n in (2, 3, 4)]
        await expunge(client, 3)
        assert (await client.ok("UID SEARCH $"))[0] == "* SEARCH 2 4"
        assert (await client.ok("SEARCH NOT $"))[0] == "* SEARCH 1 4"
        assert (await client.say("SEARCH RETURN (SAVE) NONSENSE"))[-1].startswith("BAD")
        assert (await client.ok("UID SEARCH $"))[0] == "* SEARCH 2 4"  # RFC 5182 §2.1: BAD leaves it
        too_much = " ".join(f"NOT BODY w{n}" for n in range(101))
        assert (await client.say(f"SEARCH RETURN (SAVE) {too_much}"))[-1].startswith("NO [LIMIT]")
        assert (await client.ok("UID SEARCH $"))[0] == "* SEARCH"
        await client.ok("SEARCH RETURN (SAVE MIN) ALL")
        assert (await client.ok("UID SEARCH $"))[0] == "* SEARCH 1"
        await client.ok("SORT RETURN (SAVE COUNT) (REVERSE SUBJECT) UTF-8 UID 4:5")
        assert (await client.ok("UID SEARCH $"))[0] == "* SEARCH 4 5"
        await client.ok("SELECT INBOX")
        assert (await client.ok("UID SEARCH $"))[0] == "* SEARCH"

    play(store, body)


def test_a_change_of_flags_by_others_is_found_at_once(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        one, other = await server.connect(mailbox="INBOX"), await server.connect(mailbox="INBOX")
        assert (await one.ok("SEARCH UNSEEN"))[0] == "* SEARCH 1 2 3 4 5"
        await other.ok("STORE 2 +FLAGS (\\Seen)")
        assert (await one.ok("SEARCH UNSEEN"))[0] == "* SEARCH 1 3 4 5"
        await other.ok("STORE 2 -FLAGS (\\Seen)")
        assert (await one.ok("SEARCH UNSEEN"))[0] == "* SEARCH 1 2 3 4 5"

    play(store, body)


# --- results that are kept up to date (RFC 5267)


def test_removals_are_told_of_a_result_before_numbers_move_and_additions_after(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        one, other = await server.connect(mailbox="INBOX"), await server.connect(mailbox="INBOX")
        assert (await one.ok("SEARCH RETURN (UPDATE COUNT) UNSEEN"))[0] == '* ESEARCH (TAG "t3") COUNT 5'
        await expunge(other, 2)
        await other.ok("UID STORE 4 +FLAGS (\\Seen)")
        deliver_to(store, "alice", message(6))
        heard = await one.ok("NOOP")
        lines = [
            '* ESEARCH (TAG "t3") REMOVEFROM (0 2,4)',
            "* 2 EXPUNGE",
            "* 5 EXISTS",
            '* ESEARCH (TAG "t3") ADDTO (0 5)',
        ]
        assert [line for line in heard if line in lines] == lines
        assert [line for line in heard if "ESEARCH" in line and line not in lines] == []

    play(store, body)


def test_a_sorted_result_is_told_by_positions(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.connect(mailbox="INBOX")
        found = (await client.ok("UID SORT RETURN (UPDATE ALL) (REVERSE SUBJECT) UTF-8 NOT FLAGGED"))[0]
        assert found == '* ESEARCH (TAG "t3") UID ALL 5,4,3,2,1'
        heard = await client.ok("STORE 2,4 +FLAGS (\\Flagged)")
        assert heard[-1] == '* ESEARCH (TAG "t3") UID REMOVEFROM (4 2 2 4)'
        heard = await client.ok("STORE 2,4 -FLAGS (\\Flagged)")
        assert heard[-1] == '* ESEARCH (TAG "t3") UID ADDTO (2 4 4 2)'

    play(store, body)


def test_who_follows_the_updates_has_the_result_whatever_others_do(store: EmbeddedStore) -> None:
    import random  # noqa: PLC0415
    import re  # noqa: PLC0415

    chance = random.Random(11)

    async def body(server: Running) -> None:
        one, other = await server.connect(mailbox="INBOX"), await server.connect(mailbox="INBOX")
        await one.ok("UID SORT RETURN (UPDATE ALL) (REVERSE SUBJECT) UTF-8 UNSEEN")
        mine = [5, 4, 3, 2, 1]
        for number in range(6, 46):
            act = chance.randrange(4)
            uid = chance.randrange(1, number)
            if act == 0:
                deliver_to(store, "alice", message(number))
            elif act == 1:
                await other.say(f"UID STORE {uid} +FLAGS (\\Deleted)")
                await other.ok("EXPUNGE")
            else:
                await other.say(f"UID STORE {uid} {'+-'[act - 2]}FLAGS (\\Seen)")
            for line in await one.ok("NOOP"):
                for word, pairs in re.findall(r"(REMOVEFROM|ADDTO) \(([^)]*)\)", line):
                    words = pairs.split()
                    for at, changed in zip(map(int, words[::2]), map(int, words[1::2]), strict=True):
                        if word == "ADDTO":
                            mine.insert(at - 1, changed)
                        else:
                            assert mine.pop(at - 1) == changed
            asked = (await one.ok("UID SORT (REVERSE SUBJECT) UTF-8 UNSEEN"))[0]
            assert mine == [int(word) for word in asked.split()[2:]]

    play(store, body)


def test_updates_come_in_idle_and_end_when_they_are_cancelled(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        one, other = await server.connect(mailbox="INBOX"), await server.connect(mailbox="INBOX")
        await one.ok("UID SEARCH RETURN (UPDATE) FLAGGED")
        one.send(b"i IDLE\r\n")
        assert (await one.hear()).startswith("+ ")
        await other.ok("STORE 3 +FLAGS (\\Flagged)")
        assert (await one.hear()).startswith("* 3 FETCH ")
        assert await one.hear() == '* ESEARCH (TAG "t3") UID ADDTO (0 3)'
        one.send(b"DONE\r\n")
        await one.hear_to("i")
        assert (await one.say('CANCELUPDATE "t3" "t9"'))[-1].startswith("BAD")
        await one.ok('CANCELUPDATE "t3"')
        await other.ok("STORE 3 -FLAGS (\\Flagged)")
        assert not any("ESEARCH" in line for line in await one.ok("NOOP"))
        assert (await one.say('CANCELUPDATE "t3"'))[-1].startswith("BAD")

    play(store, body)


def test_of_what_comes_into_a_result_is_told_what_was_asked_for(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        one, other = await server.connect(mailbox="INBOX"), await server.connect(mailbox="INBOX")
        await one.ok("UID SEARCH RETURN (UPDATE (FLAGS RFC822.SIZE)) FLAGGED")
        await other.ok("STORE 3 +FLAGS (\\Flagged)")
        heard = await one.ok("NOOP")
        at = heard.index('* ESEARCH (TAG "t3") UID ADDTO (0 3)')
        assert heard[at + 1].startswith("* 3 FETCH (FLAGS (")
        assert "RFC822.SIZE " in heard[at + 1]
        assert heard[at + 1].endswith("UID 3)")

    play(store, body)


def test_a_result_that_cannot_be_found_any_more_is_no_longer_kept(
    store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(server: Running) -> None:
        client = await server.connect(mailbox="INBOX")
        await client.ok("UID SEARCH RETURN (UPDATE) OR SAVEDSINCE 1-Jan-2100 SEEN")
        monkeypatch.setattr("pillarbox.servers.imap.search_program._MOST_TESTS", 1)
        heard = await client.ok("STORE 2 +FLAGS (\\Seen)")
        assert heard[-1] == '* NO [NOUPDATE "t3"] This result is not kept up to date'
        deliver_to(store, "alice", message(6))
        assert await client.ok("NOOP") == ["* 6 EXISTS", "* 6 RECENT"]

    play(store, body)


@pytest.mark.parametrize("key", ["1:3", "$", "OR SEEN NOT 5"])
def test_what_means_something_else_later_is_not_kept_up_to_date(store: EmbeddedStore, key: str) -> None:
    async def body(server: Running) -> None:
        client = await server.connect(mailbox="INBOX")
        heard = await client.ok(f"SEARCH RETURN (UPDATE COUNT) {key}")
        assert heard[0] == '* NO [NOUPDATE "t3"] This result is not kept up to date'
        assert heard[1].startswith('* ESEARCH (TAG "t3") COUNT ')
        await client.ok("STORE 1 +FLAGS (\\Seen)")
        assert not any("ESEARCH" in line for line in await client.ok("NOOP"))

    play(store, body)


def test_only_so_many_results_are_kept_up_to_date_and_of_each_tag_one(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.connect(mailbox="INBOX")
        for number in range(9):
            heard = await client.ok("SEARCH RETURN (UPDATE) SEEN")
            assert ("NOUPDATE" in heard[0]) is (number == 8)
        client.send(b"t5 SEARCH RETURN (UPDATE) SEEN\r\n")
        assert (await client.hear_to("t5"))[-1].startswith("t5 BAD")

    play(store, body)


# --- several mailboxes (RFC 7377)


def test_a_search_in_several_mailboxes_tells_of_each_in_which_something_is(store: EmbeddedStore) -> None:
    deliver_to(store, "bob", message(1, Subject="shared"))
    deliver_to(store, "dave", message(1, Subject="secret"))

    async def body(server: Running) -> None:
        client = await server.connect()
        await client.ok("CREATE Work")
        await client.append("Work", message(9, Subject="work"))
        heard = await client.ok(
            'ESEARCH IN (mailboxes ("INBOX" "Work" "Nowhere" "Other Users/dave@example.org/INBOX")) ALL'
        )
        assert [line.partition(" MAILBOX ")[2].split()[0] for line in heard] == ["INBOX", "Work"]
        heard = await client.ok('ESEARCH IN (subtree "Other Users") RETURN (COUNT) SUBJECT s')
        assert len(heard) == 1
        assert "bob@example.org" in heard[0]
        assert heard[0].endswith("UID COUNT 1")
        # RFC 5465 §6.1, §6.3: these are of one's own account, whatever else is open to the client.
        for scope in ("inboxes", "personal"):
            heard = await client.ok(f"ESEARCH IN ({scope}) SUBJECT s")
            assert not any("bob@example.org" in line for line in heard)
        deliver_to(store, "alice", message(2, Subject="shared"))
        assert len(await client.ok("ESEARCH IN (inboxes) SUBJECT shared")) == 1
        assert (await client.say("ESEARCH IN (personal) 1:3"))[-1].startswith("BAD")
        assert (await client.say("ESEARCH IN (selected) ALL"))[-1].startswith("BAD")
        await client.ok("SELECT Work")
        assert (await client.ok("ESEARCH SUBJECT work"))[0].endswith("UID ALL 1")
        assert await client.ok("ESEARCH SUBJECT absent") == []
        await client.ok("ESEARCH IN (selected) RETURN (SAVE) ALL")
        assert (await client.ok("SEARCH $"))[0] == "* SEARCH 1"

    play(store, body)


# --- how much


def test_a_search_of_a_large_mailbox_leaves_the_loop_free(
    store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What looks at much runs in a thread: on the event loop a reading may not go on after `take_time`."""
    from pillarbox.net import observed  # noqa: PLC0415
    from pillarbox.servers.imap import finding, search_program, threading  # noqa: PLC0415

    monkeypatch.setattr(search_program, "_QUICK_MESSAGES", 3)
    monkeypatch.setattr(finding, "_QUICK", 3)
    monkeypatch.setattr(threading, "_QUICK", 3)
    moved = list[str]()
    monkeypatch.setattr(observed.READS_MOVED, "count", moved.append)

    async def body(server: Running) -> None:
        client = await server.connect(mailbox="INBOX")
        for command in ("SEARCH SEEN", "SORT (SIZE) UTF-8 ALL", "THREAD REFERENCES UTF-8 ALL"):
            moved.clear()
            await client.ok(command)
            assert moved == ["budget"], command
            await client.ok(command)
            assert moved == ["budget"], "what is remembered costs nothing"

    play(store, body)


def test_the_words_that_a_search_has_read_are_there_for_other_processes(
    store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = list[int]()

    def counted(view: Any, account: str, mailbox: str, after: int, uids: Sequence[int]) -> Concordance:
        read.extend(uids)
        return read_concordance(view, account, mailbox, after, uids)

    monkeypatch.setattr(concordances, "_LEAST_STORED", 1)
    monkeypatch.setattr(concordances, "read_concordance", counted)

    async def body(server: Running) -> None:
        client = await server.connect(mailbox="INBOX")
        assert await client.ok('SEARCH BODY "umber 3."') == ["* SEARCH 3"]

    play(store, body)
    assert read == [1, 2, 3, 4, 5]
    play(store, body)
    assert read == [1, 2, 3, 4, 5]


def test_threads_are_those_of_the_messages_that_have_the_numbers_now(store: EmbeddedStore) -> None:
    """Two messages have the numbers 5 and 6 before and after a removal, but they are not the same two."""
    deliver_to(store, "alice", message(6, References="<5@sender.example>"))

    async def body(server: Running) -> None:
        client = await server.connect(mailbox="INBOX")
        assert await client.ok("THREAD REFERENCES UTF-8 UID 5:6") == ["* THREAD (5 6)"]
        deliver_to(store, "alice", message(7))
        await client.ok("NOOP")
        assert await client.ok("THREAD REFERENCES UTF-8 UID 5:6") == ["* THREAD (5 6)"]
        await expunge(client, 1)
        assert await client.ok("THREAD REFERENCES UTF-8 UID 6:7") == ["* THREAD (5)(6)"]

    play(store, body)
