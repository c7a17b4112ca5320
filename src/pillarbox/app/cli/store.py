"""`pillarbox store`: where the data is."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from pillarbox.app.cli.option import Refused, Unusable, config_options, json_option, load_settings, print_json

if TYPE_CHECKING:
    from pillarbox.app.config.settings import Settings
    from pillarbox.services.backup.move import Moved as StoreMoved
    from pillarbox.services.blob_move import Moved
    from pillarbox.storage.blob import BlobStore
    from pillarbox.storage.store import Store


@click.group()
def store() -> None:
    """Move the data to another place."""


@store.command("move-blobs")
@click.option("--to", "url", required=True, metavar="URL", help='s3://BUCKET/PREFIX?..., or "files".')
@click.option("--finish", is_flag=True, help="Then delete them where they were. No server may run.")
@config_options
@json_option
def move_blobs(*, url: str, finish: bool, config_file: Path | None, data: Path | None, as_json: bool) -> None:
    """Copy all large blobs to another store.

    A server may run meanwhile. Broken off, it goes on where it was. At last, stop the server, run this again with
    --finish, set blobs.url, and start the server.
    """
    settings = load_settings(config_file, data).settings
    with _opened(settings, url, alone=finish) as (source, target):
        moved = _copy(source, target, show=not as_json and sys.stderr.isatty())
        if finish and not moved.damaged:
            _remove(source, target, moved)
    if as_json:
        print_json(msgspec.to_builtins(moved))
    else:
        click.echo(f"{moved.copied} blobs copied, {moved.present} were there, {moved.removed} deleted here.")
    if moved.damaged:
        names = ", ".join(moved.damaged[:10])
        raise Refused(f"{len(moved.damaged)} blobs are missing or damaged here and were not copied: {names}")


@contextlib.contextmanager
def _opened(settings: Settings, url: str, *, alone: bool) -> Iterator[tuple[Store, BlobStore]]:
    from pillarbox.app.listening import ServeError, pid_file  # noqa: PLC0415
    from pillarbox.app.wiring import blobs_at, open_store  # noqa: PLC0415
    from pillarbox.core.faults import Fault  # noqa: PLC0415
    from pillarbox.storage.database import StoreError  # noqa: PLC0415

    to = None if url == "files" else url
    if to == settings.blobs.url:
        raise Refused("they are there already")
    try:
        with pid_file(settings.data) if alone else contextlib.nullcontext():
            database = settings.storage.url
            # With PostgreSQL, "files" are the database itself.
            source = None if database and settings.blobs.url is None else blobs_at(settings, settings.blobs.url)
            opened = open_store(settings.data, settings.limits, blobs=source, url=database)
            try:
                yield opened, opened.own_blobs() if to is None else blobs_at(settings, to)
            finally:
                opened.close()
    except (StoreError, ServeError) as error:
        raise Unusable(str(error)) from None
    except Fault as fault:
        raise Refused(str(fault)) from None


def _copy(source: Store, target: BlobStore, *, show: bool) -> Moved:
    from pillarbox.services.blob_move import copy_blobs  # noqa: PLC0415

    if not show:
        return copy_blobs(source, target)
    with click.progressbar(length=1, label="Copying", file=sys.stderr) as bar:

        def advance(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        return copy_blobs(source, target, advance)


def _remove(source: Store, target: BlobStore, moved: Moved) -> None:
    from pillarbox.services.blob_move import remove_blobs  # noqa: PLC0415

    remove_blobs(source, target, moved)


@store.command("move")
@click.option("--to", "place", required=True, metavar="DIR|URL", help="An empty directory or postgresql:// database.")
@click.option("--finish", is_flag=True, help="Carry the rest, and compare. No server may run.")
@config_options
@json_option
def move(*, place: str, finish: bool, config_file: Path | None, data: Path | None, as_json: bool) -> None:
    """Carry everything to another store.

    A server may run meanwhile. Broken off, it goes on where it was; run again, it carries what has changed. At last,
    stop the server, run this again with --finish, name the other store in the settings, and start the server. The old
    store stays as it is.
    """
    settings = load_settings(config_file, data).settings
    with _both(settings, place, alone=finish) as (source, target, end):
        moved = _carry(source, target, finish=finish, show=not as_json and sys.stderr.isatty())
        if moved.finished:
            end()
    if as_json:
        print_json(msgspec.to_builtins(moved))
    else:
        what = "all of it, and both are the same" if moved.finished else "run it with --finish to end the move"
        click.echo(f"{moved.accounts} accounts, {moved.rows} rows carried: {what}.")
    if moved.differing:
        raise Refused(f"these accounts are not the same in both stores: {', '.join(moved.differing)}")


@contextlib.contextmanager
def _both(settings: Settings, place: str, *, alone: bool) -> Iterator[tuple[Store, Store, Callable[[], None]]]:
    from pillarbox.app.listening import ServeError, pid_file  # noqa: PLC0415
    from pillarbox.app.restoring import open_to_fill  # noqa: PLC0415
    from pillarbox.app.wiring import blobs_of, open_store  # noqa: PLC0415
    from pillarbox.core.faults import Fault  # noqa: PLC0415
    from pillarbox.storage.database import StoreError  # noqa: PLC0415
    from pillarbox.storage.store_open import name_of  # noqa: PLC0415

    url, folder = _target(place, settings.data)
    name = name_of(settings.storage.url, settings.data)
    if name == name_of(url, folder):
        raise Refused("it is there already")
    shared = blobs_of(settings) if settings.blobs.url is not None else None
    try:
        with pid_file(settings.data) if alone else contextlib.nullcontext():
            source = open_store(settings.data, settings.limits, blobs=blobs_of(settings), url=settings.storage.url)
            with (
                contextlib.closing(source),
                open_to_fill(url, folder, f"a move from {name}", limits=settings.limits, blobs=shared) as (target, end),
            ):
                yield source, target, end
    except (StoreError, ServeError) as error:
        raise Unusable(str(error)) from None
    except Fault as fault:
        raise Refused(f"{fault}; run the same command again") from None


def _target(place: str, data: Path) -> tuple[str | None, Path]:
    """The URL of the other store, if it has one, and its directory; with a URL, this one is to be kept for it."""
    if place.startswith(("postgresql://", "postgres://")):
        return place, data
    if "://" in place:
        raise Refused(
            f"{place.partition(':')[0]}: this kind of store is not known; name a directory or postgresql://..."
        )
    return None, Path(place)


def _carry(source: Store, target: Store, *, finish: bool, show: bool) -> StoreMoved:
    from pillarbox.services.backup.move import copy_store, finish_move  # noqa: PLC0415

    work = finish_move if finish else copy_store
    if not show:
        return work(source, target)
    with click.progressbar(length=1, label="Carrying", file=sys.stderr) as bar:

        def advance(done: int, total: int) -> None:
            bar.length = max(1, total)
            bar.update(done - bar.pos)

        return work(source, target, advance)
