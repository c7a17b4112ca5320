"""What `pillarbox fetch` says at its end: for people, and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
import msgspec

from pillarbox.app.cli.option import print_json, print_table
from pillarbox.formats.archive import Skips

if TYPE_CHECKING:
    from pillarbox.app.fetching import Errand
    from pillarbox.services.fetch.outcome import Outcome

_SHOWN = 20
_SUMS = ("messages", "new", "new_octets", "copied", "duplicates", "changed", "gone", "marked_deleted")
Pairs = Sequence[tuple["Errand", "Outcome"]]


def print_end(errand: Errand, outcome: Outcome) -> None:
    """Say on standard error that one of many accounts is done."""
    what = outcome.failure or f"{outcome.total('copied')} fetched"
    click.echo(f"{_plain(errand.address)}: {_plain(what)}", err=True)


def print_outcomes(pairs: Pairs, *, dry_run: bool, as_json: bool) -> None:
    """Say what came and what did not."""
    if as_json:
        print_json({"dryRun": dry_run, "accounts": [_told(errand, outcome) for errand, outcome in pairs]})
        return
    if len(pairs) == 1:
        _print_folders(pairs[0][1], dry_run=dry_run)
    else:
        _print_accounts(pairs, dry_run=dry_run)
    for errand, outcome in pairs:
        _print_troubles(errand, outcome)


def _told(errand: Errand, outcome: Outcome) -> dict[str, Any]:
    sums = {_camel(name): outcome.total(name) for name in _SUMS}
    folders = [
        {_camel(name): value for name, value in msgspec.structs.asdict(folder).items()} for folder in outcome.folders
    ]
    return {
        "account": errand.address,
        "from": str(errand.endpoint),
        "user": errand.credentials.user,
        **sums,
        "removed": outcome.removed,
        "refused": {
            "count": outcome.refused.count,
            "first": [{"key": skip.key, "reason": skip.reason} for skip in outcome.refused.first],
        },
        "failure": outcome.failure or None,
        "folders": folders,
    }


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _print_folders(outcome: Outcome, *, dry_run: bool) -> None:
    rows = [
        {
            "folder": folder.name or "(gone)",
            "mailbox": folder.left_out or folder.mailbox or "by its labels",
            "there": folder.messages,
            "new": _amount(folder.new, folder.new_octets),
            "copied": folder.copied,
            "duplicates": folder.duplicates,
            "changed": folder.changed,
            "gone": folder.gone,
        }
        for folder in outcome.folders
    ]
    print_table(rows, _columns({"folder": "folder", "mailbox": "mailbox"}, dry_run=dry_run), "There is no folder.")
    _print_sum([outcome], dry_run=dry_run)


def _print_accounts(pairs: Pairs, *, dry_run: bool) -> None:
    rows = [
        {
            "account": errand.address,
            "there": outcome.total("messages"),
            "new": _amount(outcome.total("new"), outcome.total("new_octets")),
            **{name: outcome.total(name) for name in ("copied", "duplicates", "changed", "gone")},
            "not": outcome.refused.count,
        }
        for errand, outcome in pairs
    ]
    columns = {**_columns({"account": "account"}, dry_run=dry_run), "not": "not fetched"}
    print_table(rows, columns, "There is no account.")
    _print_sum([outcome for _, outcome in pairs], dry_run=dry_run)


def _columns(first: dict[str, str], *, dry_run: bool) -> dict[str, str]:
    came = {} if dry_run else {"copied": "fetched", "duplicates": "were here"}
    return {**first, "there": "there", "new": "new", **came, "changed": "changed", "gone": "gone"}


def _print_sum(outcomes: Sequence[Outcome], *, dry_run: bool) -> None:
    total = {name: sum(outcome.total(name) for outcome in outcomes) for name in _SUMS}
    removed = sum(outcome.removed for outcome in outcomes)
    if dry_run:
        click.echo(f"To fetch: {_amount(total['new'], total['new_octets'])}. Nothing was changed.")
    else:
        click.echo(f"Fetched {total['copied']}.")
    if total["duplicates"]:
        click.echo(f"Already there: {total['duplicates']}.")
    if removed:
        click.echo(f"{'To remove' if dry_run else 'Removed'}: {removed}.")
    elif total["gone"]:
        click.echo(f"Gone there, and kept here: {total['gone']} (--remove-gone removes them).")
    if total["marked_deleted"]:
        click.echo(f"Marked as deleted there, and left out: {total['marked_deleted']}.")


def _print_troubles(errand: Errand, outcome: Outcome) -> None:
    for folder in outcome.folders:
        if folder.failure:
            click.echo(f"{errand.address}: folder {_plain(folder.name)}: {_plain(folder.failure)}", err=True)
    _print_skips(errand, outcome.refused)
    if outcome.failure:
        click.echo(f"{errand.address}: broken off: {_plain(outcome.failure)}", err=True)


def _print_skips(errand: Errand, skips: Skips) -> None:
    if skips.count:
        click.echo(f"{errand.address}: not fetched: {skips.count}", err=True)
    for skip in skips.first[:_SHOWN]:
        click.echo(f"  {_plain(skip.key)}: {_plain(skip.reason)}", err=True)
    if skips.count > _SHOWN:
        click.echo(f"  and {skips.count - _SHOWN} more", err=True)


def _amount(count: int, octets: int) -> str:
    return f"{count} ({octets / 1_000_000:.1f} MB)" if count else "0"


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)
