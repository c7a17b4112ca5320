"""Logging in by SASL, or by name and password as IMAP's LOGIN and POP3's USER do, told without a protocol.

Which mechanisms a connection is offered, the claims of an exchange checked, and as whom the peer then acts.
RFC 4422 §3; RFC 4616 §2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pillarbox.core.account import DIRECTORY, Access, Caller
from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.admin.name import login_name
from pillarbox.datatypes.view import View
from pillarbox.services import observed
from pillarbox.services.authentication import Authentication
from pillarbox.services.credential import wrong
from pillarbox.services.held import Held
from pillarbox.services.throttle import network_of
from pillarbox.wire.sasl.mechanism import PLUS, SCRAM, SIMPLE, speaker
from pillarbox.wire.sasl.scram import Bindings
from pillarbox.wire.sasl.step import (
    Challenge,
    Machine,
    Malformed,
    Parameters,
    Password,
    Proof,
    Refused,
    Salt,
    Step,
    Token,
    Unbound,
)


@dataclass(frozen=True, slots=True)
class Channel:
    """The connection on which somebody logs in."""

    address: str  # the peer's; empty for a unix socket
    is_encrypted: bool
    bindings: Mapping[str, bytes] = field(default_factory=dict)  # channel binding data by type, such as tls-exporter


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """Somebody who logged in, and the account that they act as: their own, or one that is shared with them."""

    held: Held
    access: Access

    @property
    def caller(self) -> Caller:
        """Who it is."""
        return self.held.login.caller


@dataclass(frozen=True, slots=True)
class Policy:
    """What an administrator decides."""

    without_tls: bool = False  # take passwords, tokens and mail that cross the network in the clear
    scram: bool = True  # offer SCRAM
    certificate_binding: bool = False  # offer SCRAM-SHA-256-PLUS where only tls-server-end-point can be had


class Logins:
    """The way in for the protocols that are not HTTP. One for each process."""

    def __init__(self, authentication: Authentication, policy: Policy | None = None) -> None:
        self._authentication, self._policy = authentication, policy or Policy()

    def is_open(self, channel: Channel) -> bool:
        """Whether one may log in at all; if not, not until there is TLS (RFC 4616 §2, RFC 7628 §3)."""
        # No mechanism is an exception: a recorded SCRAM exchange can be guessed at offline, and mail without TLS is
        # read by whoever listens anyway.
        return channel.is_encrypted or self._policy.without_tls or not network_of(channel.address)

    def mechanisms(self, channel: Channel) -> tuple[str, ...]:
        """What to offer on this connection now, the best first; nothing when one may not log in."""
        if not self.is_open(channel):
            return ()
        scram = (PLUS,) * self._offers_plus(channel) + (SCRAM,) if self._policy.scram else ()
        return (*scram, *SIMPLE)

    def _offers_plus(self, channel: Channel) -> bool:
        # A client that can bind chooses -PLUS without knowing which types of binding we have; RFC 9266 §2 makes
        # tls-exporter the one that all have to know with TLS 1.3. Without it most would fail, and take us for broken.
        known = channel.bindings
        return "tls-exporter" in known or ("tls-server-end-point" in known and self._policy.certificate_binding)

    def begin(self, mechanism: str, channel: Channel, capability: str) -> Exchange:
        """An exchange by a mechanism, in any case, that was offered. Raises forbidden for one that was not.

        `capability`: what the protocol gives access to; an app password must allow it.
        """
        offered, name = self.mechanisms(channel), mechanism.upper()
        if name not in offered:
            raise Fault(Kind.FORBIDDEN, "this mechanism is not offered here")
        machine = speaker(name, Bindings(channel.bindings, is_offered=PLUS in offered))
        return Exchange(self, machine, channel, capability)

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

    def scram_parameters(self, view: View, name: str, channel: Channel) -> Parameters:
        """How the passwords of a name are hashed for SCRAM. Raises rateLimit."""
        return self._authentication.scram_parameters(view, name, channel.address)

    def prove(self, view: View, proof: Proof, channel: Channel, capability: str) -> tuple[LoggedIn, bytes]:
        """Who made a proof by SCRAM, and the ServerKey of their password. Raises as `log_in` does."""
        held, server_key = self._authentication.prove(view, proof, channel.address)
        return _as(held, proof.authorization, capability), server_key

    def check(self, logged_in: LoggedIn) -> LoggedIn | None:
        """What is known of a login whose connection is open: None when it was revoked. For the event loop.

        What is known is only as good as the last look at it: see that it is looked at when it is due. Raises
        unavailable when the store has not told for minutes.
        """
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
        except Unbound as unbound:
            observed.LOGIN_UNBOUND.log(address=self._channel.address, why=str(unbound))
            raise Fault(Kind.FORBIDDEN, str(unbound)) from None
        except Refused:
            assert self._refusal is not None
            raise self._refusal from None

    def _answer(self, view: View, claim: Step) -> object:
        match claim:
            case Password(name, password, authorization):
                self._logged_in = self._logins.log_in(
                    view, name, password, self._channel, self._capability, authorization
                )
                return None
            case Token(token, authorization):
                return self._check_token(view, token, authorization)
            case Salt(name):
                return self._logins.scram_parameters(view, name, self._channel)
            case Proof():
                self._logged_in, server_key = self._logins.prove(view, claim, self._channel, self._capability)
                return server_key
            case Challenge():
                raise AssertionError("a challenge is the peer's to answer")

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
