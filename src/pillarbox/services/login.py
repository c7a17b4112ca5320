"""Logging in by SASL, or by name and password as IMAP's LOGIN and POP3's USER do, told without a protocol.

Which mechanisms a connection is offered, the claims of an exchange checked, and as whom the peer then acts.
RFC 4422 §3; RFC 4616 §2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pillarbox.core.account import DIRECTORY, Access, Caller
from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.view import View
from pillarbox.services.authentication import Authentication, Held
from pillarbox.services.credential import login_name, wrong
from pillarbox.services.throttle import network_of
from pillarbox.wire.sasl import step
from pillarbox.wire.sasl.mechanism import SIMPLE
from pillarbox.wire.sasl.step import Challenge, Machine, Malformed, Refused, Step


@dataclass(frozen=True, slots=True)
class Channel:
    """The connection on which somebody logs in."""

    address: str  # the peer's; empty for a unix socket
    is_encrypted: bool


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """Somebody who logged in, and the account that they act as: their own, or one that is shared with them."""

    held: Held
    access: Access

    @property
    def caller(self) -> Caller:
        """Who it is."""
        return self.held.login.caller


class Logins:
    """The way in for the protocols that are not HTTP. One for each process."""

    def __init__(self, authentication: Authentication, *, without_tls: bool = False) -> None:
        """`without_tls`: take passwords and tokens that cross the network in the clear."""
        self._authentication, self._without_tls = authentication, without_tls

    def is_open(self, channel: Channel) -> bool:
        """Whether one may log in at all; if not, not until there is TLS (RFC 4616 §2, RFC 7628 §3)."""
        # No mechanism is an exception: a recorded SCRAM exchange can be guessed at offline, and mail without TLS is
        # read by whoever listens anyway.
        return channel.is_encrypted or self._without_tls or not network_of(channel.address)

    def mechanisms(self, channel: Channel) -> tuple[str, ...]:
        """What to offer on this connection now, the best first; nothing when one may not log in."""
        return tuple(SIMPLE) if self.is_open(channel) else ()

    def begin(self, mechanism: str, channel: Channel, capability: str) -> Exchange:
        """An exchange by a mechanism, in any case, that was offered. Raises forbidden for one that was not.

        `capability`: what the protocol gives access to; an app password must allow it.
        """
        if mechanism.upper() not in self.mechanisms(channel):
            raise Fault(Kind.FORBIDDEN, "this mechanism is not offered here")
        return Exchange(self, SIMPLE[mechanism.upper()], channel, capability)

    def log_in(
        self, view: View, name: str, password: str, channel: Channel, capability: str, authorization: str = ""
    ) -> LoggedIn:
        """Who shows this name and password. For a thread: it may hash.

        Raises Fault: forbidden when they are wrong or must not be shown here, rateLimit after too many failures,
        accountNotFound when they are right, but not for this capability or to act as `authorization`.
        """
        if not self.is_open(channel):
            raise Fault(Kind.FORBIDDEN, "log in over TLS")
        held = self._authentication.log_in(view, name, password, channel.address)
        return _as(held, authorization, capability)

    def log_in_with_token(
        self, view: View, token: str, channel: Channel, capability: str, authorization: str = ""
    ) -> LoggedIn:
        """The same for a bearer token."""
        held = self._authentication.log_in(view, None, token, channel.address)
        return _as(held, authorization, capability)

    def check(self, logged_in: LoggedIn) -> LoggedIn | None:
        """What became of a login whose connection is open: None when it was revoked. Quick, for the event loop."""
        caller = self._authentication.check(logged_in.held)
        access = caller.access(logged_in.access.account) if caller is not None else None
        return LoggedIn(logged_in.held, access) if access is not None else None


class Exchange:
    """One exchange. A server says `step = await bridge.read(exchange.respond(response), slow=True)` until it is over.

    A `Challenge` is sent to the peer, whose response comes next; `LoggedIn` is the end, as is every Fault:
    invalidArguments for a message that is none of the mechanism, else as `Logins.log_in` says. A protocol that can tell
    a `Challenge` with `is_final` together with its success does so, and goes on with an empty response.
    """

    def __init__(
        self, logins: Logins, machine: Callable[[bytes | None], Machine], channel: Channel, capability: str
    ) -> None:
        self._logins, self._channel, self._capability = logins, channel, capability
        self._begin = machine
        self._machine: Machine | None = None
        self._step: Step | None = None
        self._logged_in: LoggedIn | None = None
        self._refusal: Fault | None = None

    def respond(self, response: bytes | None) -> Callable[[View], Challenge | LoggedIn]:
        """What has to be done about a response, in octets; None for the first when the peer sent no initial response.

        Raises Fault.
        """
        if self._machine is None:
            self._machine = self._begin(response)
            self._go_on(None)
        else:
            self._go_on(response)
        return self._check

    def _check(self, view: View) -> Challenge | LoggedIn:
        """Answer claims until the peer is asked again. A body of the bridge, so it may be run anew."""
        while not isinstance(self._step, Challenge | None):
            self._go_on(self._answer(view, self._step))
        if self._step is not None:
            return self._step
        if self._logged_in is None:
            raise wrong()
        return self._logged_in

    def _go_on(self, answer: object) -> None:
        assert self._machine is not None
        try:
            self._step = self._machine.send(answer)
        except StopIteration:
            self._step = None
        except Malformed as malformed:
            raise Fault(Kind.INVALID_ARGUMENTS, str(malformed)) from None
        except Refused:
            assert self._refusal is not None
            raise self._refusal from None

    def _answer(self, view: View, claim: Step) -> object:
        match claim:
            case step.Password(name, password, authorization):
                self._logged_in = self._logins.log_in(
                    view, name, password, self._channel, self._capability, authorization
                )
                return None
            case step.Token(token, authorization):
                return self._check_token(view, token, authorization)
            case _:
                raise AssertionError(claim)

    def _check_token(self, view: View, token: str, authorization: str) -> str | None:
        if not token:  # RFC 7628 §4.3: a question, what would be needed, and no guess
            self._refusal = wrong()
            return "invalid_token"
        try:
            self._logged_in = self._logins.log_in_with_token(
                view, token, self._channel, self._capability, authorization
            )
        except Fault as fault:
            if fault.kind not in {Kind.FORBIDDEN, Kind.ACCOUNT_NOT_FOUND}:
                raise
            self._refusal = fault
            return "invalid_token" if fault.kind is Kind.FORBIDDEN else "insufficient_scope"
        return None


def _as(held: Held, authorization: str, capability: str) -> LoggedIn:
    caller = held.login.caller
    if not caller.allows(capability):
        raise Fault(Kind.ACCOUNT_NOT_FOUND, "this app password is for other things")
    name = login_name(authorization) if authorization else caller.username
    for access in caller.accounts.values():
        # Whether there is no such account or it is not shared is not told apart.
        if access.name == name and access.account != DIRECTORY:
            return LoggedIn(held, access)
    raise Fault(Kind.ACCOUNT_NOT_FOUND, "there is no such account, or it is not shared with you")
