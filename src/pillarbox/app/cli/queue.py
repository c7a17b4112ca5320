"""`pillarbox queue`: mail on its way to other servers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pillarbox.app.cli.option import (
    Refused,
    Unusable,
    config_options,
    engine_for,
    json_option,
    load_settings,
    print_json,
    print_table,
)

if TYPE_CHECKING:
    from pillarbox.app.engine import Engine

_COLUMNS = {
    "id": "id",
    "status": "status",
    "dueAt": "next try",
    "attempts": "tries",
    "sender": "from",
    "recipient": "to",
    "lastReply": "last reply, or why it waits",
}
_SEARCH = (
    ("--id", "acceptedAs", "Only what was accepted by this id, as SMTP's reply and the Received field have it."),
    ("--sender", "sender", "Only from addresses with this in them."),
    ("--recipient", "recipient", "Only to addresses with this in them."),
    ("--destination", "destination", "Only for this domain, or server of a route."),
    ("--status", "status", "Only those that are due, waiting, throttled, sending or held."),
)


@click.group()
def queue() -> None:
    """Mail on its way to other servers: look at it, try it again, hold it, drop it."""


def _search(command: Any) -> Any:
    """Options that choose messages, by the names of the conditions."""
    for name, condition, help in _SEARCH:
        command = click.option(name, condition, help=help)(command)
    return command


def _chosen(command: Any) -> Any:
    """The messages to do something with: ids, or options that choose them."""
    command = click.option("--all", "every", is_flag=True, help="All messages of the queue.")(_search(command))
    command = click.argument("ids", nargs=-1)(command)
    return json_option(config_options(command))


@queue.command("list")
@_search
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="How many at most.")
@config_options
@json_option
def list_(config_file: Path | None, data: Path | None, as_json: bool, limit: int, **search: str | None) -> None:  # noqa: FBT001
    """List what waits, what is due first at first."""
    with engine_for(config_file, data) as engine:
        ids, total = _find(engine, search, limit)
        records = _records(engine, ids)
    if as_json:
        print_json({"total": total, "list": records})
        return
    print_table([_with_reason(record) for record in records], _COLUMNS, "Nothing waits.")
    if total > len(records):
        click.echo(f"... and {total - len(records)} more; --limit shows more of them.", err=True)


@queue.command()
@click.argument("id")
@config_options
@json_option
def show(id: str, config_file: Path | None, data: Path | None, as_json: bool) -> None:  # noqa: FBT001
    """Show all that is known of one message."""
    with engine_for(config_file, data) as engine:
        records = _records(engine, [id])
    if not records:
        raise Refused(f"there is no message {id} in the queue; `pillarbox queue list` shows what there is")
    if as_json:
        print_json(records[0])
        return
    width = max(map(len, records[0]))
    for name, value in records[0].items():
        click.echo(f"{name.ljust(width)}  {'-' if value in (None, '') else value}")


@queue.command()
@_chosen
def retry(**options: Any) -> None:
    """Try messages now, whatever happened before."""
    _change("Will be tried now", {"dueAt": None}, **options)


@queue.command()
@_chosen
def hold(**options: Any) -> None:
    """Keep messages where they are until they are released."""
    _change("Held", {"isHeld": True}, **options)


@queue.command()
@_chosen
def release(**options: Any) -> None:
    """Let go messages that were held."""
    _change("Released", {"isHeld": False}, **options)


@queue.command()
@click.option("--route", required=True, help='A way of the settings, such as smtp:HOST:PORT, "direct", or "" for none.')
@_chosen
def reroute(route: str, **options: Any) -> None:
    """Send messages another way."""
    _change("Rerouted", {"route": route or None}, **options)


@queue.command()
@click.option("--notify/--silent", default=True, show_default=True, help="Whether senders get a notification.")
@_chosen
def drop(notify: bool, **options: Any) -> None:  # noqa: FBT001
    """Take messages out of the queue for good."""
    _change("Dropped", None, notify=notify, **options)


def _with_reason(record: Mapping[str, Any]) -> dict[str, Any]:
    """What is shown of a message in the list."""
    if record["status"] == "throttled":
        why = f"throttled until {record['throttledUntil']} or later by {record['throttledBy']}"
        return {**record, "lastReply": why}
    return dict(record)


def _change(done: str, patch: Mapping[str, Any] | None, *, notify: bool = False, **options: Any) -> None:
    """Change the chosen messages, or without a patch destroy them."""
    ids: Sequence[str] = options["ids"]
    search = {condition: options[condition] for _, condition, _ in _SEARCH}
    if not ids and not options["every"] and not any(search.values()):
        raise click.UsageError(f"say which: ids, {', '.join(name for name, *_ in _SEARCH)}, or --all")
    with engine_for(options["config_file"], options["data"]) as engine:
        _obey_settings(options["config_file"], options["data"])
        chosen = list(ids) or _find(engine, search, None)[0]
        refused: dict[str, str] = {}
        step = engine.store.limits.max_objects_in_set
        for start in range(0, len(chosen), step):
            part = chosen[start : start + step]
            asked: dict[str, Any] = {"destroy": part, "notifySenders": notify}
            if patch is not None:
                asked = {"update": {id: dict(patch) for id in part}}
            answer = engine.call("QueuedMessage/set", asked)
            faults = {**(answer["notUpdated"] or {}), **(answer["notDestroyed"] or {})}
            refused |= {id: str(fault) for id, fault in faults.items()}
    if options["as_json"]:
        print_json({"done": [id for id in chosen if id not in refused], "refused": refused})
    else:
        click.echo(f"{done}: {len(chosen) - len(refused)}.")
        for id, why in refused.items():
            click.echo(f"{id}: {why}", err=True)
    if refused:
        raise SystemExit(1)


def _obey_settings(config_file: Path | None, data: Path | None) -> None:
    """Know the routes, and by which name notifications are sent."""
    from pillarbox.datatypes.email_submission import RULES  # noqa: PLC0415 -- `--help` does without
    from pillarbox.services.queue_throttle import THROTTLING, Throttles  # noqa: PLC0415
    from pillarbox.services.route import ROUTING, RouteError, Routes  # noqa: PLC0415

    settings = load_settings(config_file, data).settings
    RULES.host_name = settings.hostname
    THROTTLING.throttles = Throttles(settings.relay.throttles)
    try:
        ROUTING.routes = Routes(settings.relay.routes, settings.relay.smarthost)
    except RouteError as error:
        raise Unusable(str(error)) from None


def _find(engine: Engine, search: Mapping[str, str | None], limit: int | None) -> tuple[list[str], int]:
    """(ids, how many there are in all)."""
    filter = {name: value for name, value in search.items() if value is not None}
    ids: list[str] = []
    total = 0
    while True:
        most = 500 if limit is None else min(500, limit - len(ids))
        asked = {"filter": filter, "position": len(ids), "limit": most, "calculateTotal": not ids}
        answer = engine.call("QueuedMessage/query", asked)
        total = answer.get("total", total)
        ids += answer["ids"]
        if not answer["ids"] or len(ids) in (limit, total):
            return ids, total


def _records(engine: Engine, ids: Sequence[str]) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    step = engine.store.limits.max_objects_in_get
    for start in range(0, len(ids), step):
        out += engine.call("QueuedMessage/get", {"ids": list(ids[start : start + step])})["list"]
    return out
