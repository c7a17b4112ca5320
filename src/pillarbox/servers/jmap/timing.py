"""How often things happen on connections that stay open, in seconds."""

from __future__ import annotations

import msgspec


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 8620 §7.3: no minimum above 30 and no maximum below 300 for pings of the event source."""

    ping_least: float = 5
    ping_most: float = 900
    gather: float = 0.1  # between two events of a stream, so that a busy account is told of in few
    recheck: float = 30  # after which the login of a stream is looked at again, whether or not anything happens
    sweep: float = 5  # between two looks at all WebSockets
    idle: float = 60  # after which a silent WebSocket is asked whether it is there
    patience: float = 30  # for the answer to that, for the rest of a message, for a reader that takes nothing
