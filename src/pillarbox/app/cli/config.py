"""`pillarbox config`: what is set, whether it is right, and what can be set."""

from __future__ import annotations

from pathlib import Path

import click

from pillarbox.app.cli.option import Unusable, config_options, json_option, load_settings, print_json


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
    """Say whether the settings, and what they name, as certificates and hooks, are right; the exit code is 3 if not."""
    from pillarbox.app.certificates import load_certificates  # noqa: PLC0415 -- `--help` does without
    from pillarbox.app.listening import ServeError  # noqa: PLC0415
    from pillarbox.app.wiring import preload  # noqa: PLC0415
    from pillarbox.net.certificate import CertificateError  # noqa: PLC0415

    settings = load_settings(config_file, data).settings
    try:
        contexts = load_certificates(settings)
        preload(settings)
    except (CertificateError, ServeError) as error:
        raise Unusable(str(error)) from None
    click.echo("The configuration is right.")
    for certificate in contexts.certificates if contexts is not None else ():
        names = ", ".join(certificate.names) or "no name"
        click.echo(f"Certificate for {names}, good until {certificate.not_after:%Y-%m-%d}.")


@config.command()
def reference() -> None:
    """Print all settings with their meaning, in Markdown."""
    from pillarbox.app.config.show import reference as page  # noqa: PLC0415

    click.echo(page())
