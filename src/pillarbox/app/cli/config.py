"""`pillarbox config`: what is set, whether it is right, and what can be set."""

from __future__ import annotations

from pathlib import Path

import click

from pillarbox.app.cli.option import config_options, json_option, load_settings, print_json


@click.group()
def config() -> None:
    """Show, check and explain the settings."""


@config.command()
@config_options
@json_option
def show(config_file: Path | None, data: Path | None, as_json: bool) -> None:  # noqa: FBT001 -- click hands flags over so
    """Show every setting, and where its value comes from. Secrets are hidden."""
    from pillarbox.app.config import show as page  # noqa: PLC0415

    loaded = load_settings(config_file, data)
    if as_json:
        print_json(page.rows(loaded))
    else:
        click.echo(page.text(loaded))


@config.command()
@config_options
def check(config_file: Path | None, data: Path | None) -> None:
    """Say whether the settings are right; the exit code is 3 when they are not."""
    load_settings(config_file, data)
    click.echo("The configuration is right.")


@config.command()
def reference() -> None:
    """Print all settings with their meaning, in Markdown."""
    from pillarbox.app.config.show import reference as page  # noqa: PLC0415

    click.echo(page())
