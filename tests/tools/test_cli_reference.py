from pathlib import Path

import click
import pytest

from tools import cli_reference, page


@click.group()
def program() -> None:
    """A program to document."""


@program.group("config")
def configuration() -> None:
    """Settings."""


@configuration.command()
def reference() -> None:
    """Explain every setting."""
    click.echo("port: a number")


@program.command(hidden=True)
def secret() -> None:
    """Not for people."""


def test_every_visible_command_has_its_section() -> None:
    pages = cli_reference.pages(program)

    text = pages[cli_reference.REFERENCE / "cli.md"]
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings == ["## pillarbox", "## pillarbox config", "## pillarbox config reference"]
    assert "Usage: pillarbox config reference [OPTIONS]" in text


def test_the_settings_page_is_what_the_program_says() -> None:
    pages = cli_reference.pages(program)

    assert pages[cli_reference.REFERENCE / "configuration.md"].endswith("\nport: a number\n")


def test_a_package_without_commands_has_no_pages() -> None:
    assert cli_reference.pages(None) == {}


def test_a_stale_page_fails_the_check_and_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a" / "page.md"

    assert page.settle(path, "new", check=False)
    assert page.settle(path, "new", check=True)
    assert not page.settle(path, "newer", check=True)
    assert path.read_text() == "new"
    assert "stale" in capsys.readouterr().err
