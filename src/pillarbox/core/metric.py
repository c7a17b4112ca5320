"""Numbers that the program keeps of itself: counters, gauges and histograms, one sum over all processes.

The numbers stand in memory that worker processes share, a part for each, so that whoever is asked can add them up. What
a label may say is declared beforehand: a number's place is the same everywhere, and no client can make up new ones.
"""

from __future__ import annotations

import itertools
import mmap
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

OTHER = "other"  # what stands for every value of a label that was not declared
_OCTETS = 8
# Seconds: from a look at the cache to what no client waits for.
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


class Registry:
    """All instruments, and the numbers behind them."""

    def __init__(self) -> None:
        self.instruments: dict[str, Instrument] = {}
        # Without a lock: the interpreter changes threads at calls and jumps, not within a `+=` (a test watches that).
        self.numbers: list[float] = [0.0]  # of this process; the first is nobody's
        self._parts: list[memoryview[float]] = []
        self._part = 0

    def place(self, count: int) -> int:
        """The first of so many new numbers; nobody's place when the numbers are shared already."""
        if self._parts:
            return -1
        start = len(self.numbers)
        self.numbers.extend([0.0] * count)
        return start

    def share(self, parts: int) -> None:
        """Move the numbers to memory that processes forked from now on share; this one keeps the first part."""
        size = len(self.numbers)
        memory = memoryview(mmap.mmap(-1, parts * size * _OCTETS)).cast("d")
        self._parts = [memory[n * size : (n + 1) * size] for n in range(parts)]
        self.flush()

    def flush(self) -> None:
        """Let the other processes see this one's numbers. Call it each second: a list of one's own counts quicker."""
        if self._parts:
            self._parts[self._part][:] = array("d", self.numbers)

    def enter(self, part: int) -> None:
        """Count in this part from now on: the first thing that a forked process does.

        A process that takes the place of one that died goes on with its counts; what was there for the moment is gone.
        """
        self.leave(part)
        self._part, self.numbers = part, list(self._parts[part])

    def leave(self, part: int) -> None:
        """Nobody counts in this part any more: what was there for the moment is gone. For whoever buries processes."""
        for gauge in self.instruments.values():
            if isinstance(gauge, Gauge):
                for at in gauge.places.values():
                    self._parts[part][at] = 0.0

    def total(self, at: int, *, most: bool = False) -> float:
        """A number over all processes: the sum, or the highest."""
        every = [part[at] for n, part in enumerate(self._parts) if n != self._part]
        every.append(self.numbers[at])
        return max(every) if most else sum(every)


REGISTRY = Registry()


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of an exposition: a suffix to the name, labels, and the number."""

    suffix: str
    labels: Mapping[str, str]
    value: float


class Instrument:
    """What all instruments have: a name, a sentence, labels and the places of their numbers."""

    kind = ""
    width = 1

    def __init__(self, name: str, says: str, *, registry: Registry = REGISTRY, **labels: Iterable[str]) -> None:
        self.name, self.says, self.labels = name, says, tuple(labels)
        self.places: dict[tuple[str, ...], int] = {}
        self._registry = registry
        self._nobody = 0
        if name in registry.instruments:
            raise ValueError(f"there are two instruments {name}")
        registry.instruments[name] = self
        self.declare(**labels)

    def declare(self, **labels: Iterable[str]) -> None:
        """Let the labels have these values too: every combination of them."""
        others = [(OTHER,) * len(self.labels)] if self.labels else []
        for key in [*itertools.product(*labels.values()), *others]:
            if key not in self.places and (at := self._registry.place(self.width)) >= 0:
                self.places[key] = at
        self._nobody = self.places.get((OTHER,) * len(self.labels), 0)

    def samples(self) -> Iterator[Sample]:
        """The numbers over all processes. What never happened is left out where there are two labels or more."""
        for key, at in self.places.items():
            value = self._registry.total(at)
            if value or (len(self.labels) < 2 and OTHER not in key):
                yield Sample("", dict(zip(self.labels, key, strict=True)), value)


class Counter(Instrument):
    """How often something happened."""

    kind = "counter"

    def count(self, *labels: str) -> None:
        """It happened."""
        self._registry.numbers[self.places.get(labels, self._nobody)] += 1

    def add(self, amount: float, *labels: str) -> None:
        """It happened so often, or with so much."""
        self._registry.numbers[self.places.get(labels, self._nobody)] += amount


class Gauge(Instrument):
    """How much there is now. Over processes the sum counts, or with `most` the highest."""

    kind = "gauge"

    def __init__(
        self, name: str, says: str, *, most: bool = False, registry: Registry = REGISTRY, **labels: Iterable[str]
    ) -> None:
        self._most = most
        super().__init__(name, says, registry=registry, **labels)

    def set(self, value: float, *labels: str) -> None:
        """It is so much in this process."""
        self._registry.numbers[self.places.get(labels, self._nobody)] = value

    def add(self, amount: float, *labels: str) -> None:
        """It is so much more, or less."""
        self._registry.numbers[self.places.get(labels, self._nobody)] += amount

    def samples(self) -> Iterator[Sample]:
        for key, at in self.places.items():
            if OTHER not in key:
                value = self._registry.total(at, most=self._most)
                yield Sample("", dict(zip(self.labels, key, strict=True)), value)


class Histogram(Instrument):
    """How long or how large: counts by bounds, and the sum."""

    kind = "histogram"

    def __init__(
        self,
        name: str,
        says: str,
        *,
        bounds: Sequence[float] = SECONDS,
        registry: Registry = REGISTRY,
        **labels: Iterable[str],
    ) -> None:
        self.bounds = tuple(bounds)
        self.width = len(self.bounds) + 2  # one beyond the last bound, and the sum
        super().__init__(name, says, registry=registry, **labels)

    def observe(self, value: float, *labels: str) -> None:
        """It took so long, or was so large."""
        at = self.places.get(labels) or self._nobody
        if at:
            numbers = self._registry.numbers
            numbers[at + bisect_left(self.bounds, value)] += 1
            numbers[at + self.width - 1] += value

    def samples(self) -> Iterator[Sample]:
        for key, at in self.places.items():
            labels = dict(zip(self.labels, key, strict=True))
            counts = [self._registry.total(at + n) for n in range(len(self.bounds) + 1)]
            count = sum(counts)
            if not count and self.labels:
                continue
            for bound, below in zip((*map(repr_bound, self.bounds), "+Inf"), itertools.accumulate(counts), strict=True):
                yield Sample("_bucket", {**labels, "le": bound}, below)
            yield Sample("_sum", labels, self._registry.total(at + self.width - 1))
            yield Sample("_count", labels, count)


def repr_bound(bound: float) -> str:
    """A bound as it is told: 1.0, 0.0005."""
    return repr(float(bound))
