"""`pillarbox verify-data`: a check of the whole store."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec

from pillarbox.app.cli.option import Unusable, config_options, json_option, load_settings, print_json
from pillarbox.app.restoring import open_whole_store
from pillarbox.app.wiring import blobs_of
from pillarbox.services.provision import connect_rules
from pillarbox.services.verify.run import Report, verify
from pillarbox.storage.database import StoreError
from pillarbox.storage.store import Store

_SHOWN = 50


@click.command("verify-data")
@click.option("--quick", is_flag=True, help="Do not read the messages themselves.")
@config_options
@json_option
def verify_data(*, quick: bool, config_file: Path | None, data: Path | None, as_json: bool) -> None:
    """Check that everything in the store agrees. Nothing is changed.

    A server may run meanwhile. The exit code is 1 when something is wrong.
    """
    settings = load_settings(config_file, data).settings
    folder = settings.data
    if settings.storage.url is None and (not folder.is_dir() or not any(folder.iterdir())):
        raise Unusable(f"there is no store in {folder}")
    connect_rules()
    try:
        store = open_whole_store(settings.storage.url, folder, blobs=blobs_of(settings))
    except StoreError as error:
        raise Unusable(str(error)) from None
    try:
        report = _run(store, quick=quick, show=not as_json and sys.stderr.isatty())
    finally:
        store.close()
    if as_json:
        print_json({"ok": report.is_sound, **msgspec.to_builtins(report)})
    else:
        _print(report)
    if not report.is_sound:
        raise click.exceptions.Exit(1)


def _run(store: Store, *, quick: bool, show: bool) -> Report:
    if not show:
        return verify(store, quick=quick)
    with click.progressbar(length=1, label="Checking", file=sys.stderr) as bar:

        def advance(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        return verify(store, quick=quick, on_progress=advance)


def _print(report: Report) -> None:
    for finding in report.findings[:_SHOWN]:
        where = " ".join(word for word in (finding.account, finding.type, finding.id) if word)
        click.echo(f"{finding.rule}: {where}: {finding.detail}" if where else f"{finding.rule}: {finding.detail}")
    total = sum(report.counts.values())
    if total > _SHOWN:
        click.echo(f"and {total - _SHOWN} more; --json prints {len(report.findings)}")
    if report.orphans:
        click.echo(
            f"{report.orphans} files or objects belong to no blob; a running server deletes them in time.", err=True
        )
    sound = "Nothing is wrong" if report.is_sound else f"{total} things are wrong"
    click.echo(f"{sound} in {report.accounts} accounts.", err=True)
