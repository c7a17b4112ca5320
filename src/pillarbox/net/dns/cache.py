"""Answers that are remembered for as long as they say, the last used ones in so much memory.

RFC 1035 §7.4; RFC 2308 §5 (what is not there), §7 (what failed); RFC 9520 §3.2 (failures for seconds).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import msgspec

from pillarbox.core.dns import Answer, Question, Status
from pillarbox.net.dns.record import size_of

FAILED_SECONDS = 5
_OVERHEAD = 700  # octets of an entry beside its records' own, as measured
_OF_A_RECORD = 120


class Cache:
    """The answers by their questions. `time` gives seconds that never run backwards."""

    def __init__(self, max_octets: int, time: Callable[[], float]) -> None:
        self._max, self._time = max_octets, time
        self._entries: OrderedDict[Question, tuple[Answer, float, int]] = OrderedDict()
        self.octets = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, question: Question) -> Answer | None:
        """What is remembered, with the seconds that it has left; None when there is nothing."""
        entry = self._entries.get(question)
        if entry is None:
            return None
        answer, until, _ = entry
        left = until - self._time()
        if left <= 0:
            self._forget(question)
            return None
        self._entries.move_to_end(question)
        return msgspec.structs.replace(answer, ttl=int(left))

    def put(self, question: Question, answer: Answer) -> None:
        """Remember an answer for its TTL, a failure for some seconds. One with a TTL of 0 is not kept."""
        seconds = FAILED_SECONDS if answer.status is Status.FAILED else answer.ttl
        octets = _OVERHEAD + sum(_OF_A_RECORD + size_of(record) for record in answer.records)
        self._forget(question)
        if seconds <= 0 or octets > self._max:
            return
        self._entries[question] = answer, self._time() + seconds, octets
        self.octets += octets
        while self.octets > self._max:
            self._forget(next(iter(self._entries)))

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self.octets = 0

    def _forget(self, question: Question) -> None:
        entry = self._entries.pop(question, None)
        if entry is not None:
            self.octets -= entry[2]
