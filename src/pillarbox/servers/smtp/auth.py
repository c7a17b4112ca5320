"""AUTH: who logs in on a connection for submission, by whatever mechanism the house has.

Sections: RFC 4954 §4, §6; RFC 4422 §3; RFC 3463 §3.8.
"""

from __future__ import annotations

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.capability import SUBMISSION
from pillarbox.net.bridge import Bridge
from pillarbox.services.login import Channel, Exchange, LoggedIn, Logins
from pillarbox.wire.sasl import base64_line
from pillarbox.wire.sasl.step import Challenge, Malformed
from pillarbox.wire.smtp import state
from pillarbox.wire.smtp.reply import Reply

# RFC 4954 §6: the same for a name that nobody has, and for a wrong password.
WRONG = Reply(535, "5.7.8", "Authentication credentials invalid")
_LATER = Reply(454, "4.7.0", "Too many failures; try again later")
_NOT_FOR_THIS = Reply(535, "5.7.1", "These credentials are not for sending mail")
_UNREADABLE = Reply(501, "5.5.2", "The response cannot be read")

_REPLIES = {
    Kind.RATE_LIMIT: _LATER,
    Kind.FORBIDDEN: WRONG,
    Kind.ACCOUNT_NOT_FOUND: _NOT_FOR_THIS,
    Kind.INVALID_ARGUMENTS: _UNREADABLE,
}


class Authenticating:
    """The exchange of one connection; at most one is under way."""

    def __init__(self, bridge: Bridge, logins: Logins) -> None:
        self._bridge, self._logins = bridge, logins
        self._exchange: Exchange | None = None

    def mechanisms(self, channel: Channel) -> tuple[str, ...]:
        """What to offer."""
        return self._logins.mechanisms(channel)

    async def step(self, event: state.Login, channel: Channel) -> state.Challenge | Reply | LoggedIn:
        """What comes of the client's response: a challenge more, who has logged in, or the reply that refuses."""
        try:
            if event.is_first:
                self._exchange = self._logins.begin(event.mechanism, channel, SUBMISSION)
            assert self._exchange is not None
            response = base64_line.decode(event.response) if event.response is not None else None
            step = await self._bridge.read(self._exchange.respond(response), slow=True)
        except Malformed:
            self._exchange = None
            return _UNREADABLE
        except Fault as fault:
            self._exchange = None
            return _refusal(fault)
        if isinstance(step, Challenge):
            return state.Challenge(base64_line.encode(step.data))
        self._exchange = None
        return step


def _refusal(fault: Fault) -> Reply:
    if fault.kind not in _REPLIES:
        raise fault
    return _REPLIES[fault.kind]
