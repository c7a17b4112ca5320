"""`pillarbox export`: the mail of an account goes into an archive."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from pillarbox.app.cli.import_ import print_skips
from pillarbox.app.cli.lookup import find_account
from pillarbox.app.cli.option import Refused, config_options, engine_for, json_option, print_json
from pillarbox.formats.archive import ArchiveError, ArchiveFormat, ArchiveWriter, open_writer
from pillarbox.services.mail.export_archive import Outcome, export_archive
from pillarbox.storage.store import Store


@click.command()
@click.argument("destination", type=click.Path(path_type=Path))
@click.option("--account", "address", required=True, metavar="ADDRESS", help="Whose mail.")
@click.option(
    "--format",
    "archive_format",
    type=click.Choice(["zip", "maildir", "mbox"]),
    help="A zip of .eml files keeps everything; maildir and mbox make directories. Default: zip.",
)
@config_options
@json_option
def export(
    destination: Path,
    address: str,
    archive_format: ArchiveFormat | None,
    config_file: Path | None,
    data: Path | None,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Export all mail of an account, with its mailboxes, keywords and dates.

    DESTINATION must not exist, or be an empty directory for maildir and mbox. A server may run meanwhile.
    """
    with engine_for(config_file, data) as engine:
        account = find_account(engine, address)["id"]
        try:
            with open_writer(destination, archive_format or "zip") as writer:
                outcome = _run(engine.store, account, writer, quiet=as_json)
        except ArchiveError as error:
            raise Refused(str(error)) from None
        except OSError as error:
            raise Refused(f"{destination} cannot be written: {error.strerror or error}") from None
    _tell(outcome, as_json=as_json)


def _run(store: Store, account: str, writer: ArchiveWriter, *, quiet: bool) -> Outcome:
    if quiet or not sys.stderr.isatty():
        return export_archive(store, account, writer)
    with click.progressbar(length=1, label="Exporting", file=sys.stderr) as bar:

        def advance(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        return export_archive(store, account, writer, advance)


def _tell(outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        missing: list[Any] = [{"id": s.key, "reason": s.reason} for s in outcome.missing.first]
        print_json({"exported": outcome.exported, "missing": {"count": outcome.missing.count, "first": missing}})
    else:
        click.echo(f"Exported {outcome.exported}.")
        print_skips("Not exported", outcome.missing)
    if outcome.missing.count:
        raise click.exceptions.Exit(1)
