"""How long a WebSocket's client is waited for: for its answer, for the rest of a message, for what it does not read."""

from __future__ import annotations

_OCTETS_PER_SECOND = 4_096  # slower than this nobody need be who sends a message


class Patience:
    """When the client was heard of, and until when it has to do what it is waited for. Times are the loop's."""

    __slots__ = ("_deadline", "_heard_at", "_message_since", "_seconds", "_stalled_at", "_unread")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._heard_at = 0.0
        self._deadline = 0.0  # until when it has to answer our ping or our goodbye
        self._message_since = 0.0  # when an unfinished message began
        self._unread, self._stalled_at = 0, 0.0  # octets that wait for it, and since when they do not shrink

    def heard(self, now: float, *, is_answer: bool) -> None:
        """Something came; only an answer to the goodbye ends the wait for that."""
        self._heard_at = now
        if is_answer:
            self._deadline = 0.0

    def reads_again(self) -> None:
        """What waited for it was taken."""
        self._unread, self._stalled_at = 0, 0.0

    def expect(self, now: float) -> None:
        """It is asked to answer from now on."""
        self._deadline = now + self._seconds

    def is_silent(self, now: float, seconds: float) -> bool:
        """Whether nothing was heard for so long, and nothing was asked."""
        return not self._deadline and now - self._heard_at >= seconds

    def message_goes_on(self, now: float) -> None:
        """A message is not finished."""
        self._message_since = self._message_since or now

    def message_is_over(self) -> None:
        """No message is unfinished."""
        self._message_since = 0.0

    def is_stalled(self, now: float, unread: int) -> bool:
        """Whether it takes nothing, while nothing is read from it: all that can be asked of it then is progress."""
        if not self._stalled_at or unread < self._unread:
            self._unread, self._stalled_at = unread, now
        return now - self._stalled_at > self._seconds

    def is_late(self, now: float, received: int) -> bool:
        """Whether it owes an answer, or the rest of a message of which so many octets have come."""
        if self._deadline and now > self._deadline:
            return True
        since = self._message_since
        return bool(since) and now - since > self._seconds + received / _OCTETS_PER_SECOND
