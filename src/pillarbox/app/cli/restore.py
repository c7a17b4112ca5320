"""`pillarbox restore`: a whole backup comes onto an empty host, or what was lost into a store that is in use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from pillarbox.app.cli.backup import progress, refusals
from pillarbox.app.cli.import_ import print_outcome
from pillarbox.app.cli.lookup import find_account
from pillarbox.app.cli.option import Refused, config_options, engine_for, json_option, load_settings, print_json
from pillarbox.app.config.settings import Settings
from pillarbox.app.engine import Engine
from pillarbox.app.restoring import open_to_fill
from pillarbox.app.wiring import blobs_of
from pillarbox.core.clock import utc_date
from pillarbox.services.backup.manifest import Manifest
from pillarbox.services.backup.place import open_repository
from pillarbox.services.backup.repository import Repository
from pillarbox.services.backup.restore import Outcome, restore
from pillarbox.services.backup.restore_account import entry_named, restore_account
from pillarbox.services.backup.restore_mail import Wanted, restore_mail
from pillarbox.services.backup.run import Progress
from pillarbox.services.mail.mailbox_path import parse_path
from pillarbox.services.mail.store_batch import Order
from pillarbox.storage.store_open import name_of


@click.command("restore")
@click.option("--from", "place", required=True, metavar="PLACE", help="The repository.")
@click.option("--at", metavar="ID|TIME", help="Which backup: its id, or a time such as 2030-01-31T00:00:00Z.")
@click.option("--account", "name", metavar="ADDRESS", help="Only this account, into a store that is in use.")
@click.option("--as", "new_name", metavar="ADDRESS", help="Under this name; with mail: into this account.")
@click.option("--mailbox", "mailboxes", multiple=True, metavar="PATH", help="Only this mailbox, and those below it.")
@click.option("--message", "messages", multiple=True, metavar="ID", help="Only this message: its id, or Message-ID.")
@click.option("--into", metavar="MAILBOX", help="The mailbox for what comes back. Default: Restored, and the day.")
@config_options
@json_option
def restore_(place: str, name: str | None, config_file: Path | None, data: Path | None, **options: Any) -> None:
    """Restore a backup, by default the newest.

    Without --account, all of it, into an empty data directory or database. If it is broken off, run it again. Clients
    notice, and fetch everything anew.

    With --account, the account comes back with all that it had; no other of its name may be there. With --mailbox or
    --message, only that mail does, into the account that is there; what it has already is not stored twice. A server
    may run meanwhile.
    """
    mail = options["mailboxes"] or options["messages"]
    if name is None and (mail or options["new_name"]):
        raise click.UsageError("--mailbox, --message and --as need --account")
    if options["into"] and not mail:
        raise click.UsageError("--into needs --mailbox or --message")
    with refusals():
        repository = open_repository(place)
    if name is None:
        _whole(repository, load_settings(config_file, data).settings, options)
        return
    with engine_for(config_file, data) as engine, refusals(), repository.opened():
        manifest = repository.find(options["at"])
        (_mail if mail else _account)(repository, manifest, engine, name, options)


def _whole(repository: Repository, settings: Settings, options: dict[str, Any]) -> None:
    with refusals(), progress("Restoring", quiet=options["as_json"]) as advance:
        outcome = _restore(repository, options["at"], settings, advance)
    _tell(
        outcome,
        f"restored into {name_of(settings.storage.url, settings.data)}: {outcome.accounts} accounts",
        as_json=options["as_json"],
    )


def _restore(repository: Repository, at: str | None, settings: Settings, advance: Progress) -> Outcome:
    with repository.opened():
        manifest = repository.find(at)
        if manifest.scope:
            names = ", ".join(manifest.scope)
            raise Refused(f"backup {manifest.id} has only {names}: restore it with --account into a store in use")
        url, folder, blobs = settings.storage.url, settings.data, blobs_of(settings)
        with open_to_fill(url, folder, manifest.id, blobs=blobs) as (store, end):
            outcome = restore(repository, manifest, store, on_progress=advance)
            end()
    return outcome


def _account(repository: Repository, manifest: Manifest, engine: Engine, name: str, options: dict[str, Any]) -> None:
    with progress("Restoring", quiet=options["as_json"]) as advance:
        outcome = restore_account(repository, manifest, engine.store, name, options["new_name"], advance)
    _tell(outcome, f"restored: {options['new_name'] or name}", as_json=options["as_json"])


def _tell(outcome: Outcome, what: str, *, as_json: bool) -> None:
    if as_json:
        print_json(msgspec.to_builtins(outcome))
        return
    click.echo(f"Backup {outcome.backup} is {what}.")
    for line in outcome.missing:
        click.echo(f"Its octets were damaged before the backup: {line}", err=True)


def _mail(repository: Repository, manifest: Manifest, engine: Engine, name: str, options: dict[str, Any]) -> None:
    entry = entry_named(manifest, name)
    account = find_account(engine, options["new_name"] or name)["id"]
    wanted = Wanted(mailboxes=[parse_path(path) for path in options["mailboxes"]], messages=options["messages"])
    if () in wanted.mailboxes:
        raise click.BadParameter("a mailbox has a name", param_hint="--mailbox")
    place = parse_path(options["into"] or f"Restored {utc_date(engine.store.clock.now_ms())[:10]}")
    if not place:
        raise click.BadParameter("a mailbox has a name", param_hint="--into")
    order = Order(below=place, marks=())
    with progress("Restoring", quiet=options["as_json"]) as advance:
        outcome = restore_mail(repository, manifest, entry, engine.store, account, wanted, order, advance)
    print_outcome(outcome, "Restored", as_json=options["as_json"])
