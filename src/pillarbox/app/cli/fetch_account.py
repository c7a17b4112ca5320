"""Which accounts `pillarbox fetch` is to fetch: one by options, or many from a CSV file."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from pillarbox.app.cli.option import Refused

_COLUMNS = ("host", "user", "password", "account")
_MAX_SECRET = 64_000  # characters
PASSWORD_VARIABLE, TOKEN_VARIABLE = "PILLARBOX_FETCH_PASSWORD", "PILLARBOX_FETCH_TOKEN"


@dataclass(frozen=True, slots=True)
class Row:
    """One account to fetch, as it was named; `where` says in which line, for complaints."""

    host: str
    user: str
    password: str | None
    account: str
    where: str = ""


def read_rows(options: Mapping[str, Any]) -> list[Row]:
    """The accounts that the options name. Raises click's faults with what is wrong."""
    path: Path | None = options["accounts"]
    if path is None:
        needed = {"host": "--from", "user": "--user", "account": "--account"}
        missing = [option for name, option in needed.items() if not options[name]]
        if missing:
            raise click.UsageError(f"say {', '.join(missing)}; or name many accounts in a file with --accounts")
        return [Row(options["host"], options["user"], None, options["account"])]
    if options["user"] or options["account"]:
        raise click.UsageError("--accounts takes the place of --user and --account")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = _read_csv(csv.DictReader(file, strict=True), options["host"])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Refused(f"{path} cannot be read: {error}") from None
    if not rows:
        raise Refused(f"{path} names no account")
    return rows


def _read_csv(reader: csv.DictReader[str], host: str | None) -> list[Row]:
    names = [name.strip().lower() for name in reader.fieldnames or ()]
    if unknown := [name for name in names if name not in _COLUMNS]:
        raise Refused(f"the first line names the columns, of {', '.join(_COLUMNS)}: what is {unknown[0]!r}?")
    reader.fieldnames = names
    rows: list[Row] = []
    seen: set[tuple[str, str, str]] = set()
    for cells in reader:
        where = f"line {reader.line_num}: "
        if None in cells or None in cells.values():
            raise Refused(f"{where}there are not as many values as columns")
        row = Row(
            cells.get("host", "").strip() or host or "",
            cells.get("user", "").strip(),
            cells.get("password") or None,
            cells.get("account", "").strip(),
            where,
        )
        if not (row.host and row.user and row.account):
            raise Refused(f"{where}an account has a host (or --from), a user and an account")
        key = (row.host, row.user, row.account)
        if key in seen:
            raise Refused(f"{where}{row.user} at {row.host} was named before")
        seen.add(key)
        rows.append(row)
    return rows


@dataclass(frozen=True, slots=True)
class Secret:
    """How a login gets its password or token; a token's file is read again at each login, as tokens are renewed."""

    read: Callable[[], str]
    is_token: bool = False


def shared_secret(options: Mapping[str, Any]) -> Secret | None:
    """The one that is given for all accounts, or None."""
    token, password = options["token_file"], options["password_file"]
    if token is not None and (password is not None or options["password_stdin"]):
        raise click.UsageError("a password or a token, not both")
    if token is not None:
        return Secret(lambda: _first_line(token), is_token=True)
    if password is not None:
        return _constant(_first_line(password))
    if options["password_stdin"]:
        return _constant(sys.stdin.readline(_MAX_SECRET).rstrip("\r\n"))
    if os.environ.get(TOKEN_VARIABLE):
        return Secret(lambda: os.environ[TOKEN_VARIABLE], is_token=True)
    if os.environ.get(PASSWORD_VARIABLE):
        return _constant(os.environ[PASSWORD_VARIABLE])
    return None


def secret_of(row: Row, shared: Secret | None) -> Secret:
    """The one for an account: its own in the file, that of all, or asked for."""
    if row.password is not None:
        return _constant(row.password)
    if shared is not None:
        return shared
    if row.where or not sys.stdin.isatty():
        raise Refused(f"{row.where}there is no password; see --password-file, --token-file and {PASSWORD_VARIABLE}")
    return _constant(str(click.prompt(f"Password of {row.user} at {row.host}", hide_input=True, err=True)))


def _constant(text: str) -> Secret:
    if not text:
        raise Refused("the password is empty")
    return Secret(lambda: text)


def _first_line(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            return file.readline(_MAX_SECRET).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{path} cannot be read: {error}") from None
