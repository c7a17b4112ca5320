"""The pages about logs and metrics name what the program declares."""

from pathlib import Path

import pytest

from pillarbox.core.event import EVENTS
from tools import log_reference


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
