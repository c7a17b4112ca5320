"""`pillarbox srs-key`: the key that signs the reverse-paths of mail that is sent on."""

from __future__ import annotations

from pathlib import Path

import click

from pillarbox.app.cli.option import config_options, engine_for
from pillarbox.datatypes.admin.srs_secret import rotate_srs_keys


@click.group("srs-key")
def srs_key() -> None:
    """The key that signs the reverse-paths of mail that is sent on. It makes itself when it is first needed."""


@srs_key.command()
@config_options
def rotate(config_file: Path | None, data: Path | None) -> None:
    """Make a new key. Bounces to addresses signed by the two before it are still taken."""
    with engine_for(config_file, data) as engine:
        kept = len(engine.store.write(rotate_srs_keys)) - 1
        click.echo(f"Made a new key. {kept} of before still verify.")
