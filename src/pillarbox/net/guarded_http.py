"""The one client for all requests that the server makes on somebody else's word: push, and what is fetched by URL.

A name is resolved here, each address is judged, and the connection is made to the very address that was judged, so that
a name cannot point to another one in between. Redirects are answers like others, and never followed. Everything has an
end: one deadline for the whole exchange, one limit for all that is read (docs/decisions).

RFC 9112, RFC 9110 §4.3.4 (the certificate is that of the URL's host).
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import h11
import msgspec

from pillarbox.net.outbound_address import AddressPolicy
from pillarbox.net.outbound_url import Url, UrlError, parse_url

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
_MAX_ADDRESSES = 4
_MAX_HEAD = 32_768  # of each head, of which informational ones may come before the last
_CONNECT_SECONDS = 10.0
_MAX_INFORMATIONAL = 8
_READ = 16_384  # octets at a time: tiny chunks in a large piece would hold up everybody else


class OutboundError(Exception):
    """There is no answer to the request; the message says why, for the log and not for whoever gave the URL."""


class Refused(OutboundError):
    """The request was not made, and would not be made the next time: the URL or where it leads is not allowed."""


class Unreachable(OutboundError):
    """Nobody answered, not in time, or not for a reason that has to last."""


class BadAnswer(OutboundError):
    """What was answered is not HTTP, too much, or encoded in a way that was not asked for."""


class Answer(msgspec.Struct, frozen=True):
    """An answer; header names are lower-case, and the first of several values counts."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class GuardedClient:
    """Makes requests, each on a connection of its own."""

    def __init__(self, policy: AddressPolicy, *, ca_file: Path | None = None, resolve: Resolve | None = None) -> None:
        """`ca_file` holds further authorities for certificates, in PEM."""
        self._policy, self._ca_file = policy, ca_file
        self._resolve = resolve or _resolve

    @functools.cached_property
    def _tls(self) -> ssl.SSLContext:
        """Made for the first request: the authorities take memory in every process that has them."""
        out = ssl.create_default_context()
        out.minimum_version = ssl.TLSVersion.TLSv1_2
        out.set_alpn_protocols(["http/1.1"])
        if self._ca_file is not None:
            out.load_verify_locations(self._ca_file)
        return out

    def complaint(self, text: str) -> str | None:
        """Why no request would be made to this URL, as far as that shows in its text; None: it would."""
        try:
            self.check(text)
        except Refused as error:
            return str(error)
        return None

    def check(self, text: str) -> Url:
        """The URL in its parts. Raises Refused when no request would be made to it, as far as that shows in its text.

        That is so for plain HTTP and unusual ports, but for addresses that are allowed by name, and for addresses that
        are not allowed.
        """
        try:
            url = parse_url(text)
        except UrlError as error:
            raise Refused(str(error)) from None
        if url.is_address and not self._policy.is_allowed(url.host):
            raise Refused("the address is not a public one")
        if not (url.is_address and self._policy.is_listed(url.host)):
            if not url.is_secure:
                raise Refused("the URL has to begin with https://")
            if not url.is_usual_port:
                raise Refused("the port is not one of HTTP's")
        return url

    async def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        seconds: float = 20.0,
        max_octets: int = 0,
    ) -> Answer:
        """The answer to one request, with at most `max_octets` of body; 0: the body is not read.

        All of it, the resolving too, takes at most so many seconds. Raises Refused, Unreachable or BadAnswer.
        """
        target = self.check(url)
        try:
            async with asyncio.timeout(seconds):
                reader, writer = await self._connect(target)
                try:
                    exchange = _Exchange(reader, writer, max_octets)
                    return await exchange.run(_request(method, target, headers, body), body)
                finally:
                    writer.transport.abort()
        except TimeoutError:
            raise Unreachable(f"no answer within {seconds:g} seconds") from None
        except (h11.RemoteProtocolError, h11.LocalProtocolError) as error:
            raise BadAnswer(str(error)) from None
        except OSError as error:
            raise Unreachable(str(error) or type(error).__name__) from None

    async def _connect(self, url: Url) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        problem: Exception = Unreachable("the name has no address")
        for address in await self._addresses(url):
            try:
                async with asyncio.timeout(_CONNECT_SECONDS):
                    return await asyncio.open_connection(
                        address,
                        url.port,
                        ssl=self._tls if url.is_secure else None,
                        server_hostname=url.host if url.is_secure else None,
                    )
            except OSError as error:  # a timeout is one too; the next address may be better
                problem = error
        raise problem

    async def _addresses(self, url: Url) -> Sequence[str]:
        """The addresses to try, all of them judged."""
        found = [url.host] if url.is_address else await self._resolve(url.host, url.port)
        allowed = [address for address in dict.fromkeys(found) if self._policy.is_allowed(address)]
        if found and not allowed:
            raise Refused(f"{url.host} has no public address")
        return allowed[:_MAX_ADDRESSES]


class _Exchange:
    """One request and its answer on an open connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, max_octets: int) -> None:
        self._reader, self._writer, self._max = reader, writer, max_octets
        self._talk = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD)
        self._left = max_octets + 2 * _MAX_HEAD  # octets on the wire, whatever they are: heads, chunk sizes, trailers

    async def run(self, request: h11.Request, body: bytes) -> Answer:
        self._writer.write(self._talk.send(request) or b"")
        self._writer.write((self._talk.send(h11.Data(body)) or b"") + (self._talk.send(h11.EndOfMessage()) or b""))
        # A server may answer, and close, before it has read all of the request: what it says counts.
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()
        event = await self._next()
        for _ in range(_MAX_INFORMATIONAL):
            if isinstance(event, h11.InformationalResponse):
                event = await self._next()
        if not isinstance(event, h11.Response):
            raise BadAnswer("the server did not come to an answer")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(list(event.headers))}
        return Answer(event.status_code, headers, await self._body(headers) if self._max else b"")

    async def _body(self, headers: Mapping[str, str]) -> bytes:
        # None was asked for, and one that was not would be a way to send little that becomes much.
        if headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise BadAnswer("the answer has a content coding that was not asked for")
        out = bytearray()
        while isinstance(event := await self._next(), h11.Data):
            out += event.data
            if len(out) > self._max:
                raise BadAnswer(f"the answer has more than {self._max} octets")
        return bytes(out)

    async def _next(self) -> object:
        while (event := self._talk.next_event()) is h11.NEED_DATA:
            await asyncio.sleep(0)
            data = await self._reader.read(_READ)
            self._left -= len(data)
            if self._left < 0:
                raise BadAnswer("the answer is too long")
            self._talk.receive_data(data)
        return event


def _request(method: str, url: Url, headers: Mapping[str, str], body: bytes) -> h11.Request:
    every = {
        "Host": url.authority,
        "User-Agent": "Pillarbox",
        "Accept-Encoding": "identity",
        "Connection": "close",
        **({"Content-Length": str(len(body))} if body or method in ("POST", "PUT", "PATCH") else {}),
        **headers,
    }
    return h11.Request(method=method, target=url.target, headers=list(every.items()))


async def _resolve(name: str, port: int) -> Sequence[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise Unreachable(f"{name} cannot be resolved: {error}") from None
    return [str(entry[4][0]) for entry in found]
