"""The push worker from end to end: a client subscribes over HTTP, and reads what its push service was sent."""

import asyncio
from typing import Any

import msgspec
import pytest

from pillarbox.core.account import DIRECTORY
from tests.formats.webpush.signature import verify
from tests.servers.web_fixture import WebMaker, basic, furnished, make_web, office, web
from tests.workers.push_fixture import FAST, Client, client, run, service

__all__ = ["client", "furnished", "make_web", "office", "service", "web"]


def test_a_client_confirms_and_is_told_in_words_that_only_it_can_read(client: Client) -> None:
    async def story() -> None:
        id = await client.subscribe()
        await client.deliver()  # not told: nobody has confirmed
        await client.confirm(id)
        state = await client.deliver()
        request = await client.service.next()
        assert b"StateChange" not in request.body
        sent = client.device.read(request)
        assert sent["@type"] == "StateChange"
        account = client.web.ids["alice"]
        assert sent["changed"].keys() == {account}
        assert sent["changed"][account]["Email"] == state
        assert {"Mailbox", "Thread", "EmailDelivery"} <= sent["changed"][account].keys()
        assert client.service.is_quiet()

    run(client, story())


def test_a_request_is_signed_and_says_how_long_it_is_good(client: Client) -> None:
    async def story() -> None:
        await client.subscribe()
        request = await client.service.next()
        claims = verify(request.headers["authorization"])
        assert claims["aud"] == f"https://push.example:{client.service.port}"
        assert claims["sub"] == "mailto:postmaster@example.org"
        assert request.method == "POST"
        assert request.headers["content-type"] == "application/json"
        assert int(request.headers["ttl"]) > 0
        assert request.headers["urgency"] == "high"
        assert "topic" not in request.headers

    run(client, story())


def test_the_session_tells_the_key_that_signs(client: Client, make_web: WebMaker) -> None:
    later = make_web()

    async def story() -> None:
        await client.subscribe()
        header = (await client.service.next()).headers["authorization"]
        session = (await later.begin("GET", "/jmap/session").whole()).json()
        told = session["capabilities"]["urn:ietf:params:jmap:webpush-vapid"]["applicationServerKey"]
        assert header.endswith(f"k={told}")

    run(client, story())


def test_without_keys_messages_are_sent_as_they_are(client: Client) -> None:
    async def story() -> None:
        id = await client.subscribe(plain=True)
        await client.confirm(id, plain=True)
        await client.deliver()
        request = await client.service.next()
        assert "content-encoding" not in request.headers
        assert msgspec.json.decode(request.body)["@type"] == "StateChange"

    run(client, story())


def test_only_the_types_that_were_asked_for_are_told_of(client: Client) -> None:
    async def story() -> None:
        await client.subscribed(types=["EmailDelivery", "Nonsense"])
        account = client.web.ids["alice"]
        update = {"accountId": account, "create": {"m": {"name": "New"}}}
        await client.call("Mailbox/set", update)
        await client.deliver()
        request = await client.service.next()
        assert client.device.read(request)["changed"][account].keys() == {"EmailDelivery"}
        assert request.headers["urgency"] == "high"

    run(client, story())


def test_a_change_that_is_no_mail_is_not_urgent(client: Client) -> None:
    async def story() -> None:
        await client.subscribed()
        await client.call("Mailbox/set", {"accountId": client.web.ids["alice"], "create": {"m": {"name": "New"}}})
        assert (await client.service.next()).headers["urgency"] == "normal"

    run(client, story())


def test_many_changes_meanwhile_are_told_in_one_message(client: Client) -> None:
    async def story() -> None:
        await client.subscribed()
        client.service.hold["/a"] = asyncio.Event()
        await client.deliver()
        for at in range(20):
            state = await client.deliver(subject=f"More {at}")
        client.service.hold["/a"].set()
        account = client.web.ids["alice"]
        states: list[str] = []
        while not states or states[-1] != state:
            states.append((await client.changed())[account]["Email"])
        assert len(states) <= 3
        assert states == sorted(states, key=int)

    run(client, story())


# --- who may be told what


def test_other_peoples_changes_are_not_told(client: Client) -> None:
    async def story() -> None:
        await client.subscribed()
        await client.deliver("bob")
        await client.deliver("alice")
        assert (await client.changed()).keys() == {client.web.ids["alice"]}

    run(client, story())


def test_an_account_that_is_opened_to_the_user_is_told_of_and_one_that_is_closed_is_not(client: Client) -> None:
    office, ids = client.web.office, client.web.ids

    async def delegate(delegates: dict[str, str]) -> None:
        office.update("Account", ids["bob"], {"delegates": delegates})

    async def story() -> None:
        await client.subscribed()
        await delegate({ids["alice"]: "read"})
        await client.deliver("bob", "once")
        found: Any = {}
        while ids["bob"] not in found:
            await client.deliver("bob")
            await client.deliver("alice")
            found = await client.changed()
        await delegate({})
        await client.deliver("bob")
        state = await client.deliver("alice")
        while True:
            found = await client.changed()
            if found.get(ids["alice"], {}).get("Email") == state:
                break
        assert ids["bob"] not in found

    run(client, story())


def test_an_app_password_is_told_of_nothing_beyond_its_scope(client: Client) -> None:
    alice = client.web.ids["alice"]
    made = client.web.office.create(
        "AppPassword", caller_of(client, "alice"), alice, label="phone", scope=["submission"]
    )
    authorization = f"Bearer {made['secret']}"

    async def story() -> None:
        await client.subscribed("/phone", authorization)
        await client.subscribed("/mail", types=["Email"])
        await client.deliver()
        await client.changed("/mail")
        assert client.service.is_quiet("/phone")

    run(client, story())


def caller_of(client: Client, name: str) -> Any:
    from pillarbox.datatypes.admin.account import ACCOUNT  # noqa: PLC0415
    from pillarbox.services.directory import caller_for  # noqa: PLC0415

    def body(view: Any) -> Any:
        return caller_for(view, view.get(ACCOUNT, DIRECTORY, client.web.ids[name]))

    return client.web.office.store.read(body)


# --- the end of a subscription


@pytest.mark.parametrize("answer", [b"410 Gone", b"404 Not Found"])
def test_a_push_service_that_knows_the_subscription_no_more_ends_it(client: Client, answer: bytes) -> None:
    async def story() -> None:
        await client.subscribed()
        client.service.answers["/a"] = [answer]
        await client.deliver()
        await client.changed()
        await client.until(0)

    run(client, story())


def test_a_new_password_ends_what_the_old_one_subscribed(client: Client) -> None:
    async def story() -> None:
        await client.subscribed()
        client.web.office.update("Account", client.web.ids["alice"], {"password": "battery staple"})
        assert await client.ids() == []
        await client.deliver()
        again = basic("alice", "battery staple")
        await client.subscribed("/b", again)
        await client.deliver()
        await client.changed("/b")
        assert client.service.is_quiet("/a")

    run(client, story())


def test_a_disabled_account_has_no_subscriptions(client: Client) -> None:
    async def story() -> None:
        await client.subscribed()
        client.web.office.update("Account", client.web.ids["alice"], {"isEnabled": False})
        assert await client.ids() == []

    run(client, story())


def test_an_expired_subscription_is_told_nothing_and_goes(client: Client) -> None:
    async def story() -> None:
        await client.subscribed("/old", expires="2023-11-14T23:00:00Z")
        await client.subscribed("/new")
        client.web.office.clock.forward(seconds=3_600)
        await client.deliver()
        await client.changed("/new")
        assert client.service.is_quiet("/old")
        async with client.worker():  # looks at everything when it starts
            await client.until(1)

    run(client, story())


# --- failures


@pytest.mark.parametrize("answer", [b"503 Busy", b"429 Slow down", b"500 Oops", b"302 Found", b"400 Bad"])
def test_what_was_not_taken_is_told_again(client: Client, answer: bytes) -> None:
    async def story() -> None:
        await client.subscribed()
        client.service.answers["/a"] = [answer] * 3
        state = await client.deliver()
        for _ in range(4):
            assert (await client.changed())[client.web.ids["alice"]]["Email"] == state

    run(client, story())


def test_a_refused_verification_is_not_tried_again(client: Client) -> None:
    async def story() -> None:
        client.service.answers["/a"] = [b"503 Busy"]
        await client.subscribe()
        await client.service.next()
        id = await client.subscribed("/b")
        assert id
        await client.deliver()
        await client.changed("/b")
        assert client.service.is_quiet("/a")

    run(client, story())


def test_a_verification_is_sent_once_across_restarts(client: Client) -> None:
    async def story() -> None:
        await client.subscribe()
        await client.service.next()

    async def later() -> None:
        await client.subscribed("/b")
        assert client.service.is_quiet("/a")

    run(client, story())
    run(client, later())


def test_after_a_restart_the_next_change_is_told(client: Client) -> None:
    async def before() -> None:
        await client.subscribed()

    async def after() -> None:
        # Another subscription tells that the worker has looked at what is stored.
        await client.subscribed("/b")
        await client.deliver()
        await client.changed("/a")

    async def story() -> None:
        async with client.service.open():
            async with client.worker():
                await before()
            async with client.worker():
                await after()

    client.web.run(story())


def test_one_that_does_not_answer_does_not_hold_up_the_others(client: Client) -> None:
    async def story() -> None:
        await client.subscribed("/slow")
        await client.subscribed("/b")
        client.service.hold["/slow"] = asyncio.Event()
        for at in range(3):
            await client.deliver(subject=f"Mail {at}")
            await client.changed("/b")
        client.service.hold["/slow"].set()

    run(client, story())


def test_verifications_of_one_account_are_few(client: Client) -> None:
    client._timing = msgspec.structs.replace(FAST, greetings=3)

    async def story() -> None:
        for at in range(6):
            await client.subscribe(f"/{at}")
        for _ in range(3):
            await client.service.any()
        await client.deliver()
        assert client.service.count == 3

    run(client, story())
