"""`pillarbox store`: where the data is."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from pillarbox.app.cli.option import Refused, Unusable, config_options, json_option, load_settings, print_json

if TYPE_CHECKING:
    from pillarbox.app.config.settings import Settings
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
    from pillarbox.app.serve import ServeError, pid_file  # noqa: PLC0415
    from pillarbox.app.wiring import blobs_at, open_store  # noqa: PLC0415
    from pillarbox.core.faults import Fault  # noqa: PLC0415
    from pillarbox.storage.database import StoreError  # noqa: PLC0415

    to = None if url == "files" else url
    if to == settings.blobs.url:
        raise Refused("they are there already")
    try:
        with pid_file(settings.data) if alone else contextlib.nullcontext():
            source, target = blobs_at(settings, settings.blobs.url), blobs_at(settings, to)
            opened = open_store(settings.data, settings.limits, blobs=source)
            try:
                yield opened, target
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
