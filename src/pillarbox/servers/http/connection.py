"""One connection: uvicorn's protocol with bounds on what a client may send and how slowly (RFC 9112)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from pillarbox.servers.http import observed
from pillarbox.servers.http.admission import Admission
from pillarbox.servers.http.exchange import Exchange, head_of
from pillarbox.servers.http.problem import Problem
from pillarbox.servers.http.upgraded import SWITCH, Upgraded

_MAX_HEAD = 65_536  # octets of request line and header fields
_HEAD_SECONDS = 30  # for a whole request, and one second more for each so many octets of it
_OCTETS_PER_SECOND = 4_096
_TAKE_SECONDS = 90  # for the octets in the buffer of a connection, some 300,000 at most
_SWEEP_SECONDS = 5
_LINGER_SECONDS = 3  # for idle clients of a server that stops


class Connection(HttpToolsProtocol):
    """A connection that knows since when its client has owed it the rest of a request."""

    owed_since = 0.0
    full_since = 0.0  # since when the client has not taken what waits for it
    received = 0  # octets since the request began
    in_head = True
    admission: Admission | None = None
    place = ""  # what the connection is counted under

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first request."""
        super().connection_made(transport)
        observed.CONNECTIONS_MADE.count()
        observed.CONNECTIONS.add(1)
        self.owed_since = self.loop.time()
        if self.admission is not None:
            self._ask_admission(self.admission)

    def _ask_admission(self, admission: Admission) -> None:
        """Be counted, or be sent away before anything is read."""
        try:
            self.place = admission.connect(str(self.client[0]) if self.client else "", len(self.connections))
        except Problem as problem:
            observed.CONNECTIONS_REFUSED.count()
            self._end(problem)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        observed.CONNECTIONS.add(-1)
        self._leave(self.place)
        super().connection_lost(exc)

    def _leave(self, place: str) -> None:
        if self.admission is not None:
            self.admission.leave(place)

    def data_received(self, data: bytes) -> None:
        """Take octets; a head that does not end is refused, for the parser would keep all of it."""
        super().data_received(data)
        self.received += len(data)
        if self.in_head and self.received > _MAX_HEAD and not self.transport.is_closing():
            self._refuse(431, "the request's head is too large")

    def on_message_begin(self) -> None:
        """Begin to wait for the rest of a request."""
        self.owed_since, self.received, self.in_head = self.loop.time(), 0, True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is whole: begin to answer, or wait until the requests before this one are answered."""
        self.in_head = False
        parser, scope = self.parser, self.scope
        version = parser.get_http_version()
        scope["http_version"], scope["method"] = version, parser.get_method().decode("ascii")
        url = httptools.parse_url(self.url)
        path = url.path.decode("ascii")
        scope["raw_path"], scope["path"] = url.path, unquote(path) if "%" in path else path
        scope["query_string"] = url.query or b""
        if parser.should_upgrade():
            scope["extensions"] = {SWITCH: {"take": self._switch}}
        before: RequestResponseCycle | None = self.cycle
        self.cycle = self._exchange(keep_alive=version != "1.0" and parser.should_keep_alive())
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def _exchange(self, *, keep_alive: bool) -> Exchange:
        return Exchange(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=keep_alive,
            on_response=self.on_response_complete,
        )

    def on_message_complete(self) -> None:
        """The request is whole."""
        self.owed_since = 0.0
        super().on_message_complete()

    def _unsupported_upgrade_warning(self) -> None:
        """Read on when the request is answered: what follows may be in another protocol."""
        self.flow.pause_reading()

    def _switch(self, message: Mapping[str, Any], make: Callable[[], Upgraded], place: str) -> None:
        """Write the last head in HTTP, and give the connection to another protocol, with the request's place."""
        if self.transport.is_closing():
            self._leave(place)
            return
        self.cycle.response_started = self.cycle.response_complete = True
        self._unset_keepalive_if_required()
        self.transport.write(head_of(message["status"], [*self.server_state.default_headers, *message["headers"]]))
        protocol = make()
        protocol.connections, protocol.leave = self.connections, self._leaving(place)
        self.connections.discard(self)
        self.connections.add(protocol)  # type: ignore[arg-type] # uvicorn asks no more of it than Upgraded has
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        self.flow.resume_reading()

    def _leaving(self, place: str) -> Callable[[], None] | None:
        """What frees the place of the connection, or of the request if a proxy passed it on."""
        place = self.place or place
        return partial(self.admission.leave, place) if self.admission is not None and place else None

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self._refuse(400, msg)

    def _refuse(self, status: int, detail: str) -> None:
        """Answer what is no request."""
        observed.MALFORMED_REQUESTS.count()
        peer = self.client
        observed.MALFORMED.log(address=str(peer[0]) if peer else "", status=status)
        self._end(Problem(status, detail))

    def _end(self, problem: Problem) -> None:
        """Answer with a problem document, and close."""
        self.transport.write(problem.last_words())
        self.transport.close()

    def pause_writing(self) -> None:
        """The buffer is full: begin to wait for the client to take some of it."""
        self.full_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """The client has taken enough."""
        self.full_since = 0.0
        super().resume_writing()

    def shutdown(self) -> None:
        """The listener stops: finish what is under way. An idle client need not say under TLS that it has understood.

        RFC 8446 §6.1: each side closes for itself. The loops wait for the other one, who may be asleep.
        """
        cycle: RequestResponseCycle | None = self.cycle
        super().shutdown()
        if (cycle is None or cycle.response_complete) and self.scheme == "https":
            self.loop.call_later(_LINGER_SECONDS, self.transport.abort)

    def is_late(self, now: float) -> bool:
        """Whether the client takes longer for its request, or for the answer, than anybody needs."""
        if self.full_since and now - self.full_since > _TAKE_SECONDS:
            return True
        return bool(self.owed_since) and now - self.owed_since > _HEAD_SECONDS + self.received / _OCTETS_PER_SECOND


async def watch(connections: Iterable[Any]) -> None:
    """Abort late connections, for ever. One look at all of them costs less than a timer for each."""
    while True:
        await asyncio.sleep(_SWEEP_SECONDS)
        abort_late(connections, asyncio.get_running_loop().time())


def abort_late(connections: Iterable[Any], now: float) -> None:
    """Cut off the clients that are late."""
    for connection in list(connections):
        if connection.is_late(now):
            connection.transport.abort()
