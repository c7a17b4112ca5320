"""`pillarbox report`: what other servers say of mail of our domains, in plain words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pillarbox.app.cli.option import Refused, config_options, engine_for, json_option, print_json, print_table
from pillarbox.app.engine import Engine

_KINDS = {"dmarc": "DmarcReport", "tls": "TlsReport", "feedback": "FeedbackReport"}


@click.group()
def report() -> None:
    """Reports of other servers about mail of our domains: who sends as us, whether TLS works, and complaints."""


@report.command("list")
@click.argument("domain", required=False)
@click.option("--kind", type=click.Choice(tuple(_KINDS)), help="Only these reports.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="The newest so many.")
@config_options
@json_option
def list_(
    domain: str | None,
    kind: str | None,
    limit: int,
    config_file: Path | None,
    data: Path | None,
    as_json: bool,  # noqa: FBT001
) -> None:
    """List the newest reports, of all domains or of one, each with what it comes to."""
    from pillarbox.services.reports.finding import summary  # noqa: PLC0415 -- `--help` does without

    with engine_for(config_file, data) as engine:
        records = [
            {"kind": name, **record, "summary": summary(record)}
            for name, type in _KINDS.items()
            if kind in (None, name)
            for record in _newest(engine, type, domain, limit)
        ]
    records.sort(key=lambda record: record["endsAt"], reverse=True)
    records = records[:limit]
    if as_json:
        print_json(records)
        return
    columns = {"id": "id", "kind": "kind", "domain": "domain", "endsAt": "until", "reporter": "reporter"}
    print_table(records, {**columns, "summary": "what it says"}, "No report has come yet.")


@report.command()
@click.argument("id")
@config_options
@json_option
def show(id: str, config_file: Path | None, data: Path | None, as_json: bool) -> None:  # noqa: FBT001
    """Show a report: what was found, what it means, and what to do."""
    from pillarbox.services.reports.finding import findings, summary  # noqa: PLC0415

    with engine_for(config_file, data) as engine:
        record = _record(engine, id)
    lines = findings(record)
    if as_json:
        print_json({**record, "summary": summary(record), "findings": lines})
        return
    proved = record["senderDomain"] or "not proved: anybody may have written it"
    click.echo(f"Report about {record['domain']} from {record['reporter'] or 'somebody'} (sender: {proved})")
    times = dict.fromkeys((record["beginsAt"], record["endsAt"]))
    click.echo(" to ".join(times) + "\n")
    click.echo("\n".join(lines))


@report.command()
@click.argument("domain", required=False)
@click.option("--kind", type=click.Choice(("dmarc", "tls", "failure")), help="Only these reports.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="So many at most.")
@config_options
@json_option
def pending(
    domain: str | None,
    kind: str | None,
    limit: int,
    config_file: Path | None,
    data: Path | None,
    as_json: bool,  # noqa: FBT001
) -> None:
    """List what is counted for reports to other domains that have not left yet; for one domain, its rows too.

    What the server counted within the last minute is not in it.
    """
    search = {name: value for name, value in (("domain", domain), ("kind", kind)) if value}
    properties = ["kind", "domain", "beginsAt", "dueAt", "total", "rows", *(["counts"] if domain else [])]
    with engine_for(config_file, data) as engine:
        records, total = _pending(engine, search, properties, limit)
    if as_json:
        print_json({"total": total, "list": records})
        return
    columns = {"domain": "domain", "kind": "kind", "beginsAt": "of the day", "dueAt": "leaves at", "total": "counted"}
    print_table(records, columns, "Nothing is counted.")
    for record in records if domain else ():
        click.echo(f"\n{record['kind']}, {record['beginsAt'][:10]}, the most frequent of {record['rows']} rows:")
        for row in record["counts"]:
            click.echo("  " + " ".join(f"{name}={_word(value)}" for name, value in row.items() if value))
    if total > len(records):
        click.echo(f"... and {total - len(records)} more; --limit shows more of them.", err=True)


@report.command()
@click.argument("id")
@config_options
def delete(id: str, config_file: Path | None, data: Path | None) -> None:
    """Delete a report."""
    with engine_for(config_file, data) as engine:
        record = _record(engine, id)
        engine.destroy(next(type for type in _KINDS.values() if engine.records(type, [id])), record["id"])
    click.echo(f"Deleted {id}.")


def _newest(engine: Engine, type: str, domain: str | None, limit: int) -> list[dict[str, Any]]:
    query: dict[str, Any] = {"sort": [{"property": "endsAt", "isAscending": False}], "limit": limit}
    if domain:
        query["filter"] = {"domain": domain.lower()}
    ids = engine.call(f"{type}/query", query)["ids"]
    return engine.records(type, ids) if ids else []


def _pending(
    engine: Engine, search: dict[str, str], properties: list[str], limit: int
) -> tuple[list[dict[str, Any]], int]:
    records: list[dict[str, Any]] = []
    total, step = 1, engine.store.limits.max_objects_in_get
    while len(records) < min(limit, total):
        page = {"filter": search, "position": len(records), "limit": min(step, limit - len(records))}
        found = engine.call("PendingReport/query", {**page, "calculateTotal": True})
        total = found["total"]
        got = engine.call("PendingReport/get", {"ids": found["ids"], "properties": properties})["list"] if total else []
        if not got:
            break
        records += got
    return records, total


def _word(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _record(engine: Engine, id: str) -> dict[str, Any]:
    for type in _KINDS.values():
        for record in engine.records(type, [id]):
            return record
    raise Refused(f"there is no report {id}; `pillarbox report list` shows what there is")
