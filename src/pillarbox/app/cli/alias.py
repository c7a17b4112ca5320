"""`pillarbox alias`: further addresses of accounts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pillarbox.app.cli.lookup import find_alias, need_changes, sort_targets
from pillarbox.app.cli.option import config_options, engine_for, json_option, print_json, print_record, print_table


@click.group()
def alias() -> None:
    """Further addresses and patterns of addresses, whose mail goes to accounts, or to other servers."""


@alias.command()
@click.argument("address")
@click.argument("targets", nargs=-1, required=True)
@click.option("--expires", metavar="DATE", help="When it takes no mail any more, such as 2030-01-31T08:00:00Z.")
@click.option("--description", default="", help="A note for administrators.")
@config_options
@json_option
def add(address: str, config_file: Path | None, data: Path | None, as_json: bool, **options: Any) -> None:  # noqa: FBT001
    """Add an alias that leads to TARGETS: accounts, or any other addresses, here or elsewhere.

    One * in ADDRESS stands for anything: "*@example.org" or "shop-*@example.org".
    """
    with engine_for(config_file, data) as engine:
        accounts, others = sort_targets(engine, options["targets"])
        given = {"address": address, "targets": accounts, "forwardTo": others, "description": options["description"]}
        if options["expires"] is not None:
            given["expiresAt"] = options["expires"]
        made = engine.create("Alias", given)
        print_record(made, f"Added {made['address']}.", as_json=as_json)


@alias.command("list")
@config_options
@json_option
def list_(config_file: Path | None, data: Path | None, as_json: bool) -> None:  # noqa: FBT001
    """List the aliases."""
    with engine_for(config_file, data) as engine:
        records = sorted(engine.records("Alias"), key=lambda r: r["address"])
        names = engine.account_names()
    if as_json:
        print_json(records)
        return
    columns = {
        "address": "address",
        "isEnabled": "enabled",
        "targets": "leads to",
        "expiresAt": "expires",
        "description": "description",
    }
    rows = [{**r, "targets": [*(names.get(t, t) for t in r["targets"]), *r["forwardTo"]]} for r in records]
    print_table(rows, columns, "There is no alias yet: pillarbox alias add ADDRESS ACCOUNT")


@alias.command("set")
@click.argument("address")
@click.option("--target", "targets", multiple=True, metavar="ADDRESS", help="Where it leads now. Repeatable.")
@click.option("--rename", metavar="ADDRESS", help="Its new address.")
@click.option("--expires", metavar="DATE", help='When it takes no mail any more; "none" for never.')
@click.option("--description", help="A note for administrators.")
@click.option("--enable/--disable", "enabled", default=None, help="A disabled alias takes no mail.")
@config_options
@json_option
def set_(address: str, config_file: Path | None, data: Path | None, as_json: bool, **options: Any) -> None:  # noqa: FBT001
    """Change an alias."""
    with engine_for(config_file, data) as engine:
        patch = {
            property: options[option]
            for option, property in (("rename", "address"), ("description", "description"), ("enabled", "isEnabled"))
            if options[option] is not None
        }
        if options["targets"]:
            patch["targets"], patch["forwardTo"] = sort_targets(engine, options["targets"])
        if options["expires"] is not None:
            patch["expiresAt"] = None if options["expires"] == "none" else options["expires"]
        need_changes(patch, "alias")
        changed = engine.update("Alias", find_alias(engine, address)["id"], patch)
        print_record(changed, f"Changed {changed['address']}.", as_json=as_json)


@alias.command()
@click.argument("address")
@config_options
@json_option
def remove(address: str, config_file: Path | None, data: Path | None, as_json: bool) -> None:  # noqa: FBT001
    """Remove an alias."""
    with engine_for(config_file, data) as engine:
        gone = find_alias(engine, address)
        engine.destroy("Alias", gone["id"])
        print_record({"id": gone["id"], "address": gone["address"]}, f"Removed {gone['address']}.", as_json=as_json)
