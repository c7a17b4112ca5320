"""`pillarbox app-password`: passwords of an account for single programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pillarbox.app.cli.lookup import find_account, need_changes
from pillarbox.app.cli.option import (
    Refused,
    config_options,
    engine_for,
    json_option,
    print_json,
    print_record,
    print_table,
)
from pillarbox.datatypes.app_password import SCOPES


@click.group("app-password")
def app_password() -> None:
    """Passwords of an account for single programs: each can do less, expire, and be removed alone."""


@app_password.command()
@click.argument("address")
@click.argument("label")
@click.option("--scope", multiple=True, type=click.Choice(list(SCOPES)), help="What it may do; without: all but admin.")
@click.option("--expires", metavar="UTCDATE", help="When it ends, such as 2030-01-31T00:00:00Z.")
@config_options
@json_option
def add(address: str, config_file: Path | None, data: Path | None, as_json: bool, **options: Any) -> None:  # noqa: FBT001
    """Add a password for the program LABEL to an account, and print it: it cannot be shown again."""
    with engine_for(config_file, data) as engine:
        account = find_account(engine, address)["id"]
        given = {"label": options["label"], "scope": list(options["scope"]), "expiresAt": options["expires"]}
        made = engine.create("AppPassword", given, account)
        print_record(made, f"Added {made['label']} ({made['id']}).\nPassword: {made['secret']}", as_json=as_json)


@app_password.command("list")
@click.argument("address")
@config_options
@json_option
def list_(address: str, config_file: Path | None, data: Path | None, as_json: bool) -> None:  # noqa: FBT001
    """List the app passwords of an account."""
    with engine_for(config_file, data) as engine:
        records = engine.records("AppPassword", account=find_account(engine, address)["id"])
    if as_json:
        print_json(records)
        return
    columns = {"id": "id", "label": "label", "scope": "scope", "expiresAt": "expires", "lastUsedAt": "last used"}
    print_table(records, columns, f"{address} has no app password: pillarbox app-password add {address} LABEL")


@app_password.command("set")
@click.argument("address")
@click.argument("id")
@click.option("--label", help="The program's name.")
@click.option("--expires", metavar="UTCDATE", help='When it ends; "none" for never.')
@config_options
@json_option
def set_(address: str, config_file: Path | None, data: Path | None, as_json: bool, **options: Any) -> None:  # noqa: FBT001
    """Change an app password's label or end."""
    with engine_for(config_file, data) as engine:
        patch: dict[str, Any] = {"label": options["label"]} if options["label"] is not None else {}
        if (expires := options["expires"]) is not None:
            patch["expiresAt"] = None if expires == "none" else expires
        need_changes(patch, "app-password")
        changed = engine.update("AppPassword", options["id"], patch, find_account(engine, address)["id"])
        print_record(changed, f"Changed {changed['label']}.", as_json=as_json)


@app_password.command()
@click.argument("address")
@click.argument("which", metavar="ID_OR_LABEL")
@config_options
@json_option
def remove(address: str, which: str, config_file: Path | None, data: Path | None, as_json: bool) -> None:  # noqa: FBT001
    """Take an app password back. It stops working at once."""
    with engine_for(config_file, data) as engine:
        account = find_account(engine, address)["id"]
        matching = [r for r in engine.records("AppPassword", account=account) if which in (r["id"], r["label"])]
        if len(matching) != 1:
            many = "no app password" if not matching else "more than one app password"
            raise Refused(f"{address} has {many} {which}; `pillarbox app-password list {address}` shows their ids")
        engine.destroy("AppPassword", matching[0]["id"], account)
        print_record({"id": matching[0]["id"]}, f"Removed {matching[0]['label']}.", as_json=as_json)
