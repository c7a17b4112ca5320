"""A client with a push service that it trusts, before a server whose push worker runs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pillarbox.datatypes.push_subscription import PUSH_SUBSCRIPTION, RULES
from pillarbox.datatypes.registry import TYPES
from pillarbox.services.mail.deliver import deliver
from pillarbox.services.push_key import ensure_key
from pillarbox.workers.push import PushWorker
from pillarbox.workers.push_line import PushTiming
from pillarbox.workers.push_request import PushSender
from tests.directory_fixture import Office
from tests.servers.web_fixture import CORE, MAIL, Web, WebMaker, furnished, make_web, office, web
from tests.support.mail_house import message
from tests.support.push_service import Device, PushService, push_service

__all__ = ["furnished", "make_web", "office", "web"]
FAST = PushTiming(
    gather=0.0, interval=0.0, most_interval=0.02, first_retry=0.01, most_retry=0.02, greeting_pause=60, rights=0.0
)


class Client:
    """Somebody with a device, and a push service that it trusts."""

    def __init__(self, web: Web, service: PushService, timing: PushTiming) -> None:
        self.web, self.service = web, service
        self._sender = PushSender(service.client(), web.office.clock, "mailto:postmaster@example.org")
        self._timing = timing
        self.device = Device()

    @contextlib.asynccontextmanager
    async def worker(self) -> AsyncIterator[None]:
        """A worker that runs meanwhile."""
        task = asyncio.create_task(PushWorker(self.web.bridge, self._sender, TYPES, self._timing).run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def call(self, name: str, arguments: dict[str, Any], authorization: str = "") -> Any:
        body = msgspec.json.encode({"using": [CORE, MAIL], "methodCalls": [[name, arguments, "0"]]})
        headers = {"content-type": "application/json", "content-length": str(len(body))}
        if authorization:
            headers["authorization"] = authorization
        reply = await self.web.begin("POST", "/jmap/api", headers, chunks=(body,)).whole()
        ((name_, answer, _),) = reply.json()["methodResponses"]
        assert name_ == name, answer
        return answer

    async def subscribe(self, path: str = "/a", authorization: str = "", *, plain: bool = False, **given: Any) -> str:
        """The id of a new subscription."""
        new = {"deviceClientId": "d", "url": self.service.url(path), "types": None, **given}
        if not plain:
            new["keys"] = self.device.keys
        answer = await self.call("PushSubscription/set", {"create": {"n": new}}, authorization)
        assert answer["notCreated"] is None, answer
        return str(answer["created"]["n"]["id"])

    async def confirm(self, id: str, path: str = "/a", authorization: str = "", *, plain: bool = False) -> None:
        """Wait for the code, and send it back."""
        request = await self.service.next(path)
        sent = msgspec.json.decode(request.body) if plain else self.device.read(request)
        assert sent["@type"] == "PushVerification"
        assert sent["pushSubscriptionId"] == id
        patch = {"update": {id: {"verificationCode": sent["verificationCode"]}}}
        assert (await self.call("PushSubscription/set", patch, authorization))["notUpdated"] is None

    async def subscribed(self, path: str = "/a", authorization: str = "", **given: Any) -> str:
        id = await self.subscribe(path, authorization, **given)
        await self.confirm(id, path, authorization)
        return id

    async def deliver(self, name: str = "alice", subject: str = "Hello") -> str:
        """Mail comes in; the account's Email state then."""
        account = self.web.ids[name]
        await self.web.bridge.write(lambda tx: deliver(tx, account, message(subject), mailbox_role="inbox"))
        return await self.web.bridge.read(lambda view: str(view.state(_EMAIL, account)))

    async def changed(self, path: str = "/a") -> Any:
        """The `changed` of the next StateChange."""
        sent = self.device.read(await self.service.next(path))
        assert sent["@type"] == "StateChange"
        return sent["changed"]

    async def until(self, how_many: int, owner: str = "alice") -> None:
        """Wait until the account has so many subscriptions."""
        changed = asyncio.Event()
        loop = asyncio.get_running_loop()
        listeners = self.web.office.store.listeners

        def wake(_changed: Any) -> None:
            loop.call_soon_threadsafe(changed.set)

        listeners.append(wake)
        async with asyncio.timeout(10):
            while len(await self.ids(owner)) != how_many:
                await changed.wait()
                changed.clear()
        listeners.remove(wake)

    async def ids(self, owner: str = "alice") -> list[str]:
        return await self.web.bridge.read(lambda view: view.ids(PUSH_SUBSCRIPTION, self.web.ids[owner], 100))


_EMAIL = next(kind for kind in TYPES if kind.name == "Email")


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PushService:
    found = push_service(tmp_path)
    monkeypatch.setattr(RULES, "complaint", found.client().complaint)
    return found


@pytest.fixture
def client(office: Office, make_web: WebMaker, service: PushService) -> Client:
    office.store.write(ensure_key)
    return Client(make_web(), service, FAST)


def run(client: Client, story: Coroutine[Any, Any, None]) -> None:
    async def told() -> None:
        async with client.service.open(), client.worker():
            await story

    client.web.run(told())
