"""`pillarbox import`: mail from an mbox, a Maildir, a directory or an archive comes into an account."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from pillarbox.app.cli.lookup import find_account
from pillarbox.app.cli.option import Refused, config_options, engine_for, json_option, print_json
from pillarbox.formats.archive import ArchiveError, ReadOptions, Skips, Source, open_source
from pillarbox.services.mail.import_archive import Outcome, import_archive
from pillarbox.services.mail.mailbox_path import parse_path
from pillarbox.services.mail.store_batch import Order
from pillarbox.storage.store import Store

_SHOWN = 20


@click.command("import")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--account", "address", required=True, metavar="ADDRESS", help="The account that gets the mail.")
@click.option("--into", metavar="MAILBOX", help="Put all of it into this mailbox, such as Work/Letters.")
@click.option("--below", metavar="MAILBOX", help="Make the archive's mailboxes below this one.")
@click.option(
    "--duplicates",
    type=click.Choice(["merge", "keep"]),
    default="merge",
    show_default=True,
    help="A message that is there already gets the mailboxes it lacks; or it is stored once more.",
)
@click.option("--include-deleted", is_flag=True, help="Also take what is marked as deleted and not yet expunged.")
@click.option(
    "--mbox-dialect",
    type=click.Choice(["mboxrd", "mboxo"]),
    default="mboxrd",
    show_default=True,
    help='How the archive writes lines that begin with "From ".',
)
@config_options
@json_option
def import_(
    source: Path,
    address: str,
    into: str | None,
    below: str | None,
    config_file: Path | None,
    data: Path | None,
    as_json: bool,  # noqa: FBT001
    **options: Any,
) -> None:
    """Import mail into an account.

    SOURCE is an mbox, a Maildir, a directory of these or of .eml files, or a zip or tar archive of them. Mailboxes are
    made as needed; keywords and dates are kept. A server may run meanwhile. If it is broken off, run it again: what is
    there is not stored twice.
    """
    if into is not None and below is not None:
        raise click.UsageError("--into and --below exclude each other")
    order = Order(
        into=parse_path(into) if into is not None else None,
        below=parse_path(below) if below is not None else (),
        keep_duplicates=options["duplicates"] == "keep",
    )
    if order.into == ():
        raise click.BadParameter("a mailbox has a name", param_hint="--into")
    read = ReadOptions(include_deleted=options["include_deleted"], mbox_dialect=options["mbox_dialect"])
    with engine_for(config_file, data) as engine:
        account = find_account(engine, address)["id"]
        try:
            with open_source(source, read) as opened:
                outcome = _run(engine.store, account, opened, order, quiet=as_json)
        except ArchiveError as error:
            raise Refused(str(error)) from None
    print_outcome(outcome, "Imported", as_json=as_json)


def print_outcome(outcome: Outcome, what: str, *, as_json: bool) -> None:
    """Say what came in, and end with exit code 1 when not all of it did."""
    if as_json:
        print_json(_told(outcome))
    else:
        _print(outcome, what)
    if outcome.refused.count or outcome.failure is not None:
        raise click.exceptions.Exit(1)


def _run(store: Store, account: str, source: Source, order: Order, *, quiet: bool) -> Outcome:
    if quiet or not sys.stderr.isatty():
        return import_archive(store, account, source, order)
    with click.progressbar(length=source.estimate().octets, label="Importing", file=sys.stderr) as bar:
        return import_archive(store, account, source, order, lambda position: bar.update(position - bar.pos))


def _told(outcome: Outcome) -> dict[str, Any]:
    return {
        "imported": outcome.imported,
        "duplicates": outcome.duplicates,
        "filed": outcome.filed,
        "refused": _skips(outcome.refused),
        "skipped": _skips(outcome.skipped),
        "failure": outcome.failure,
    }


def _skips(skips: Skips) -> dict[str, Any]:
    return {"count": skips.count, "first": [{"key": s.key, "reason": s.reason} for s in skips.first]}


def _print(outcome: Outcome, what: str) -> None:
    click.echo(f"{what} {outcome.imported}.")
    if outcome.duplicates:
        click.echo(f"Already there: {outcome.duplicates}, of which {outcome.filed} got a further mailbox.")
    print_skips("Refused", outcome.refused)
    print_skips("Passed over", outcome.skipped)
    if outcome.failure is not None:
        click.echo(f"Broken off: {outcome.failure}", err=True)


def print_skips(what: str, skips: Skips) -> None:
    """Say on standard error what was passed over, the first of it with the reasons."""
    if not skips.count:
        return
    click.echo(f"{what}: {skips.count}", err=True)
    for skip in skips.first[:_SHOWN]:
        key = "".join(c if c.isprintable() else "?" for c in skip.key)
        click.echo(f"  {key}: {skip.reason}", err=True)
    if skips.count > _SHOWN:
        click.echo(f"  and {skips.count - _SHOWN} more", err=True)
