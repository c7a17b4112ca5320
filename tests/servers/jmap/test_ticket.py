"""Tickets: half a minute, once, worth what the login is worth; redeemed in whichever process the client comes to."""

import asyncio
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from pillarbox.servers.http.settings import HttpSettings
from tests.directory_fixture import Office
from tests.servers.jmap.socket_client import talking
from tests.servers.web_fixture import Web, WebMaker, basic

EVENTS = "/jmap/eventsource?types=*&closeafter=no&ping=0"


def ticket(web: Web, **more: Any) -> str:
    reply = web.ask("POST", "/jmap/ticket", **more)
    assert reply.status == 201, reply
    assert reply.header("cache-control") == "no-store"
    return str(reply.json()["ticket"])


def opens(web: Web, text: str) -> bool:
    """Whether the ticket opens a WebSocket on which requests are answered."""

    async def talk() -> bool:
        try:
            async with talking(web, None, f"?ticket={text}") as client:
                await client.call("R", ("Core/echo", {}))
                return bool((await client.hear())["requestId"] == "R")
        except InvalidStatus as refused:
            return refused.response.status_code != 401

    return web.run(talk())


def test_a_ticket_opens_a_web_socket_once(web: Web) -> None:
    text = ticket(web)
    assert opens(web, text)
    assert not opens(web, text)


def test_it_says_until_when_it_holds(office: Office, web: Web) -> None:
    reply = web.ask("POST", "/jmap/ticket")
    assert reply.json()["validUntil"] == "2023-11-14T22:13:50Z"
    office.clock.forward(seconds=30)
    assert not opens(web, reply.json()["ticket"])


def test_it_can_be_redeemed_in_another_process(make_web: WebMaker) -> None:
    assert opens(make_web(), ticket(make_web()))


def test_of_two_that_redeem_it_at_once_one_gets_it(web: Web) -> None:
    text = ticket(web)

    async def talk() -> None:
        async def one() -> int:
            exchange = web.begin("GET", f"{EVENTS}&ticket={text}", user=None)
            status = (await exchange.head()).status
            exchange.hang_up()
            return status

        assert sorted(await asyncio.gather(one(), one(), one())) == [200, 401, 401]

    web.run(talk())


@pytest.mark.parametrize("text", ["", "x", "a.b", f"nobody.{'A' * 43}", "%00", "a" * 5_000])
def test_what_is_no_ticket_opens_nothing(web: Web, text: str) -> None:
    assert web.ask("GET", f"{EVENTS}&ticket={text}", user=None).status == 401


def test_a_ticket_opens_nothing_else(web: Web) -> None:
    assert web.ask("GET", f"/jmap/session?ticket={ticket(web)}", user=None).status == 401
    assert web.ask("POST", f"/jmap/ticket?ticket={ticket(web)}", user=None).status == 401


def test_it_takes_a_login_to_get_one(web: Web) -> None:
    assert web.ask("POST", "/jmap/ticket", user=None).status == 401
    assert web.ask("POST", "/jmap/ticket", {"authorization": basic("alice", "wrong")}).status == 401
    assert web.ask("GET", "/jmap/ticket").status == 405


@pytest.mark.parametrize("change", [{"password": "another one"}, {"isEnabled": False}])
def test_it_dies_with_the_login(office: Office, web: Web, change: dict[str, Any]) -> None:
    text = ticket(web)
    office.update("Account", web.ids["alice"], change)
    assert not opens(web, text)


def test_an_app_passwords_ticket_has_its_scope_and_dies_with_it(office: Office, web: Web) -> None:
    alice, caller = web.ids["alice"], office.caller(web.ids["alice"])
    made = office.create("AppPassword", caller, alice, label="phone", scope=["submission"])
    headers = {"authorization": f"Bearer {made['secret']}"}
    text, later = ticket(web, headers=headers, user=None), ticket(web, headers=headers, user=None)

    async def talk() -> None:
        async with talking(web, None, f"?ticket={text}") as client:
            await client.call("R", ("Mailbox/get", {"accountId": alice}))
            assert (await client.hear())["methodResponses"][0][1]["type"] == "forbidden"

    web.run(talk())
    office.destroy("AppPassword", made["id"], caller=caller, accountId=alice)
    assert not opens(web, later)


def test_only_so_many_wait_to_be_used(office: Office, web: Web) -> None:
    replies = [web.ask("POST", "/jmap/ticket") for _ in range(101)]
    assert [r.status for r in replies] == [201] * 100 + [429]
    assert web.ask("POST", "/jmap/ticket", user="bob").status == 201
    office.clock.forward(seconds=30)
    assert web.ask("POST", "/jmap/ticket").status == 201


def test_neither_the_store_nor_the_log_has_the_ticket(
    make_web: WebMaker, office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    web = make_web(HttpSettings(access_log=True))
    text = ticket(web)
    with office.store.snapshot() as view:
        assert text.rpartition(".")[2] not in repr(view.db.rows("SELECT * FROM ticket"))
    assert opens(web, text)
    assert text.rpartition(".")[2] not in " ".join(
        r.getMessage() for r in caplog.records if r.name.startswith("pillarbox")
    )


def test_the_session_says_where_and_for_how_long(web: Web) -> None:
    said = web.ask("GET", "/jmap/session").json()["capabilities"]["urn:pillarbox:params:jmap:ticket"]
    assert said == {"url": "http://mail.example.org/jmap/ticket", "lifetime": 30}
