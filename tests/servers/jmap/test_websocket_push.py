"""Push over WebSocket: on and off, of the wanted types, from where the client was (RFC 8887 §4.3.5)."""

import asyncio
from typing import Any

import pytest

from pillarbox.core.account import DIRECTORY
from pillarbox.servers.jmap.timing import Timing
from tests.directory_fixture import Office
from tests.servers.jmap.socket_client import by_hand, talking
from tests.servers.jmap.test_event_source import new_mailbox, state
from tests.servers.web_fixture import Web, WebMaker
from tests.wire.websocket.client_frame import text


def test_changes_are_pushed_from_the_time_when_it_is_enabled(web: Web) -> None:
    async def talk() -> None:
        async with talking(web) as client:
            await new_mailbox(web, "Before")
            await client.enable()
            await new_mailbox(web, "Plans")
            pushed = await client.hear()
            assert pushed.pop("pushState")
            assert pushed == {"@type": "StateChange", "changed": {web.ids["alice"]: {"Mailbox": state(web)}}}
            assert client.early == []

    web.run(talk())


def test_nothing_is_pushed_before_and_after(web: Web) -> None:
    async def talk() -> None:
        async with talking(web) as client:
            await new_mailbox(web, "Before")
            await client.enable()
            await client.say(at_type="WebSocketPushDisable")
            await client.settle()
            await new_mailbox(web, "After")
            await client.settle()
            assert client.early == []
            assert web.bridge.feed.accounts == {DIRECTORY}

    web.run(talk())


def test_only_the_wanted_types_are_pushed_and_a_new_wish_takes_the_place_of_the_old(web: Web) -> None:
    async def talk() -> None:
        async with talking(web) as client:
            await client.enable(["Mailbox"])
            await client.enable(["Email", "Nonsense"])
            web.bridge.feed.publish({web.ids["alice"]: {"Email": 99, "Mailbox": 99}})
            assert (await client.hear())["changed"] == {web.ids["alice"]: {"Email": "99"}}

    web.run(talk())


def test_a_client_that_comes_back_is_told_at_once_what_it_missed_and_no_more(web: Web) -> None:
    async def talk() -> None:
        async with talking(web) as client:
            await client.enable()
            await new_mailbox(web, "Plans")
            seen = (await client.hear())["pushState"]
        async with talking(web) as client:
            await client.enable(None, pushState=seen)
            assert client.early == []
        await new_mailbox(web, "More")
        async with talking(web) as client:
            await client.enable(None, pushState=seen)
            missed = client.early or [await client.hear()]
            assert missed[0]["changed"] == {web.ids["alice"]: {"Mailbox": state(web)}}
            assert missed[0]["pushState"] != seen

    web.run(talk())


def test_a_push_state_that_says_nothing_is_answered_with_all_states(web: Web) -> None:
    async def talk() -> None:
        async with talking(web) as client:
            await client.enable(["Mailbox", "Email"], pushState="from elsewhere")
            told = (client.early or [await client.hear()])[0]
            assert told["changed"][web.ids["alice"]].keys() == {"Mailbox", "Email"}

    web.run(talk())


def test_nobody_hears_of_an_account_that_is_not_theirs(web: Web) -> None:
    async def talk() -> None:
        async with talking(web) as client:
            await client.enable()
            await new_mailbox(web, "Plans", "bob")
            await client.settle()
            assert client.early == []

    web.run(talk())


def test_accounts_that_are_gained_are_told_of_and_those_that_are_lost_are_not(
    office: Office, make_web: WebMaker
) -> None:
    web = make_web(timing=Timing(gather=0, recheck=0, sweep=0.01))

    def share(rights: dict[str, str]) -> None:
        office.update("Account", web.ids["bob"], {"delegates": rights})

    async def talk() -> None:
        async with talking(web) as client:
            await client.enable(["Mailbox"])
            await asyncio.to_thread(share, {web.ids["alice"]: "read"})
            assert (await client.hear())["changed"].keys() == {web.ids["bob"]}
            await new_mailbox(web, "Ours", "bob")
            assert (await client.hear())["changed"] == {web.ids["bob"]: {"Mailbox": state(web, "bob")}}
            await asyncio.to_thread(share, {})
            await new_mailbox(web, "Private", "bob")
            await new_mailbox(web, "Mine")
            assert (await client.hear())["changed"].keys() == {web.ids["alice"]}

    web.run(talk())


def test_changes_that_come_close_together_are_one_push(make_web: WebMaker) -> None:
    web = make_web(timing=Timing(gather=0.05))
    alice = web.ids["alice"]

    async def talk() -> None:
        async with talking(web) as client:
            await client.enable(["Mailbox", "Email"])
            for number in (90, 91, 92):
                web.bridge.feed.publish({alice: {"Mailbox": number}})
            web.bridge.feed.publish({alice: {"Email": 93}})
            assert (await client.hear())["changed"] == {alice: {"Mailbox": "90"}}
            assert (await client.hear())["changed"] == {alice: {"Mailbox": "92", "Email": "93"}}

    web.run(talk())


def test_a_revoked_login_is_told_nothing(office: Office, web: Web) -> None:
    async def talk() -> None:
        async with talking(web) as client:
            await client.enable()
            await asyncio.to_thread(office.update, "Account", web.ids["alice"], {"isEnabled": False})
            await new_mailbox(web, "Secret")
            assert await client.rest() == []
            assert client.connection.close_code == 1008

    web.run(talk())


def test_a_client_that_does_not_read_costs_no_more_memory_the_more_happens(make_web: WebMaker) -> None:
    web = make_web(timing=Timing(gather=0))
    alice = web.ids["alice"]

    async def talk() -> None:
        async with by_hand(web) as (hand, _, _):
            hand.writer.write(text(b'{"@type": "WebSocketPushEnable", "dataTypes": null}'))
            (connection,) = await _sockets(web)
            connection.pause_writing()
            for number in range(1_000, 2_000):
                web.bridge.feed.publish({alice: {"Email": number}})
                await asyncio.sleep(0)
            connection.resume_writing()
            _, payload = await hand.frame()
            assert b'"1999"' in payload

    web.run(talk())


async def _sockets(web: Web) -> list[Any]:
    """The open connections, once push is on."""
    while web.ids["alice"] not in web.bridge.feed.accounts:  # noqa: ASYNC110 -- nobody would set an event
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    (close,) = web.app._closers
    return list(close.__self__._open)  # type: ignore[attr-defined]


@pytest.mark.parametrize("number", [5, 50])
def test_what_was_told_already_is_not_told_again(web: Web, number: int) -> None:
    async def talk() -> None:
        async with talking(web) as client:
            await client.enable(["Email"])
            web.bridge.feed.publish({web.ids["alice"]: {"Email": 1_000 + number}})
            web.bridge.feed.publish({web.ids["alice"]: {"Email": 1_000 + number - 1}})
            assert (await client.hear())["changed"] == {web.ids["alice"]: {"Email": str(1_000 + number)}}
            await client.settle()
            assert client.early == []

    web.run(talk())
