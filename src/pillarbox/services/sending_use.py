"""What an account has sent in the hour and the day that run for it: a memo that is written with what it sends.

So all processes and nodes count together, a restart forgets nothing, and what is not sent in the end is not counted.
"""

from __future__ import annotations

import msgspec

from pillarbox.datatypes.view import Transaction, View

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
KIND = "sending"  # of the memos of an account that are about what it sends
USE = "use"


class Window(msgspec.Struct, frozen=True, array_like=True):
    """A span of time: it begins with the first that is counted, and when it is over all is forgotten."""

    until: int = 0  # milliseconds since 1970
    messages: int = 0
    recipients: int = 0

    def at(self, now_ms: int, span_ms: int) -> Window:
        """The window that runs at a time. One that ends later than it can was begun by a clock that was wrong."""
        if self.until <= now_ms:
            return Window(now_ms + span_ms)
        return msgspec.structs.replace(self, until=min(self.until, now_ms + span_ms))

    def more(self, recipients: int) -> Window:
        """The same after one message more."""
        return Window(self.until, self.messages + 1, self.recipients + recipients)


class Use(msgspec.Struct, frozen=True, array_like=True):
    """What has been sent, and when what is sent next may leave at the earliest."""

    hour: Window = Window()
    day: Window = Window()
    free_at: int = 0

    def at(self, now_ms: int) -> Use:
        """What counts at a time."""
        return Use(self.hour.at(now_ms, HOUR_MS), self.day.at(now_ms, DAY_MS), min(self.free_at, now_ms + DAY_MS))

    def more(self, recipients: int) -> Use:
        """The same after one message more."""
        return Use(self.hour.more(recipients), self.day.more(recipients), self.free_at)


_decode = msgspec.json.Decoder(Use).decode


def use_of(view: View, account: str) -> Use:
    """What an account has sent as of now."""
    text = view.recall(account, KIND, USE)
    return (_decode(text) if text is not None else Use()).at(view.now_ms)


def keep_use(tx: Transaction, account: str, use: Use) -> None:
    """Write it down."""
    tx.keep_memo(account, KIND, USE, msgspec.json.encode(use).decode(), max(use.day.until, use.free_at))
