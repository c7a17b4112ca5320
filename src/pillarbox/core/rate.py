"""Rates: so many in a span of time, kept by a bucket that fills evenly. Pure: whoever asks says what time it is.

A bucket is one number, the time at which it is full again (the generic cell rate algorithm). Of what a rate allows,
some may go at once and the rest evenly, so that no span of that length, wherever it begins, ever sees more.
"""

from __future__ import annotations

from typing import NamedTuple

_PATIENCE_MS = 60_000  # by how much the clocks of nodes may differ; more than that is a clock that was set back
_SHARE = 10  # of what a rate allows, this part may go at once unless somebody says otherwise


class Rate(NamedTuple):
    """At most `most` in any `span_ms`, of which `at_once` may go without a pause; `at_once` is 1 to half of `most`."""

    most: int
    span_ms: int
    at_once: int

    @classmethod
    def of(cls, most: int, span_ms: int, at_once: int = 0) -> Rate:
        """A rate; a tenth of it at once unless told otherwise."""
        return cls(most, span_ms, at_once or max(1, most // _SHARE))

    @property
    def bucket(self) -> Bucket:
        """A full bucket for it."""
        # A window that begins with a full bucket sees `at_once` and what flows in until its end: together `most`.
        return Bucket(0, -(-self.span_ms * 1000 // (self.most - self.at_once + 1)), self.at_once)


class Bucket(NamedTuple):
    """Room for `size`; each takes `step_us` to come back. `full_us` is when all have; microseconds since 1970."""

    full_us: int
    step_us: int
    size: int

    def room(self, now_ms: int) -> int:
        """How many may go now."""
        return max(0, (self.size * self.step_us - self._owed(now_ms)) // self.step_us)

    def after(self, count: int, now_ms: int) -> Bucket:
        """The bucket when so many have gone."""
        return self._replace(full_us=now_ms * 1000 + self._owed(now_ms) + count * self.step_us)

    def next_ms(self, now_ms: int) -> int:
        """When one may go, in milliseconds since 1970: now, or later."""
        wait_us = self._owed(now_ms) - (self.size - 1) * self.step_us
        return now_ms + max(0, -(-wait_us // 1000))

    def at(self, now_ms: int) -> Bucket:
        """The bucket as it is to be believed at a time.

        More than the whole is owed where a clock was set back, or a rate was raised: then it is an empty one. Where it
        is only a little more, another node's clock is ahead, and giving anything back would give it twice.
        """
        whole = self.size * self.step_us
        is_wrong = self._owed(now_ms) > whole + _PATIENCE_MS * 1000
        return self._replace(full_us=now_ms * 1000 + whole) if is_wrong else self

    def _owed(self, now_ms: int) -> int:
        """In how many microseconds it is full."""
        return max(0, self.full_us - now_ms * 1000)
