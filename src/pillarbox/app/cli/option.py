"""What the commands share: where the data is, how answers are printed, and how mistakes are told."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from pillarbox.app.config.load import Loaded
    from pillarbox.app.engine import Engine

F = TypeVar("F", bound=Callable[..., Any])


class Refused(click.ClickException):
    """The server's rules say no: exit code 1."""

    exit_code = 1


class Unusable(click.ClickException):
    """The configuration or the store cannot be used: exit code 3."""

    exit_code = 3


def config_options(command: F) -> F:
    """-c and --data: where the settings and the data are."""
    command = click.option(
        "--data", type=click.Path(path_type=Path), help="The data directory, instead of the configured one."
    )(command)
    return click.option(
        "-c",
        "--config",
        "config_file",
        type=click.Path(path_type=Path, dir_okay=False),
        envvar="PILLARBOX_CONFIG",
        help="The configuration file. Also: PILLARBOX_CONFIG.",
    )(command)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def load_settings(config_file: Path | None, data: Path | None, assignments: Sequence[str] = ()) -> Loaded:
    """The settings from all sources. Raises Unusable with each mistake."""
    from pillarbox.app.config.load import ConfigError  # noqa: PLC0415 -- `--help` does without

    try:
        return read_settings(config_file, data, assignments)
    except ConfigError as error:
        raise Unusable(str(error)) from None


def read_settings(config_file: Path | None, data: Path | None, assignments: Sequence[str] = ()) -> Loaded:
    """The settings from all sources. Raises ConfigError with each mistake."""
    from pillarbox.app.config.load import load  # noqa: PLC0415 -- `--help` does without

    flags = {"data": str(data)} if data is not None else {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals:
            raise click.BadParameter(f"{assignment!r} is not KEY=VALUE", param_hint="--set")
        flags[key.strip()] = value
    return load(config_file, os.environ, flags)


@contextmanager
def engine_for(config_file: Path | None, data: Path | None) -> Iterator[Engine]:
    """The engine on the configured store; what it refuses is told with exit code 1."""
    from pillarbox.app.engine import Engine  # noqa: PLC0415
    from pillarbox.app.wiring import blobs_of  # noqa: PLC0415
    from pillarbox.core.faults import Fault  # noqa: PLC0415
    from pillarbox.storage.database import StoreError  # noqa: PLC0415

    settings = load_settings(config_file, data).settings
    try:
        with Engine(settings.data, blobs_of(settings), settings.storage.url, settings.limits) as engine:
            yield engine
    except StoreError as error:
        raise Unusable(str(error)) from None
    except Fault as fault:
        raise Refused(str(fault)) from None


def print_json(value: Any) -> None:
    """Print a value as indented JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_record(record: Mapping[str, Any], text: str, *, as_json: bool) -> None:
    """Say what was done: the record as JSON, or a sentence."""
    if as_json:
        print_json(record)
    else:
        click.echo(text)


def print_table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], empty: str) -> None:
    """Print the properties of records in columns (property -> heading); says `empty` when there is none."""
    if not rows:
        click.echo(empty, err=True)
        return
    cells = [[heading.upper() for heading in columns.values()], *([_cell(row[c]) for c in columns] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    for line in cells:
        click.echo("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return "".join(c if c.isprintable() else "?" for c in str(value)) if value not in (None, "") else "-"


def found(record: dict[str, Any] | None, what: str, name: str, command: str) -> dict[str, Any]:
    """The record, or a refusal that says how to see what there is."""
    if record is None:
        raise Refused(f"there is no {what} {name}; `pillarbox {command} list` shows what there is")
    return record


def read_password(options: Mapping[str, Any]) -> tuple[str, bool]:
    """(password, whether it was made up here): given, from standard input, asked for without echo, or generated."""
    from pillarbox.datatypes.admin.password import new_password  # noqa: PLC0415

    if options["password"] is not None:
        return str(options["password"]), False
    if options["password_stdin"]:
        return sys.stdin.readline().rstrip("\r\n"), False
    if options["generate"] or not sys.stdin.isatty():
        return new_password(), True
    typed: str = click.prompt(
        "Password (empty: make one up)", hide_input=True, default="", show_default=False, err=True
    )
    if not typed:
        return new_password(), True
    if click.prompt("Once more", hide_input=True, err=True) != typed:
        raise Refused("the two passwords differ; nothing was changed")
    return typed, False


def password_options(command: F) -> F:
    """How a password comes in."""
    command = click.option("--password", help="The password itself. Others on this machine may see it: for tests.")(
        command
    )
    command = click.option("--generate", is_flag=True, help="Make up a password and print it.")(command)
    return click.option(
        "--password-stdin", is_flag=True, help="Read the password from the first line of standard input."
    )(command)
