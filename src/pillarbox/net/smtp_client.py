"""A client's connection to an SMTP or LMTP server: by address, with TLS that its caller chooses and judges.

RFC 5321 §4.5.3.2, RFC 3207, RFC 8314 §3.3 (implicit TLS), RFC 4954 (AUTH).
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import math
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from pillarbox.formats.tls_result import Result
from pillarbox.net.outbound_tls import peer_chain, result_of
from pillarbox.net.smtp_login import Login, Untrusted, challenge, choose
from pillarbox.net.smtp_stream import Endpoint, SmtpStream, connect, reason
from pillarbox.wire.sasl.step import Malformed
from pillarbox.wire.sasl.step import Refused as MechanismRefused
from pillarbox.wire.smtp_client.capability import Capabilities
from pillarbox.wire.smtp_client.conversation import Conversation, Dropped, Exchange, Refused, Timeouts
from pillarbox.wire.smtp_client.message import Parcel
from pillarbox.wire.smtp_client.reply import Reply

T = TypeVar("T")
Chain = tuple[bytes, ...]  # certificates in DER, the server's own first
_MAX_CHALLENGES = 10


@dataclass(frozen=True, slots=True)
class Tls:
    """What TLS has to be: `name` is asked for by SNI, `context` may check chain and name, `judge` sees the chain."""

    name: str
    context: ssl.SSLContext
    judge: Callable[[Chain], Result | None] = lambda _chain: None


class SmtpConnection:
    """A connection, from the greeting on. Not for two tasks at a time."""

    def __init__(self, stream: SmtpStream, conversation: Conversation) -> None:
        self._stream, self._conversation = stream, conversation
        self.tls: ssl.SSLObject | None = None
        self.ends_at = math.inf  # by the loop's clock; whatever is under way then is given up

    @classmethod
    async def open(
        cls,
        endpoint: Endpoint,
        name: str,
        *,
        tls: Tls | None = None,
        timeouts: Timeouts | None = None,
        ends_at: float = math.inf,
    ) -> SmtpConnection:
        """Connect, with TLS from the beginning if it is given, and greet as `name`.

        Raises Dropped when nobody answers, Refused, Untrusted.
        """
        conversation = Conversation(name, is_lmtp=endpoint.is_lmtp, timeouts=timeouts)
        connection = cls(await connect(endpoint), conversation)
        connection.ends_at = ends_at
        try:
            if tls is not None:
                await connection._secure(tls, endpoint.connect_seconds)
            await connection._run(conversation.greet())
        except BaseException:
            connection.abort()
            raise
        return connection

    @property
    def offered(self) -> Capabilities:
        """What the server offers."""
        return self._conversation.offered

    @property
    def messages(self) -> int:
        """How many messages the server has taken over this connection."""
        return self._conversation.messages

    @property
    def is_usable(self) -> bool:
        """Whether another message may be sent over it."""
        most = self.offered.limit("MAILMAX")
        is_spent = most is not None and self.messages >= most
        return (
            not is_spent and not self._conversation.is_closing and self._stream.is_idle and self._conversation.is_quiet
        )

    @property
    def has_sent(self) -> bool:
        """Whether the server was given the content of the last message that was sent: it may have it."""
        return self._conversation.is_given

    async def start_tls(self, tls: Tls) -> None:
        """From here on with TLS. Raises Refused when the server does not want to, Untrusted, Dropped."""
        await self._run(self._conversation.start_tls())
        if not self._stream.is_idle:
            # RFC 3207 §5: what came in the clear after the reply would be taken for protected
            raise Dropped("the server went on speaking after it had agreed to begin TLS")
        await self._secure(tls, self._conversation.timeouts.hello)
        await self._run(self._conversation.hello())

    async def log_in(self, login: Login) -> str:
        """Authenticate; the mechanism that was used. Raises Refused, Untrusted when there is none for what we have."""
        offered = self.offered.mechanisms
        mechanism, machine = choose(login, offered, is_secure=self.tls is not None)
        response = next(machine)
        line = f"AUTH {mechanism}".encode()
        if response.data is not None:
            line += b" " + (base64.b64encode(response.data) or b"=")
        for _ in range(_MAX_CHALLENGES):
            reply: Reply = await self._run(self._conversation.ask(line + b"\r\n", self._conversation.timeouts.mail))
            if reply.is_ok:
                if not response.is_complete:
                    raise Untrusted("the server let us in without proving itself")
                return mechanism
            if reply.code != 334:
                raise Refused(reply)
            try:
                response = machine.send(challenge(reply))
            except (Malformed, MechanismRefused) as error:
                raise Untrusted(f"{mechanism}: {error}") from None
            line = base64.b64encode(response.data or b"")
        raise Dropped("the server asks without end")

    async def send(self, parcel: Parcel) -> list[Reply]:
        """A reply for each recipient of a parcel. Raises Dropped, CommandError, Withdrawn."""
        return await self._run(self._conversation.send(parcel))

    async def leave(self) -> None:
        """End the connection politely."""
        with contextlib.suppress(Dropped):
            await self._run(self._conversation.quit())
        self.abort()

    def abort(self) -> None:
        """End the connection at once."""
        if self._stream.transport is not None:
            self._stream.transport.abort()

    async def _run(self, exchange: Exchange[T]) -> T:
        conversation, now = self._conversation, asyncio.get_running_loop().time
        replies, until = -1, 0.0
        try:
            while True:
                seconds = next(exchange)
                await self._flush()
                # A server that gives its reply octet by octet gains no time by it.
                if conversation.replies != replies:
                    replies, until = conversation.replies, min(now() + seconds, self.ends_at)
                conversation.receive_data(await self._stream.receive(max(until - now(), 0)))
        except StopIteration as end:
            result: T = end.value
            return result

    async def _flush(self) -> None:
        now = asyncio.get_running_loop().time
        try:
            while data := self._conversation.data_to_send():
                seconds = min(self._conversation.timeouts.block, max(self.ends_at - now(), 0))
                await self._stream.send(data, seconds)
        except Dropped:
            if self._stream.is_empty:
                raise
            # The server has said why it wants no more of this, and then closed the connection: that is to be read.

    async def _secure(self, tls: Tls, seconds: float) -> None:
        stream, loop = self._stream, asyncio.get_running_loop()
        assert stream.transport is not None
        try:
            async with asyncio.timeout(seconds):
                transport = await loop.start_tls(stream.transport, stream, tls.context, server_hostname=tls.name)
        except ssl.SSLCertVerificationError as error:
            raise Untrusted(f"the certificate is not trusted: {error.verify_message}", result_of(error)) from None
        except TimeoutError:
            raise Dropped("TLS did not begin in time") from None
        except (OSError, ValueError) as error:
            raise Untrusted(f"TLS cannot begin: {reason(error)}", result_of(error)) from None
        if transport is None:
            raise Dropped("the server closed the connection")
        stream.transport = transport
        self.tls = transport.get_extra_info("ssl_object")
        if self.tls is None:
            raise Dropped("the connection has lost its TLS")
        if (problem := tls.judge(peer_chain(self.tls))) is not None:
            raise Untrusted(f"the certificate is not the one that it should be: {problem.value}", problem)
