"""A store with accounts behind the HTTP application, asked in this process or over a real socket on loopback."""

import asyncio
import base64
import contextlib
import shutil
import socket
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from pillarbox.app.wiring import bridge_to
from pillarbox.core.account import DIRECTORY
from pillarbox.core.limits import Limits
from pillarbox.datatypes.registry import TYPES
from pillarbox.servers.http.admission import Admission
from pillarbox.servers.http.app import HttpApp
from pillarbox.servers.http.listener import HttpListener
from pillarbox.servers.http.router import Route
from pillarbox.servers.http.settings import HttpSettings
from pillarbox.servers.jmap.server import jmap_routes
from pillarbox.servers.jmap.timing import Timing
from pillarbox.services.authentication import Authentication
from pillarbox.services.provision import connect_rules
from pillarbox.services.registry import METHODS
from pillarbox.storage.embedded import EmbeddedStore
from tests.directory_fixture import PASSWORD, Office, SetClock

T = TypeVar("T")
CORE, MAIL = "urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"


def basic(user: str, password: str = PASSWORD) -> str:
    return "Basic " + base64.b64encode(f"{user}@example.org:{password}".encode()).decode()


class Reply(msgspec.Struct):
    """An answer as the client has it; header names are lower-case."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        """The header's values, joined as RFC 9110 §5.3 allows; empty when there is none."""
        return ", ".join(value for key, value in self.headers if key == name)

    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    def problem(self) -> tuple[int, str]:
        """The status and the last word of the type of a problem document."""
        assert self.header("content-type") == "application/problem+json"
        document = self.json()
        assert document["status"] == self.status
        return self.status, document["type"].rpartition(":")[2]


class Exchange:
    """One request to the application under way: what it sends is gathered as it comes."""

    def __init__(self, web: "Web", scope: dict[str, Any], chunks: Iterable[bytes], *, ends: bool) -> None:
        self._sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._pieces, self._ends = list(chunks), ends
        self._gone = asyncio.Event()
        self.pieces_read = 0
        self.task = asyncio.ensure_future(web.app(scope, self._receive, self._send))
        self.task.add_done_callback(lambda _: self._sent.put_nowait({"type": "end"}))

    async def _receive(self) -> dict[str, Any]:
        if self._pieces:
            self.pieces_read += 1
            return {
                "type": "http.request",
                "body": self._pieces.pop(0),
                "more_body": bool(self._pieces) or not self._ends,
            }
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        self._sent.put_nowait(message)

    def hang_up(self) -> None:
        """Close the connection, as a client that goes away."""
        self._gone.set()

    @property
    def waiting(self) -> int:
        """How many pieces, or the head or the end, have come and are not read."""
        return self._sent.qsize()

    async def head(self) -> Reply:
        message = await self._sent.get()
        assert message["type"] == "http.response.start", message
        return Reply(message["status"], [(k.decode(), v.decode("latin-1")) for k, v in message["headers"]], b"")

    async def piece(self) -> bytes | None:
        """The next piece of the body, None at its end."""
        message = await self._sent.get()
        if message["type"] == "end" or not message.get("more_body"):
            return message.get("body") or None
        return bytes(message["body"])

    async def whole(self) -> Reply:
        reply = await self.head()
        await self.task
        while (piece := await self.piece()) is not None:
            reply.body += piece
        return reply


class Web:
    """The application, its accounts, and ways to ask it."""

    def __init__(
        self,
        office: Office,
        settings: HttpSettings,
        timing: Timing,
        routes: Iterable[Route] = (),
        admission: Admission | None = None,
    ) -> None:
        self.office, self.runner = office, asyncio.Runner()
        self.bridge = bridge_to(office.store)
        authentication = Authentication(office.clock)
        office.store.listeners.append(authentication.changed)
        mine = jmap_routes(self.bridge, METHODS, TYPES, authentication, settings, timing)
        self.app = HttpApp(settings, [*mine, *routes], self.bridge.run, admission)
        self.ids = {name: office.id_of(f"{name}@example.org") or "" for name in ("alice", "bob", "root")}

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def close(self) -> None:
        self.run(self.bridge.close())
        self.runner.close()

    def begin(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str] | None = None,
        *,
        user: str | None = "alice",
        chunks: Iterable[bytes] = (b"",),
        ends: bool = True,
        peer: str | None = "192.0.2.1",
    ) -> Exchange:
        """Start a request, only inside of `run`. Its body comes in chunks, and does not end when `ends` is not set."""
        path, _, query = target.partition("?")
        given = {"host": "mail.example.org", **({"authorization": basic(user)} if user else {}), **(headers or {})}
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "scheme": "http",
            "client": (peer, 40_000) if peer is not None else None,
            "headers": [(k.lower().encode(), v.encode("latin-1")) for k, v in given.items()],
        }
        return Exchange(self, scope, chunks, ends=ends)

    def ask(
        self, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes = b"", **more: Any
    ) -> Reply:
        """The whole answer to a request."""

        async def exchange() -> Reply:
            lengths = {"content-length": str(len(body))} if body else {}
            return await self.begin(
                method, target, {**lengths, **(headers or {})}, **{"chunks": (body,), **more}
            ).whole()

        return self.run(exchange())

    def post(self, request: Any, user: str = "alice", **headers: str) -> Reply:
        """A POST of the API address; the request is JSON or octets."""
        body = request if isinstance(request, bytes) else msgspec.json.encode(request)
        names = {k.replace("_", "-"): v for k, v in headers.items()}
        return self.ask("POST", "/jmap/api", {"content-type": "application/json", **names}, body, user=user)

    def call(self, *calls: tuple[str, dict[str, Any]], using: list[str] | None = None, **more: Any) -> Any:
        """The Response object to these method calls."""
        numbered = [[name, arguments, str(at)] for at, (name, arguments) in enumerate(calls)]
        reply = self.post({"using": using if using is not None else [CORE, MAIL], "methodCalls": numbered, **more})
        assert reply.status == 200, reply
        return reply.json()

    def upload(self, data: bytes, type: str = "text/plain", user: str = "alice") -> Reply:
        return self.ask("POST", f"/jmap/upload/{self.ids[user]}/", {"content-type": type}, data, user=user)

    def blob(self, data: bytes, user: str = "alice") -> str:
        """The path of a download of new octets, without a name."""
        return f"/jmap/download/{self.ids[user]}/{self.upload(data, user=user).json()['blobId']}"

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[tuple[HttpListener, int]]:
        """The application on a port of loopback."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.setblocking(False)
            listener = HttpListener(self.app, [server])
            await listener.start()
            try:
                yield listener, server.getsockname()[1]
            finally:
                await listener.stop()


class WebMaker:
    """Makes an application over the office with other settings or limits than usual."""

    def __init__(self, office: Office) -> None:
        self._office, self._made = office, list[Web]()

    def __call__(
        self,
        settings: HttpSettings | None = None,
        *,
        timing: Timing | None = None,
        routes: Iterable[Route] = (),
        admission: Admission | None = None,
        **limits: int,
    ) -> Web:
        self._office.store.limits = Limits(**limits)
        made = Web(self._office, settings or HttpSettings(), timing or Timing(gather=0), routes, admission)
        self._made.append(made)
        return made

    def close(self) -> None:
        for web in self._made:
            web.close()


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with accounts, to be copied: making passwords takes longer than most tests."""
    connect_rules()
    folder = tmp_path_factory.mktemp("furnished") / "data"
    store = EmbeddedStore(folder, clock=SetClock())
    store.write(lambda tx: tx.add_account(DIRECTORY))
    office = Office(store, SetClock())
    office.create("Domain", name="example.org")
    office.account("alice@example.org")
    office.account("bob@example.org")
    office.account("root@example.org", isAdmin=True)
    store.close()
    return folder


@pytest.fixture
def office(furnished: Path, tmp_path: Path) -> Iterator[Office]:
    """A store of one's own with alice, bob, and root, who is an administrator."""
    shutil.copytree(furnished, tmp_path / "data")
    clock = SetClock()
    store = EmbeddedStore(tmp_path / "data", clock=clock)
    yield Office(store, clock)
    store.close()


@pytest.fixture
def make_web(office: Office) -> Iterator[WebMaker]:
    """Makes applications over the store."""
    maker = WebMaker(office)
    yield maker
    maker.close()


@pytest.fixture
def web(make_web: WebMaker) -> Web:
    """The application with the settings that a new installation has."""
    return make_web()
