"""`pillarbox backup`: backups are made, listed, checked and thinned out."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import msgspec

from pillarbox.app.cli.option import Refused, Unusable, config_options, json_option, load_settings, print_json
from pillarbox.app.restoring import open_whole_store
from pillarbox.app.wiring import blobs_of
from pillarbox.services.backup.check import check, restore_test
from pillarbox.services.backup.manifest import Manifest
from pillarbox.services.backup.place import open_repository
from pillarbox.services.backup.plan import Order
from pillarbox.services.backup.prune import Pruned, prune
from pillarbox.services.backup.run import Progress, back_up
from pillarbox.services.backup.target import BackupError
from pillarbox.storage.database import StoreError
from pillarbox.storage.store import Store

_MEGA = 1_000_000
_NICE = 10  # a server on the same machine comes first


@contextmanager
def refusals() -> Iterator[None]:
    """What a repository or the store refuses is told with exit code 1 or 3."""
    try:
        yield
    except BackupError as error:
        raise Refused(str(error)) from None
    except StoreError as error:
        raise Unusable(str(error)) from None


@contextmanager
def progress(label: str, *, quiet: bool) -> Iterator[Progress]:
    """A bar on a terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda _done, _of: None
        return
    with click.progressbar(length=1, label=label, file=sys.stderr) as bar:

        def advance(done: int, total: int) -> None:
            bar.length = max(1, total)
            bar.update(done - bar.pos)

        yield advance


def existing_store(config_file: Path | None, data: Path | None) -> Store:
    """The store in the configured directory, which has to be there. Raises Unusable and StoreError."""
    settings = load_settings(config_file, data).settings
    folder = settings.data
    url = settings.storage.url
    if url is None and (not folder.is_dir() or not any(folder.iterdir())):
        raise Unusable(f"there is no store in {folder}")
    return open_whole_store(url, folder, blobs=blobs_of(settings))


@click.group(invoke_without_command=True)
@click.option("--to", "place", metavar="PLACE", help="The repository: a directory, or s3://BUCKET/PREFIX?...")
@click.option(
    "--account", "accounts", multiple=True, metavar="ADDRESS", help="Only this account, and the directory. Repeatable."
)
@click.option("--full", is_flag=True, help="Read everything anew, instead of what has changed.")
@click.option("--keep", type=click.IntRange(min=1), metavar="N", help="Then delete all but the newest N backups.")
@click.option("--rate", type=click.FloatRange(min=0.1), metavar="MB", help="Write at most so many megabytes a second.")
@config_options
@json_option
@click.pass_context
def backup(
    ctx: click.Context, /, place: str | None, config_file: Path | None, data: Path | None, **options: Any
) -> None:
    """Back up the store while it is in use.

    The backup is the state of one moment. The first one in a repository is whole, later ones write what has changed
    since; each can be restored by itself. If it is broken off, run it again.
    """
    if ctx.invoked_subcommand is not None:
        if place is not None:
            raise click.UsageError("--to belongs to `pillarbox backup` itself; name the repository after the command")
        return
    if place is None:
        raise click.UsageError("say where to: --to PLACE")
    rate = options["rate"]
    order = Order(
        accounts=options["accounts"], full=options["full"], rate=int(rate * _MEGA) if rate is not None else None
    )
    os.nice(_NICE)
    with refusals():
        repository = open_repository(place)
        store = existing_store(config_file, data)
        try:
            with progress("Backing up", quiet=options["as_json"]) as advance:
                made = back_up(store, repository, order, advance)
        finally:
            store.close()
        pruned = prune(repository, options["keep"]) if options["keep"] else None
    _tell(made, pruned, as_json=options["as_json"])


def _tell(made: Manifest, pruned: Pruned | None, *, as_json: bool) -> None:
    if as_json:
        print_json({**summary(made), "pruned": msgspec.to_builtins(pruned)})
    else:
        kind = "since the last one" if made.parent else "whole"
        click.echo(f"Backup {made.id} ({kind}): {len(made.accounts)} accounts, {_size(made.added_octets)} written.")
        if pruned is not None:
            click.echo(f"Deleted {len(pruned.deleted)} older backups, {_size(pruned.octets)}.")
        for line in made.damaged:
            click.echo(f"Damaged in the store, and therefore missing in the backup: {line}", err=True)
    if made.damaged:
        raise click.exceptions.Exit(1)


def summary(manifest: Manifest) -> dict[str, Any]:
    """A backup for people and programs."""
    return {
        "id": manifest.id,
        "parent": manifest.parent,
        "startedAt": manifest.started_at,
        "finishedAt": manifest.finished_at,
        "version": manifest.version,
        "scope": manifest.scope,
        "accounts": [{"name": a.name, "id": a.id, "records": a.counts["record"]} for a in manifest.accounts],
        "addedOctets": manifest.added_octets,
        "octets": sum(ref.size for ref in (*manifest.objects, *manifest.packs)),
        "damaged": manifest.damaged,
    }


def _size(octets: int) -> str:
    return f"{octets / _MEGA:.1f} MB"


@backup.command("list")
@click.argument("place")
@json_option
def list_(place: str, *, as_json: bool) -> None:
    """Show the backups in a repository, oldest first."""
    with refusals():
        repository = open_repository(place)
        with repository.opened():
            found = [_described(repository.manifest, id) for id in repository.ids()]
    if as_json:
        print_json(found)
        return
    for one in found:
        if "error" in one:
            click.echo(f"{one['id']}  {one['error']}")
            continue
        scope = ", ".join(one["scope"]) or "all accounts"
        click.echo(
            f"{one['id']}  {one['finishedAt']}  {len(one['accounts']):5} accounts  {_size(one['addedOctets']):>11} new"
            f"  {_size(one['octets']):>11} in all  {scope}"
        )


def _described(read: Any, id: str) -> dict[str, Any]:
    try:
        return summary(read(id))
    except BackupError as error:
        return {"id": id, "error": str(error)}


@backup.command("verify")
@click.argument("place")
@click.option("--at", metavar="ID|TIME", help="Only this backup; without it, all of them.")
@click.option("--restore-test", is_flag=True, help="Also restore the newest, or this one, beside it, and check that.")
@click.option(
    "--scratch",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Where the restore test has room; by default where temporary files go.",
)
@json_option
def verify_(place: str, at: str | None, scratch: Path | None, *, restore_test: bool, as_json: bool) -> None:
    """Read every object of the backups, and check it against its digest.

    The exit code is 1 when something is wrong.
    """
    with refusals():
        repository = open_repository(place)
        with repository.opened():
            chosen = repository.find(at) if at is not None or restore_test else None
        with progress("Checking", quiet=as_json) as advance:
            report = check(repository, [chosen.id] if at is not None and chosen is not None else None, advance)
        if restore_test and chosen is not None and report.is_sound:
            with progress("Restoring", quiet=as_json) as advance:
                report.findings += _test(repository, chosen, scratch, advance)
    if as_json:
        print_json({"ok": report.is_sound, **msgspec.to_builtins(report)})
    else:
        for line in report.findings:
            click.echo(line)
        sound = "Nothing is wrong" if report.is_sound else f"{len(report.findings)} things are wrong"
        click.echo(f"{sound} in {report.backups} backups, {report.objects} objects.", err=True)
    if not report.is_sound:
        raise click.exceptions.Exit(1)


_test = restore_test


@backup.command("prune")
@click.argument("place")
@click.option("--keep", type=click.IntRange(min=1), required=True, metavar="N", help="How many of the newest stay.")
@json_option
def prune_(place: str, keep: int, *, as_json: bool) -> None:
    """Delete old backups, and what no other backup needs of them."""
    with refusals():
        pruned = prune(open_repository(place), keep)
    if as_json:
        print_json(msgspec.to_builtins(pruned))
    else:
        click.echo(f"Kept {len(pruned.kept)} backups, deleted {len(pruned.deleted)}: {_size(pruned.octets)}.")
