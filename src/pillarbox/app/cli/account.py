"""`pillarbox account`: who has mail here, and who may open whose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pillarbox.app.cli.lookup import find_account, need_changes
from pillarbox.app.cli.option import (
    config_options,
    engine_for,
    json_option,
    password_options,
    print_json,
    print_record,
    print_table,
    read_password,
)
from pillarbox.app.engine import Engine

_PROPERTIES = {
    "description": "description", "admin": "isAdmin", "quota_count": "quotaCount", "keeps_copy": "keepsCopy",
    "may_forward": "mayForward",
}  # fmt: skip
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


class Octets(click.ParamType[Any]):
    """A number of octets, such as 500M or 2G, or "none"."""

    name = "SIZE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "none" or isinstance(value, int):
            return value
        number, unit = value.rstrip("KMGT"), value.lstrip("0123456789")
        if not (number.isascii() and number.isdecimal()) or unit not in _UNITS:
            self.fail(f'{value!r} is no size such as 500M, 2G or "none"', param, ctx)
        return int(number) * _UNITS[unit]


@click.group()
def account() -> None:
    """Accounts: people who log in, and groups that people open together."""


def _options(command: Any) -> Any:
    command = click.option("--admin/--no-admin", "admin", default=None, help="Whether it administers the server.")(
        command
    )
    command = click.option("--quota-count", type=click.IntRange(0), help="How many messages it may hold.")(command)
    command = click.option("--quota", type=Octets(), help='How much mail it may hold: 500M, 2G, "none".')(command)
    command = click.option("--may-forward/--may-not-forward", default=None, help="Whether its user may forward mail.")(
        command
    )
    command = click.option(
        "--keep-copy/--no-copy", "keeps_copy", default=None, help="Whether what is forwarded stays here too."
    )(command)
    command = click.option(
        "--forward", "forwards", multiple=True, metavar="ADDRESS", help='Where its mail goes too; "none". Repeatable.'
    )(command)
    text = "An account that may open this one; ADDRESS:read for reading only, ADDRESS:none to end it. Repeatable."
    command = click.option("--delegate", "delegates", multiple=True, metavar="ADDRESS[:RIGHT]", help=text)(command)
    return click.option("--description", help="The person's name: it stands before the address in what they send.")(
        command
    )


def _given(engine: Engine, options: dict[str, Any], delegates: dict[str, str]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for option, property in _PROPERTIES.items():
        if options[option] is not None:
            out[property] = options[option]
    if (quota := options["quota"]) is not None:
        out["quotaOctets"] = None if quota == "none" else quota
    if options["forwards"]:
        out["forwardTo"] = [] if options["forwards"] == ("none",) else list(options["forwards"])
    for text in options["delegates"]:
        address, _, right = text.partition(":")
        if right not in ("", "read", "write", "none"):
            raise click.BadParameter(f"{text!r}: the right is read, write or none", param_hint="--delegate")
        id = find_account(engine, address)["id"]
        delegates = {other: r for other, r in delegates.items() if other != id}
        out["delegates"] = delegates = delegates if right == "none" else {**delegates, id: right or "write"}
    return out


def _told(record: dict[str, Any], text: str, password: str | None, *, as_json: bool) -> None:
    more = {"password": password} if password is not None else {}
    print_record({**record, **more}, text + (f"\nPassword: {password}" if password else ""), as_json=as_json)


@account.command()
@click.argument("address")
@_options
@click.option("--group", is_flag=True, help="Nobody logs in to it: its delegates open it. It has no password.")
@password_options
@config_options
@json_option
def add(address: str, config_file: Path | None, data: Path | None, as_json: bool, **options: Any) -> None:  # noqa: FBT001
    """Add an account, with its mailboxes. Its domain has to be there.

    The password is asked for; without a terminal, or with --generate, one is made up and printed.
    """
    with engine_for(config_file, data) as engine:
        given = {"name": address, **_given(engine, options, {})}
        made_up = None
        if options["group"]:
            given["kind"] = "group"
        else:
            given["password"], is_made_up = read_password(options)
            made_up = given["password"] if is_made_up else None
        made = engine.create("Account", given)
        _told(made, f"Added {made['name']}.", made_up, as_json=as_json)


@account.command("list")
@config_options
@json_option
def list_(config_file: Path | None, data: Path | None, as_json: bool) -> None:  # noqa: FBT001
    """List the accounts."""
    with engine_for(config_file, data) as engine:
        records = sorted(engine.records("Account"), key=lambda r: r["name"])
        names = engine.account_names()
    if as_json:
        print_json(records)
        return
    columns = {"name": "address", "isEnabled": "enabled", "isAdmin": "admin", "kind": "kind", "delegates": "delegates"}
    rows = [{**r, "delegates": [f"{names.get(d, d)}:{right}" for d, right in r["delegates"].items()]} for r in records]
    print_table(
        rows, {**columns, "description": "description"}, "There is no account yet: pillarbox account add ADDRESS"
    )


@account.command("set")
@click.argument("address")
@_options
@click.option("--rename", metavar="ADDRESS", help="Its new address; mail for the old one is no longer taken.")
@click.option(
    "--enable/--disable", "enabled", default=None, help="A disabled account takes no mail and lets nobody in."
)
@click.option("--ask-password", is_flag=True, help="Ask for a new password.")
@password_options
@config_options
@json_option
def set_(address: str, config_file: Path | None, data: Path | None, as_json: bool, **options: Any) -> None:  # noqa: FBT001
    """Change an account. A new password takes effect at once, wherever somebody is logged in."""
    with engine_for(config_file, data) as engine:
        old = find_account(engine, address)
        patch = _given(engine, options, old["delegates"])
        for option, property in (("rename", "name"), ("enabled", "isEnabled")):
            if options[option] is not None:
                patch[property] = options[option]
        made_up = None
        if any(options[name] for name in ("password", "password_stdin", "generate", "ask_password")):
            patch["password"], is_made_up = read_password(options)
            made_up = patch["password"] if is_made_up else None
        need_changes(patch, "account")
        changed = engine.update("Account", old["id"], patch)
        _told(changed, f"Changed {changed['name']}.", made_up, as_json=as_json)


@account.command()
@click.argument("address")
@click.option("--yes", is_flag=True, help="Do not ask.")
@config_options
@json_option
def remove(address: str, config_file: Path | None, data: Path | None, as_json: bool, **options: Any) -> None:  # noqa: FBT001
    """Remove an account. Nobody can open it from then on; its data is deleted 30 days later."""
    with engine_for(config_file, data) as engine:
        gone = find_account(engine, address)
        if not options["yes"]:
            click.confirm(f"Remove {gone['name']}?", abort=True, err=True)
        engine.destroy("Account", gone["id"])
        removal = next(r for r in engine.records("AccountRemoval") if r["accountId"] == gone["id"])
        print_record(removal, f"Removed {gone['name']}. Its data is kept until {removal['purgeAt']}.", as_json=as_json)


@account.command()
@click.argument("address", required=False)
@click.option("--forget", is_flag=True, help="Forget what the account has sent, so that it may send again.")
@config_options
@json_option
def sending(address: str | None, config_file: Path | None, data: Path | None, as_json: bool, forget: bool) -> None:  # noqa: FBT001
    """Show what accounts have sent lately, and which are slowed or refused for that; all, or one."""
    if forget and address is None:
        raise click.UsageError("say whose: pillarbox account sending ADDRESS --forget")
    with engine_for(config_file, data) as engine:
        names = engine.account_names()
        ids = None if address is None else [find_account(engine, address)["id"]]
        if forget:
            engine.call("SendingUse/set", {"destroy": ids})
        found = engine.call("SendingUse/get", {"ids": ids})["list"]
    rows = [{**one, "name": names.get(one["id"], one["id"])} for one in found]
    if as_json:
        print_json(rows)
        return
    rows.sort(key=lambda row: (row["refusedAt"] or "", row["slowedAt"] or "", row["messagesInDay"]), reverse=True)
    print_table(
        [{**row, "status": _sending_status(row)} for row in rows], _SENDING, "Nothing was sent in the last day."
    )


_SENDING = {
    "name": "address",
    "messagesInHour": "messages in the hour",
    "recipientsInHour": "recipients",
    "messagesInDay": "messages in the day",
    "recipientsInDay": "recipients in the day",
    "status": "status",
}


def _sending_status(row: dict[str, Any]) -> str:
    if row["refusedAt"]:
        return f"refused at {row['refusedAt']}: {row['refusedBy']}"
    if row["slowedAt"]:
        return f"slowed at {row['slowedAt']}: {row['slowedBy']}"
    return "-"
