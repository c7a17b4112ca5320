"""`pillarbox restore`: a whole backup comes onto an empty host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from pillarbox.app.cli.backup import progress, refusals
from pillarbox.app.cli.option import Refused, config_options, json_option, load_settings, print_json
from pillarbox.app.config.settings import Settings
from pillarbox.app.restoring import begin_restore, end_restore
from pillarbox.app.wiring import blobs_of
from pillarbox.services.backup.place import open_repository
from pillarbox.services.backup.repository import Repository
from pillarbox.services.backup.restore import Outcome, restore
from pillarbox.services.backup.run import Progress
from pillarbox.storage.embedded import EmbeddedStore


@click.command("restore")
@click.option("--from", "place", required=True, metavar="PLACE", help="The repository.")
@click.option("--at", metavar="ID|TIME", help="Which backup: its id, or a time such as 2030-01-31T00:00:00Z.")
@config_options
@json_option
def restore_(place: str, config_file: Path | None, data: Path | None, **options: Any) -> None:
    """Restore a backup, by default the newest.

    The data directory must be empty. If it is broken off, run it again. Clients notice, and fetch everything anew.
    """
    settings = load_settings(config_file, data).settings
    with refusals():
        repository = open_repository(place)
        with progress("Restoring", quiet=options["as_json"]) as advance:
            outcome = _restore(repository, options["at"], settings, advance)
    _tell(outcome, settings.data, as_json=options["as_json"])


def _restore(repository: Repository, at: str | None, settings: Settings, advance: Progress) -> Outcome:
    with repository.opened():
        manifest = repository.find(at)
        if manifest.scope:
            names = ", ".join(manifest.scope)
            raise Refused(f"backup {manifest.id} has only {names}: restore it with --account into a store that runs")
        begin_restore(settings.data, manifest.id)
        store = EmbeddedStore(settings.data, blobs=blobs_of(settings))
        try:
            outcome = restore(repository, manifest, store, on_progress=advance)
        finally:
            store.close()
        end_restore(settings.data)
    return outcome


def _tell(outcome: Outcome, folder: Path, *, as_json: bool) -> None:
    if as_json:
        print_json(msgspec.to_builtins(outcome))
        return
    click.echo(f"Backup {outcome.backup} is restored into {folder}: {outcome.accounts} accounts.")
    for line in outcome.missing:
        click.echo(f"Its octets were damaged before the backup: {line}", err=True)
