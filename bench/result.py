"""Figures: collected over rounds, shown as medians in a table, kept as JSON, compared with earlier ones."""

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.client import Load

COLUMNS = {
    "ops_s": "ops/s",
    "p50_ms": "p50 ms",
    "p95_ms": "p95 ms",
    "p99_ms": "p99 ms",
    "alone_p50_ms": "p50 alone",
    "cpu_ms": "CPU ms/op",
    "disk_kb": "disk kB/op",
    "pss_mb": "PSS MB",
    "octets": "octets/op",
    "noise": "noise",
    "errors": "errors",
}
COMPARED = ("ops_s", "p50_ms", "alone_p50_ms", "cpu_ms", "disk_kb", "pss_mb")


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def spread(values: Sequence[float]) -> dict[str, float]:
    """The percentiles of latencies."""
    return {f"p{share}_ms": percentile(values, share / 100) for share in (50, 95, 99)} if values else {}


def figures(load: Load) -> dict[str, float]:
    """What a load says by itself."""
    done = max(1, len(load.latencies))
    rate = done / load.seconds if load.seconds else 0.0
    return {"ops_s": rate, **spread(load.latencies), "octets": load.octets_in / done, "errors": load.errors}


@dataclass
class Result:
    """All figures of a run: row -> figure -> a value for each round."""

    about: dict[str, Any] = field(default_factory=dict)
    rows: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def add(self, row: str, found: dict[str, float]) -> None:
        """Enter one round of a row."""
        for name, value in found.items():
            self.rows.setdefault(row, {}).setdefault(name, []).append(round(value, 4))

    def median(self, row: str, name: str) -> float | None:
        """The median of a figure over the rounds, None where it was not measured."""
        values = self.rows.get(row, {}).get(name)
        return statistics.median(values) if values else None

    def table(self) -> str:
        """All rows, as Markdown; figures without a column of their own stand in lines below."""
        rows = [[name, *(shown(self.median(name, key)) for key in COLUMNS)] for name in self.rows]
        lines = [markdown(["", *COLUMNS.values()], rows)]
        for name, found in self.rows.items():
            if others := [f"{key} {shown(self.median(name, key))}" for key in found if key not in COLUMNS]:
                lines.append(f"{name}: {', '.join(others)}")
        lines += [f"{name}: not measured: {reason}" for name, reason in self.failures.items()]
        return "\n".join(lines)

    def comparison(self, old: "Result") -> str:
        """The ratios of the medians, new / old, as Markdown: more ops/s is better, less of all else."""
        rows = []
        for name in self.rows:
            ratios = [ratio(self.median(name, key), old.median(name, key)) for key in COMPARED]
            if any(value is not None for value in ratios):
                rows.append([name, *map(shown, ratios)])
        return markdown(["new / old", *(COLUMNS[key] for key in COMPARED)], rows)

    def write(self, path: Path) -> None:
        """Keep it as JSON."""
        path.write_text(json.dumps(vars(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Result":
        """Read what `write` wrote."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))


def ratio(new: float | None, old: float | None) -> float | None:
    """The ratio, where there is one."""
    return new / old if new is not None and old else None


def shown(value: float | None) -> str:
    """A figure with three significant digits or so."""
    if value is None:
        return "-"
    if value == int(value) or abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose columns line up."""
    kept = [list(head), *(list(row) for row in rows)]
    widths = [max(len(row[at]) for row in kept) for at in range(len(head))]
    ruler = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = [
        [
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        for row in (kept[0], ruler, *kept[1:])
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
