"""Figures: medians, the table, and the comparison with earlier ones."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.bench import growth, wanted
from bench.client import Load
from bench.meter import ProcessTree
from bench.result import Result, figures, percentile, shown


def result_of(**rows: list[float]) -> Result:
    result = Result()
    for name, values in rows.items():
        for value in values:
            result.add(name, {"ops_s": value, "errors": 0})
    return result


def test_a_row_shows_the_median_of_its_rounds() -> None:
    result = result_of(J1=[10, 30, 20])
    assert result.median("J1", "ops_s") == 20
    assert result.median("J1", "p50_ms") is None
    assert "| J1 |    20 |      - |" in result.table()


def test_figures_without_a_column_and_failed_rows_are_told_below() -> None:
    result = Result(failures={"D4": "RuntimeError: refused"})
    result.add("startup", {"start_s": 1.25})
    assert result.table().splitlines()[-2:] == ["startup: start_s 1.25", "D4: not measured: RuntimeError: refused"]


def test_the_comparison_is_new_by_old() -> None:
    lines = result_of(J1=[30], J2=[5]).comparison(result_of(J1=[20])).splitlines()
    assert [line.split()[1:4] for line in lines[2:]] == [["J1", "|", "1.50"]]


def test_a_result_comes_back_from_its_file(tmp_path: Path) -> None:
    result = result_of(J1=[1, 2])
    result.write(tmp_path / "r.json")
    assert Result.read(tmp_path / "r.json") == result


def test_figures_of_a_load() -> None:
    load = Load(latencies=[1.0, 2.0, 3.0, 4.0], seconds=2.0, errors=1, octets_in=400)
    assert figures(load) == {"ops_s": 2, "p50_ms": 3, "p95_ms": 4, "p99_ms": 4, "octets": 100, "errors": 1}
    assert figures(Load(errors=1))["errors"] == 1


def test_a_percentile_is_one_of_the_values() -> None:
    assert percentile([3, 1, 2], 0.5) == 2
    assert percentile([1], 0.99) == 1


@pytest.mark.parametrize(("value", "text"), [(None, "-"), (0.01234, "0.012"), (12.34, "12.34"), (123.4, "123.4")])
def test_figures_are_short(value: float | None, text: str) -> None:
    assert shown(value) == text


def test_growth_is_the_largest_box_by_the_smallest() -> None:
    result = Result()
    result.add("growth J4 1000", {"alone_p50_ms": 2.0})
    result.add("growth J4 100000", {"alone_p50_ms": 3.0})
    assert growth(result, [1000, 100000]) == ["J4: 1.50 times as long in 100000 messages as in 1000"]


def test_rows_are_chosen_by_name_or_family() -> None:
    assert wanted("J10u", [])
    assert wanted("J10u", ["J10u"])
    assert wanted("J10u", ["J"])
    assert not wanted("growth J4 1000", ["J4"])
    assert wanted("growth J4 1000", ["growth"])
    assert not wanted("D16", ["J", "D4"])


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_meter_counts_a_process_and_its_children() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        tree = ProcessTree(os.getpid())
        assert {os.getpid(), child.pid} <= set(tree.pids())
        assert tree.pss_mb() > 1
        assert tree.use().cpu_seconds > 0
        child.communicate(b"\n")
    assert child.pid not in ProcessTree(os.getpid()).pids()
