"""The ASGI application: finds the handler, turns what goes wrong into a problem document, and sends the answer.

No middleware and no framework: a JMAP request costs about a millisecond in all, and each layer would cost a part of it.
RFC 9110; ASGI 3.0.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable

from pillarbox.core import slow
from pillarbox.core.faults import Fault
from pillarbox.core.operation import Operation, become
from pillarbox.servers.http import compression, observed
from pillarbox.servers.http.admission import Admission
from pillarbox.servers.http.answer import LOCKED, NO_STORE, SECURITY, Answer, Header, Stream, Upgrade
from pillarbox.servers.http.cors import Cors
from pillarbox.servers.http.faults import problem_of
from pillarbox.servers.http.forwarded import Forwarding
from pillarbox.servers.http.problem import Disconnected, Problem
from pillarbox.servers.http.request import Receive, Request, Scope, Send
from pillarbox.servers.http.router import Route, Router
from pillarbox.servers.http.settings import HttpSettings
from pillarbox.servers.http.stream import Streams
from pillarbox.servers.http.transfer import send_pieces
from pillarbox.servers.http.upgraded import SWITCH

Run = Callable[..., Awaitable[bytes]]  # runs a function in a thread
_PIECE = 262_144  # octets of a large body that wait in the connection's buffer at a time


class HttpApp:
    """An ASGI application over some routes."""

    def __init__(
        self,
        settings: HttpSettings,
        routes: Iterable[Route],
        run: Run | None = None,
        admission: Admission | None = None,
    ) -> None:
        """`run` takes large answers to a thread to be compressed; without it they are compressed here.

        `admission` bounds how many connections an address has, and requests through proxies.
        """
        self.admission = admission
        self._begin = admission.begin if admission is not None and admission.counts_requests else None
        self._settings, self._thread = settings, run
        self._router = Router(routes)
        self._cors = Cors(settings.allowed_origins)
        self._address = Forwarding(settings.public_url, settings.trusted_proxies).address
        self._transport_security = (b"strict-transport-security", b"max-age=%d" % settings.hsts_seconds)
        self._streams = Streams()
        self._closers: set[Callable[[], Awaitable[None]]] = set()  # of what took connections over
        self._run = os.urandom(4).hex()
        self._requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await _refuse(scope, receive, send)
            return
        self._requests += 1
        request = Request(scope, receive, f"{self._run}-{self._requests:x}")
        operation = Operation("http", request.id, self._address, request)
        become(operation)
        try:
            answer = await self._answer(request, operation)
            if isinstance(answer, Upgrade):
                self._closers.add(answer.close)
                head = self._head(request, answer, ())
                request.scope["extensions"][SWITCH]["take"](head, answer.protocol, request.place)
                request.place = ""  # from now on the connection has it
            else:
                await self._give(request, answer, receive, send)
        except Disconnected:
            return
        finally:
            self._leave(request)
        self._note(request, operation, answer)

    def _leave(self, request: Request) -> None:
        """Count a request no longer: before its last octets, since the next may come as soon as these are read.

        Not sooner: an answer that nobody takes is in memory for as long.
        """
        if request.release is not None:
            request.release()
            request.release = None
        if self.admission is not None and request.place:
            self.admission.leave(request.place)
            request.place = ""

    async def _give(self, request: Request, answer: Answer | Stream, receive: Receive, send: Send) -> None:
        if isinstance(answer, Answer):
            await self._send(request, answer, receive, send)
        elif request.method == "HEAD":
            await send(self._head(request, answer, ()))
            await send({"type": "http.response.body", "body": b""})
        else:
            await self._stream(request, answer, receive, send)

    async def _stream(self, request: Request, answer: Stream, receive: Receive, send: Send) -> None:
        observed.STREAMS.add(1)
        try:
            await self._streams.send(answer.pieces, self._head(request, answer, ()), receive, send)
        finally:
            observed.STREAMS.add(-1)

    async def close(self) -> None:
        """End all open streams and what took connections over; other requests are left to finish."""
        await asyncio.gather(self._streams.close(), *(close() for close in self._closers))

    async def _answer(self, request: Request, operation: Operation) -> Answer | Stream | Upgrade:
        try:
            route = self._router.find(request.path)
            operation.name = route.name
            if self._begin is not None:
                request.place = self._begin(request)
            if request.method == "OPTIONS":
                origin = request.headers.get(b"origin")
                return Answer(204, ((b"allow", route.allow), *self._cors.preflight(origin)))
            return await route.handler(request.method)(request)
        except Problem as problem:
            return problem.answer()
        except Fault as fault:
            return problem_of(fault).answer()
        except Disconnected:
            raise
        except Exception as error:  # noqa: BLE001 - whatever happened, the client gets an answer and the log the reason
            observed.REQUEST_FAILED.log(error, method=request.method, resource=operation.name)
            return Problem(500, f"the server failed; its log says more under {request.id}").answer()

    async def _send(self, request: Request, answer: Answer, receive: Receive, send: Send) -> None:
        body, extra = await self._encoded(request, answer)
        is_empty = answer.status in (204, 304)
        if not is_empty:
            length = len(body) if answer.content_length is None else answer.content_length
            extra = (*extra, (b"content-length", b"%d" % length))
        if answer.pieces is not None:
            await send_pieces(answer.pieces, self._head(request, answer, extra), receive, send)
            return
        await send(self._head(request, answer, extra))
        if request.method == "HEAD" or is_empty:
            body = b""
        if len(body) <= _PIECE:
            self._leave(request)
            await send({"type": "http.response.body", "body": body})
            return
        view = memoryview(body)
        for start in range(0, len(body), _PIECE):
            more = start + _PIECE < len(body)
            if not more:
                self._leave(request)
            await send({"type": "http.response.body", "body": bytes(view[start : start + _PIECE]), "more_body": more})

    def _head(self, request: Request, answer: Answer | Stream | Upgrade, extra: Iterable[Header]) -> dict[str, object]:
        cors = self._cors.headers(request.headers.get(b"origin"))
        headers = [*answer.headers, *extra, *cors, *SECURITY, (b"x-request-id", request.id.encode())]
        # RFC 6797 §7.2: "An HSTS Host MUST NOT include the STS header field in HTTP responses conveyed over non-secure
        # transport." What a proxy received by TLS, the proxy may say it of.
        if self._settings.hsts_seconds and request.scope["scheme"] == "https":
            headers.append(self._transport_security)
        names = {name for name, _ in answer.headers}
        if b"cache-control" not in names:
            headers.append(NO_STORE)
        if b"content-security-policy" not in names:
            headers.append(LOCKED)
        if answer.status == 413 or (answer.status >= 400 and b"transfer-encoding" in request.headers):
            headers.append((b"connection", b"close"))  # the rest of a refused body is not waited for
        return {"type": "http.response.start", "status": answer.status, "headers": headers}

    async def _encoded(self, request: Request, answer: Answer) -> tuple[bytes, tuple[Header, ...]]:
        """The body as the client wants it, and the headers that say so."""
        if not answer.compressible:
            return answer.body, ()
        vary = ((b"vary", b"Accept-Encoding"),)
        least = self._settings.compress_from_octets
        accepted = compression.accepts_gzip(request.headers.get(b"accept-encoding"))
        if not least or len(answer.body) < least or not accepted:
            return answer.body, vary
        if self._thread is not None and len(answer.body) > compression.SLOW_OCTETS:
            body = await self._thread(compression.gzip, answer.body)
        else:
            body = compression.gzip(answer.body)
        return body, (*vary, (b"content-encoding", b"gzip"))

    def _note(self, request: Request, operation: Operation, answer: Answer | Stream | Upgrade) -> None:
        status = observed.STATUS_TEXT[answer.status]
        observed.REQUESTS.count(operation.name, request.method, status)
        if not isinstance(answer, Answer):
            return  # a stream is open for as long as its client wants
        seconds = slow.finish(operation, status)
        observed.REQUEST_SECONDS.observe(seconds, operation.name)
        if self._settings.access_log:
            observed.REQUEST.log(
                method=request.method,
                resource=operation.name,
                status=answer.status,
                ms=round(seconds * 1000, 1),
                octets=len(answer.body),
            )


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer what is no HTTP request: the server's start and stop, or a WebSocket that nobody serves."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1000})
    elif scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": message["type"] + ".complete"})
        await send({"type": "lifespan.shutdown.complete"})
