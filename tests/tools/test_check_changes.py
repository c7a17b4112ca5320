from pathlib import Path

import pytest

from tools import check_changes

TYPES = frozenset({"feature", "fix"})


@pytest.mark.parametrize("name", ["+search-in-attachments.feature.md", "12.fix.md", "README.md"])
def test_a_fragment_with_a_known_type_passes(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("Search reads attachments.\n")

    assert list(check_changes.complaints(tmp_path, TYPES)) == []


@pytest.mark.parametrize("name", ["+search.feature", "search.feature.md", "+search.news.md", "+Search It.fix.md"])
def test_a_fragment_that_the_changelog_would_miss_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("Search reads attachments.\n")

    (complaint,) = check_changes.complaints(tmp_path, TYPES)

    assert complaint.startswith(f"{name}: ")


def test_an_empty_fragment_is_named(tmp_path: Path) -> None:
    (tmp_path / "1.fix.md").write_text("\n")

    assert list(check_changes.complaints(tmp_path, TYPES)) == ["1.fix.md: is empty"]
