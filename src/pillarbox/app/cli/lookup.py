"""Finding what a command's arguments name: domains, accounts and aliases by the names that people type."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pillarbox.app.cli.option import Refused, found
from pillarbox.app.engine import Engine
from pillarbox.datatypes.admin.name import address_name, domain_name


def find_domain(engine: Engine, name: str) -> dict[str, Any]:
    """The domain of this name, or a refusal."""
    return found(engine.find("Domain", "name", domain_name(name) or name), "domain", name, "domain")


def find_account(engine: Engine, address: str) -> dict[str, Any]:
    """The account with this address, or a refusal."""
    return found(engine.find("Account", "name", _address(address)), "account", address, "account")


def find_alias(engine: Engine, address: str) -> dict[str, Any]:
    """The alias with this address, or a refusal."""
    return found(engine.find("Alias", "address", _address(address)), "alias", address, "alias")


def find_list(engine: Engine, address: str) -> dict[str, Any]:
    """The mailing list with this address, or a refusal."""
    return found(engine.find("MailingList", "address", _address(address)), "mailing list", address, "list")


def sort_targets(engine: Engine, given: Iterable[str]) -> tuple[list[str], list[str]]:
    """(ids of accounts, other addresses) of what was named: an address of an account of this server is the account."""
    accounts: list[str] = []
    others: list[str] = []
    for address in given:
        record = engine.find("Account", "name", _address(address))
        if record is not None:
            accounts.append(record["id"])
        else:
            others.append(address)
    return accounts, others


def _address(text: str) -> str:
    parts = address_name(text)
    return "@".join(parts) if parts is not None else text


def need_changes(patch: dict[str, Any], command: str) -> None:
    """Refuse a `set` that sets nothing."""
    if not patch:
        raise Refused(f"say what to change; `pillarbox {command} set --help` lists all options")
