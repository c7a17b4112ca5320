"""`pillarbox suppression`: addresses elsewhere that mail is not sent to."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from pillarbox.app.cli.lookup import find_account
from pillarbox.app.cli.option import (
    Refused,
    config_options,
    engine_for,
    json_option,
    print_json,
    print_record,
    print_table,
)
from pillarbox.app.engine import Engine
from pillarbox.core.account import DIRECTORY
from pillarbox.core.clock import utc_date
from pillarbox.datatypes.admin.suppressed_address import address_key

_DAY_SECONDS = 86_400
_COLUMNS = {"address": "address", "account": "mail of", "expiresAt": "until", "reason": "reason"}


@click.group()
def suppression() -> None:
    """Addresses elsewhere that mail is not sent to: their servers have refused them, or you have."""


@suppression.command("list")
@click.option("--account", metavar="ADDRESS", help="Only those that this account's bounces have added.")
@config_options
@json_option
def list_(config_file: Path | None, data: Path | None, as_json: bool, account: str | None) -> None:  # noqa: FBT001
    """List the addresses."""
    with engine_for(config_file, data) as engine:
        records = sorted(engine.records("SuppressedAddress"), key=lambda r: (r["address"], r["accountId"] or ""))
        if account is not None:
            owner = find_account(engine, account)["id"]
            records = [record for record in records if record["accountId"] == owner]
        names = engine.account_names()
    if as_json:
        print_json(records)
        return
    rows = [{**record, "account": _owner(record["accountId"], names)} for record in records]
    print_table(rows, _COLUMNS, "Mail is sent to all addresses.")


@suppression.command()
@click.argument("address")
@click.option("--account", metavar="ADDRESS", help="Only for the mail of this account; else for everybody's.")
@click.option("--days", type=click.IntRange(1, 36_500), help="For how long; else until it is removed.")
@click.option("--reason", default="", help="Why; senders read it.")
@config_options
@json_option
def add(
    address: str,
    config_file: Path | None,
    data: Path | None,
    as_json: bool,  # noqa: FBT001
    account: str | None,
    days: int | None,
    reason: str,
) -> None:
    """Have no mail sent to ADDRESS."""
    with engine_for(config_file, data) as engine:
        given: dict[str, Any] = {"address": address, "reason": reason}
        if account is not None:
            given["accountId"] = find_account(engine, account)["id"]
        if days is not None:
            given["expiresAt"] = utc_date(int((time.time() + days * _DAY_SECONDS) * 1000))
        made = engine.create("SuppressedAddress", given)
        print_record(made, f"Mail is not sent to {made['address']}.", as_json=as_json)


@suppression.command()
@click.argument("address")
@click.option("--account", metavar="ADDRESS", help="Only what this account's bounces have added; else all.")
@config_options
@json_option
def remove(address: str, config_file: Path | None, data: Path | None, as_json: bool, account: str | None) -> None:  # noqa: FBT001
    """Let mail be sent to ADDRESS again."""
    with engine_for(config_file, data) as engine:
        gone = _entries(engine, address, account)
        if not gone:
            raise Refused(f"{address} is not suppressed; `pillarbox suppression list` shows who is")
        for record in gone:
            engine.destroy("SuppressedAddress", record["id"])
    result = {"address": gone[0]["address"], "ids": [record["id"] for record in gone]}
    print_record(result, f"Mail is sent to {result['address']} again.", as_json=as_json)


def _entries(engine: Engine, address: str, account: str | None) -> list[dict[str, Any]]:
    owner = find_account(engine, account)["id"] if account is not None else None
    key = address_key(address)
    return [
        record
        for record in engine.records("SuppressedAddress")
        if record["address"] == key and owner in (None, record["accountId"])
    ]


def _owner(account: str | None, names: dict[str, str]) -> str:
    if account is None:
        return "everybody"
    return "lists, the server" if account == DIRECTORY else names.get(account, account)
