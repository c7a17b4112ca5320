from pathlib import Path

from tools import rfc_coverage

TITLES = {8620: "Core", 8621: "Mail"}


def write_source(folder: Path) -> None:
    (folder / "core").mkdir()
    (folder / "core" / "ids.py").write_text('"""Ids (RFC 8620 §1.2)."""\n# RFC 8621 §10.1, RFC 8621 §2\n')
    (folder / "clock.py").write_text('"""Time: RFC 8621, RFC 8620 §1.2, RFC 8621 §A."""\n')


def test_sections_are_collected_with_the_modules_that_cite_them(tmp_path: Path) -> None:
    write_source(tmp_path)

    coverage, complaints = rfc_coverage.collect(tmp_path)

    assert not complaints
    assert {"1.2": {"core/ids.py", "clock.py"}} == coverage[8620]
    assert {"", "2", "10.1", "A"} == coverage[8621].keys()


def test_a_misspelt_citation_is_named_with_module_and_line(tmp_path: Path) -> None:
    (tmp_path / "clock.py").write_text('"""Time."""\n\n# rfc3339\n')

    _, complaints = rfc_coverage.collect(tmp_path)

    assert len(complaints) == 1
    assert complaints[0].startswith("clock.py:3: ")


def test_the_page_lists_sections_in_the_order_of_the_rfc(tmp_path: Path) -> None:
    write_source(tmp_path)
    coverage, _ = rfc_coverage.collect(tmp_path)

    text = rfc_coverage.page(coverage, TITLES)

    assert "| [8621](#rfc-8621) | Mail | 3 |" in text
    assert text.endswith("- whole: `clock.py`\n- §2: `core/ids.py`\n- §10.1: `core/ids.py`\n- §A: `clock.py`\n")
