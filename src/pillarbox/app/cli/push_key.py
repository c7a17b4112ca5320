"""`pillarbox push-key`: the key by which push services know this server (RFC 8292, RFC 9749)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pillarbox.app.cli.option import config_options, engine_for, json_option, print_json, print_record, print_table
from pillarbox.app.engine import Engine


@click.group("push-key")
def push_key() -> None:
    """The key by which push services know this server. Clients subscribe with it, so it is changed with care."""


@push_key.command()
@config_options
@json_option
def show(config_file: Path | None, data: Path | None, as_json: bool) -> None:  # noqa: FBT001
    """Show the public half of the key, those that were replaced, and how many subscriptions each signs for."""
    with engine_for(config_file, data) as engine:
        records = _records(engine)
    if as_json:
        print_json(records)
        return
    columns = {
        "publicKey": "public key",
        "createdAt": "made",
        "retiredAt": "replaced",
        "subscriptions": "subscriptions",
    }
    print_table(records, columns, "There is no key")


@push_key.command()
@click.option(
    "--forget-old",
    is_flag=True,
    help="Somebody may have the key: it signs no more, and the subscriptions that need it are destroyed.",
)
@config_options
@json_option
def rotate(config_file: Path | None, data: Path | None, as_json: bool, forget_old: bool) -> None:  # noqa: FBT001
    """Make a new key for new subscriptions; the old one goes on signing for those that were made with it.

    Clients see the new key in their session, and subscribe anew when they are ready. The old key is forgotten when its
    last subscription has ended. A running server needs no restart.
    """
    from pillarbox.services import push_key as service  # noqa: PLC0415 -- `--help` does without

    with engine_for(config_file, data) as engine:
        engine.store.write(lambda tx: service.rotate(tx, forget_old=forget_old))
        records = _records(engine)
    waiting = sum(record["subscriptions"] for record in records[:-1])
    text = f"The key is now {records[-1]['publicKey']}."
    if waiting:
        text += f"\nThe one before it goes on signing for {waiting} subscriptions."
    print_record(records[-1], text, as_json=as_json)


def _records(engine: Engine) -> list[dict[str, Any]]:
    from pillarbox.services.push_key import keys_in_use  # noqa: PLC0415

    return [
        {
            "id": found.key.id,
            "publicKey": found.public,
            "createdAt": found.key.created_at,
            "retiredAt": found.key.retired_at,
            "subscriptions": found.subscriptions,
        }
        for found in engine.store.read(keys_in_use)
    ]
