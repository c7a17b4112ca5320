"""`pillarbox domain`: the domains that the server takes mail for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pillarbox.app.cli.lookup import find_account, find_domain, need_changes
from pillarbox.app.cli.option import config_options, engine_for, json_option, print_json, print_record, print_table
from pillarbox.app.engine import Engine


@click.group()
def domain() -> None:
    """Domains that the server takes mail for."""


def _options(command: Any) -> Any:
    command = click.option("--description", help="A note for administrators.")(command)
    command = click.option("--separator", help='What begins a sub-address, as in alice+lists@; "none" for none.')(
        command
    )
    command = click.option("--alias-of", metavar="DOMAIN", help='Its addresses are those of another; "none" for none.')(
        command
    )
    command = click.option(
        "--subdomains/--no-subdomains", default=None, help="Take mail for anything@alice.DOMAIN as alice's."
    )(command)
    command = click.option(
        "--detail-mailboxes/--no-detail-mailboxes",
        default=None,
        help="Mail for alice+lists goes to alice's mailbox lists, if there is one.",
    )(command)
    command = click.option(
        "--mta-sts",
        type=click.Choice(["off", "none", "testing", "enforce"]),
        help="Whether other servers shall insist on TLS with this host's certificate; see `pillarbox dns records`.",
    )(command)
    text = 'The account that gets what nobody else has; "none" for none.'
    return click.option("--catch-all", metavar="ADDRESS", help=text)(command)


def _given(engine: Engine, options: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if options["description"] is not None:
        out["description"] = options["description"]
    if (separator := options["separator"]) is not None:
        out["subaddressSeparator"] = None if separator == "none" else separator
    if (address := options["catch_all"]) is not None:
        out["catchAll"] = None if address == "none" else find_account(engine, address)["id"]
    for option, property in (("subdomains", "takesSubdomains"), ("detail_mailboxes", "detailMailboxes")):
        if options[option] is not None:
            out[property] = options[option]
    if (mode := options["mta_sts"]) is not None:
        out["mtaSts"] = None if mode == "off" else mode
    if (other := options["alias_of"]) is not None:
        out["aliasOf"] = None if other == "none" else find_domain(engine, other)["id"]
    return out


@domain.command()
@click.argument("name")
@_options
@config_options
@json_option
def add(name: str, config_file: Path | None, data: Path | None, as_json: bool, **options: Any) -> None:  # noqa: FBT001
    """Add a domain."""
    with engine_for(config_file, data) as engine:
        made = engine.create("Domain", {"name": name, **_given(engine, options)})
        print_record(made, f"Added {made['name']}.", as_json=as_json)


@domain.command("list")
@config_options
@json_option
def list_(config_file: Path | None, data: Path | None, as_json: bool) -> None:  # noqa: FBT001
    """List the domains."""
    with engine_for(config_file, data) as engine:
        records = sorted(engine.records("Domain"), key=lambda r: r["name"])
        names = engine.account_names()
    if as_json:
        print_json(records)
        return
    columns = {"name": "name", "isEnabled": "enabled", "catchAll": "catch-all", "subaddressSeparator": "separator"}
    columns["aliasOf"] = "alias of"
    domains = {r["id"]: r["name"] for r in records}
    rows = [
        {**r, "catchAll": names.get(r["catchAll"] or ""), "aliasOf": domains.get(r["aliasOf"] or "")} for r in records
    ]
    print_table(rows, {**columns, "description": "description"}, "There is no domain yet: pillarbox domain add NAME")


@domain.command("set")
@click.argument("name")
@_options
@click.option("--enable/--disable", "enabled", default=None, help="A disabled domain takes no mail and lets nobody in.")
@config_options
@json_option
def set_(name: str, config_file: Path | None, data: Path | None, as_json: bool, **options: Any) -> None:  # noqa: FBT001
    """Change a domain."""
    with engine_for(config_file, data) as engine:
        patch = _given(engine, options)
        if options["enabled"] is not None:
            patch["isEnabled"] = options["enabled"]
        need_changes(patch, "domain")
        changed = engine.update("Domain", find_domain(engine, name)["id"], patch)
        print_record(changed, f"Changed {changed['name']}.", as_json=as_json)


@domain.command()
@click.argument("name")
@config_options
@json_option
def remove(name: str, config_file: Path | None, data: Path | None, as_json: bool) -> None:  # noqa: FBT001
    """Remove a domain that has no accounts and no aliases any more."""
    with engine_for(config_file, data) as engine:
        gone = find_domain(engine, name)
        engine.destroy("Domain", gone["id"])
        print_record({"id": gone["id"], "name": gone["name"]}, f"Removed {gone['name']}.", as_json=as_json)
