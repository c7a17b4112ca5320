"""`pillarbox list`: mailing lists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pillarbox.app.cli.lookup import find_account, find_list, need_changes, sort_targets
from pillarbox.app.cli.option import config_options, engine_for, json_option, print_json, print_record, print_table
from pillarbox.app.engine import Engine
from pillarbox.datatypes.address import same_address_key


@click.group("list")
def mailing_list() -> None:
    """Mailing lists: addresses whose mail goes to all members."""


def _options(command: Any) -> Any:
    command = click.option("--name", help="What the list is called in mail programs.")(command)
    command = click.option("--description", help="A note for administrators.")(command)
    command = click.option(
        "--posting", type=click.Choice(["anyone", "members", "owners"]), help="Whose mail it takes; members' at first."
    )(command)
    text = "An account that hears what comes back, and may always post. Repeatable."
    return click.option("--owner", "owners", multiple=True, metavar="ADDRESS", help=text)(command)


def _given(engine: Engine, options: dict[str, Any]) -> dict[str, Any]:
    out = {name: options[name] for name in ("name", "description", "posting") if options[name] is not None}
    if options["owners"]:
        out["owners"] = [find_account(engine, owner)["id"] for owner in options["owners"]]
    return out


@mailing_list.command()
@click.argument("address")
@click.argument("members", nargs=-1)
@_options
@config_options
@json_option
def add(address: str, config_file: Path | None, data: Path | None, as_json: bool, **options: Any) -> None:  # noqa: FBT001
    """Add a list with MEMBERS: addresses of accounts, or any others."""
    with engine_for(config_file, data) as engine:
        accounts, addresses = sort_targets(engine, options["members"])
        given = {"address": address, "members": accounts, "memberAddresses": addresses, **_given(engine, options)}
        made = engine.create("MailingList", given)
        print_record(made, f"Added {made['address']}.", as_json=as_json)


@mailing_list.command("list")
@config_options
@json_option
def list_(config_file: Path | None, data: Path | None, as_json: bool) -> None:  # noqa: FBT001
    """List the lists."""
    with engine_for(config_file, data) as engine:
        records = sorted(engine.records("MailingList"), key=lambda r: r["address"])
        names = engine.account_names()
    if as_json:
        print_json(records)
        return
    columns = {
        "address": "address", "isEnabled": "enabled", "posting": "posting", "members": "members", "owners": "owners",
        "name": "name",
    }  # fmt: skip
    rows = [
        {
            **r,
            "members": len(r["members"]) + len(r["memberAddresses"]),
            "owners": [names.get(o, o) for o in r["owners"]],
        }
        for r in records
    ]
    print_table(rows, columns, "There is no list yet: pillarbox list add ADDRESS MEMBER --owner ADDRESS")


@mailing_list.command()
@click.argument("address")
@config_options
@json_option
def show(address: str, config_file: Path | None, data: Path | None, as_json: bool) -> None:  # noqa: FBT001
    """Show the members of a list, one a line."""
    with engine_for(config_file, data) as engine:
        found = find_list(engine, address)
        names = engine.account_names()
    text = "\n".join(sorted([*(names.get(m, m) for m in found["members"]), *found["memberAddresses"]]))
    print_record(found, text, as_json=as_json)


@mailing_list.command("set")
@click.argument("address")
@_options
@click.option("--add-member", "added", multiple=True, metavar="ADDRESS", help="Somebody who joins. Repeatable.")
@click.option("--remove-member", "removed", multiple=True, metavar="ADDRESS", help="Somebody who leaves. Repeatable.")
@click.option("--rename", metavar="ADDRESS", help="Its new address.")
@click.option("--enable/--disable", "enabled", default=None, help="A disabled list takes no mail.")
@config_options
@json_option
def set_(address: str, config_file: Path | None, data: Path | None, as_json: bool, **options: Any) -> None:  # noqa: FBT001
    """Change a list."""
    with engine_for(config_file, data) as engine:
        old = find_list(engine, address)
        patch = _given(engine, options)
        for option, property in (("rename", "address"), ("enabled", "isEnabled")):
            if options[option] is not None:
                patch[property] = options[option]
        if options["added"] or options["removed"]:
            patch |= _members(engine, old, options["added"], options["removed"])
        need_changes(patch, "list")
        changed = engine.update("MailingList", old["id"], patch)
        print_record(changed, f"Changed {changed['address']}.", as_json=as_json)


def _members(engine: Engine, old: dict[str, Any], added: list[str], removed: list[str]) -> dict[str, Any]:
    accounts, addresses = sort_targets(engine, added)
    gone_accounts, _ = sort_targets(engine, removed)
    gone = {same_address_key(address) for address in removed}
    return {
        "members": [id for id in dict.fromkeys([*old["members"], *accounts]) if id not in gone_accounts],
        "memberAddresses": [a for a in [*old["memberAddresses"], *addresses] if same_address_key(a) not in gone],
    }


@mailing_list.command()
@click.argument("address")
@config_options
@json_option
def remove(address: str, config_file: Path | None, data: Path | None, as_json: bool) -> None:  # noqa: FBT001
    """Remove a list. Nobody is told."""
    with engine_for(config_file, data) as engine:
        gone = find_list(engine, address)
        engine.destroy("MailingList", gone["id"])
        print_record({"id": gone["id"], "address": gone["address"]}, f"Removed {gone['address']}.", as_json=as_json)
