"""The pages about logs and metrics name what the program declares."""

import json
import re
from pathlib import Path

import pytest

from pillarbox.core.event import EVENTS
from pillarbox.core.metric import REGISTRY
from pillarbox.workers.observed import ONCE
from tools import log_reference

DEPLOY = log_reference.REFERENCE.parent / "deploy"


def test_the_pages_are_true() -> None:
    log_reference.import_all()
    text = (log_reference.REFERENCE / "logs.md").read_text("utf-8")
    assert log_reference.page(log_reference.REFERENCE / "logs.md", log_reference.events()) == text
    told = {line.split("`")[1] for line in text.partition(log_reference.MARK)[2].splitlines() if line[:3] == "| `"}
    assert told == set(EVENTS)


def test_a_table_is_put_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(f"# A\n\n{log_reference.MARK}\nold\n\n## B\n\nmore\n", encoding="utf-8")
    assert log_reference.page(path, "new\n") == f"# A\n\n{log_reference.MARK}\nnew\n\n## B\n\nmore\n"


def test_a_page_without_a_place_for_the_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text("# A\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="missing"):
        log_reference.page(path, "new\n")


def test_the_dashboard_and_the_alerts_ask_for_numbers_that_there_are() -> None:
    log_reference.import_all()
    page = (log_reference.REFERENCE / "metrics.md").read_text("utf-8")
    assert log_reference.page(log_reference.REFERENCE / "metrics.md", log_reference.metrics()) == page
    every = {name: i for registry in (REGISTRY, ONCE) for name, i in registry.instruments.items()}
    assert {line.split("`")[1] for line in page.splitlines() if line[:3] == "| `"} == set(every)
    suffixes = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("",), "gauge": ("",)}
    samples = {name + suffix for name, i in every.items() for suffix in suffixes[i.kind]}
    board = json.loads((DEPLOY / "grafana.json").read_text("utf-8"))
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    asked.append((DEPLOY / "alerts.yml").read_text("utf-8"))
    found = {name for text in asked for name in re.findall(r"pillarbox_[a-z_]+", text)}
    assert len(found) > 15
    assert found <= samples
