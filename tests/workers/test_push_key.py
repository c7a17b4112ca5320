"""The key that signs is changed while clients are subscribed with the one before it (RFC 8292 §4.2, RFC 9749)."""

import asyncio
from typing import Any

import msgspec

from pillarbox.datatypes.push_subscription import PUSH_SUBSCRIPTION
from pillarbox.services.authentication import Authentication
from pillarbox.services.push_key import keys_in_use, rotate
from pillarbox.storage.transaction import Transaction
from pillarbox.workers.housekeeping import Housekeeping
from tests.formats.webpush.signature import verify
from tests.servers.web_fixture import furnished, make_web, office, web
from tests.support.loopback import Received
from tests.workers.push_fixture import Client, client, run, service

__all__ = ["client", "furnished", "make_web", "office", "service", "web"]
VAPID = "urn:ietf:params:jmap:webpush-vapid"


async def session(client: Client) -> Any:
    return (await client.web.begin("GET", "/jmap/session").whole()).json()


async def told_key(client: Client) -> str:
    return str((await session(client))["capabilities"][VAPID]["applicationServerKey"])


def signed_by(request: Received) -> str:
    verify(request.headers["authorization"])
    return request.headers["authorization"].rpartition("k=")[2]


async def change(client: Client, *, forget_old: bool = False) -> str:
    """Rotate the key; the one that the session tells then."""
    before = await told_key(client)
    await client.web.bridge.write(lambda tx: rotate(tx, forget_old=forget_old))
    after = await told_key(client)
    assert after != before
    return after


async def keep_house(client: Client) -> None:
    authentication = Authentication(client.web.office.clock)
    await Housekeeping(client.web.bridge, authentication).once()


def publics(client: Client) -> list[str]:
    return [found.public for found in client.web.office.store.read(keys_in_use)]


def test_a_subscription_is_signed_for_by_the_key_of_its_time_and_a_new_one_by_the_new_key(client: Client) -> None:
    async def story() -> None:
        old = await told_key(client)
        await client.subscribed("/old")
        new = await change(client)
        await client.subscribe("/new")
        request = await client.service.next("/new")
        assert signed_by(request) == new
        code = client.device.read(request)
        update = {code["pushSubscriptionId"]: {"verificationCode": code["verificationCode"]}}
        await client.call("PushSubscription/set", {"update": update})
        await client.deliver()
        assert signed_by(await client.service.next("/new")) == new
        assert signed_by(await client.service.next("/old")) == old

    run(client, story())


def test_every_answer_tells_that_the_session_is_another_as_soon_as_the_key_is(client: Client) -> None:
    async def story() -> None:
        body = b'{"using":["urn:ietf:params:jmap:core"],"methodCalls":[["Core/echo",{},"0"]]}'
        headers = {"content-type": "application/json", "content-length": str(len(body))}
        before = (await session(client))["state"]
        await client.web.bridge.write(rotate)
        answer = (await client.web.begin("POST", "/jmap/api", headers, chunks=(body,)).whole()).json()
        assert answer["sessionState"] != before
        assert (await session(client))["state"] == answer["sessionState"]

    run(client, story())


def test_a_replaced_key_is_kept_while_it_signs_and_forgotten_afterwards(client: Client) -> None:
    async def story() -> None:
        old = await told_key(client)
        id = await client.subscribed()
        new = await change(client)
        await keep_house(client)
        assert publics(client) == [old, new]
        await client.call("PushSubscription/set", {"destroy": [id]})
        client.web.office.clock.forward(seconds=7_200)
        await keep_house(client)
        assert publics(client) == [new]
        await client.subscribe("/b")
        assert signed_by(await client.service.next("/b")) == new

    run(client, story())


def test_a_key_that_nobody_uses_is_replaced_at_once(client: Client) -> None:
    async def story() -> None:
        new = await change(client)
        assert publics(client) == [new]

    run(client, story())


def test_a_key_that_got_out_signs_no_more_and_its_subscriptions_end(client: Client) -> None:
    async def story() -> None:
        await client.subscribed()
        client.service.hold["/a"] = asyncio.Event()  # one request is under way meanwhile
        await client.deliver()
        new = await change(client, forget_old=True)
        client.service.hold["/a"].set()
        await client.until(0)
        assert publics(client) == [new]
        await client.service.next()
        await client.deliver()
        await client.subscribed("/b")
        assert client.service.is_quiet()

    run(client, story())


def test_a_subscription_of_the_time_before_keys_were_noted_has_the_oldest(client: Client) -> None:
    async def story() -> None:
        old = await told_key(client)
        id = await client.subscribed()
        owner = client.web.ids["alice"]
        await client.web.bridge.write(lambda tx: unnote(tx, owner, id))
        await change(client)
        await keep_house(client)
        await client.deliver()
        assert signed_by(await client.service.next()) == old
        used = client.web.office.store.read(keys_in_use)
        assert [found.subscriptions for found in used] == [1, 0]

    run(client, story())


def unnote(tx: Transaction, owner: str, id: str) -> None:
    one = tx.get(PUSH_SUBSCRIPTION, owner, id)
    assert one is not None
    tx.write(PUSH_SUBSCRIPTION, owner, one, msgspec.structs.replace(one, signing_key=""))
