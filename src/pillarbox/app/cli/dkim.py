"""`pillarbox dkim`: the keys by which the mail of domains is signed, and the records that publish them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pillarbox.app.cli.lookup import find_domain
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

_ALGORITHMS = ("rsa-sha256", "ed25519-sha256")
_algorithm = click.option("--algorithm", type=click.Choice(_ALGORITHMS), help="The kind of key; without it, RSA.")


@click.group()
def dkim() -> None:
    """Keys by which the mail of domains is signed. Each has a TXT record that has to be published."""


@dkim.command("list")
@click.argument("domain", required=False)
@config_options
@json_option
def list_(domain: str | None, config_file: Path | None, data: Path | None, as_json: bool) -> None:  # noqa: FBT001
    """List the keys, of all domains or of one."""
    with engine_for(config_file, data) as engine:
        records = _keys(engine, domain)
    if as_json:
        print_json(records)
        return
    columns = {"domain": "domain", "selector": "selector", "algorithm": "algorithm", "state": "state"}
    times = {"createdAt": "made", "activatedAt": "signs since", "retiredAt": "retired"}
    print_table(records, {**columns, **times}, "There is no key yet: pillarbox dkim create DOMAIN")


@dkim.command()
@click.argument("domain")
@click.argument("selector", required=False)
@config_options
@json_option
def show(
    domain: str,
    selector: str | None,
    config_file: Path | None,
    data: Path | None,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Show the TXT records that a domain has to publish, or that of one key: name, text, and a line for a zone file."""
    with engine_for(config_file, data) as engine:
        records = [_key(engine, domain, selector)] if selector else _keys(engine, domain)
    if as_json:
        print_json([_with_zone(record) for record in records])
        return
    if not records:
        click.echo(
            f"There is no key for {domain} yet: the server makes them within seconds while it runs, or `pillarbox dkim"
            f" create {domain}`.",
            err=True,
        )
    for record in records:
        shown = _with_zone(record)
        click.echo(f"; {record['algorithm']}, {record['state']}")
        click.echo(f"Name: {record['dnsName']}\nType: TXT\nText: {record['record']}\n\n{shown['zone']}\n")


@dkim.command()
@click.argument("domain")
@click.option("--selector", default="", help="Its name in the DNS; without it, made of the month.")
@_algorithm
@click.option("--private-key", type=click.File("r"), metavar="FILE", help="A private key in PEM to use; - for stdin.")
@click.option("--sign", is_flag=True, help="Sign with it at once, in place of the key that does now.")
@config_options
@json_option
def create(domain: str, config_file: Path | None, data: Path | None, as_json: bool, **options: Any) -> None:  # noqa: FBT001
    """Make a key, or bring one. It signs when its record was published for long enough."""
    with engine_for(config_file, data) as engine:
        given = {"domainId": find_domain(engine, domain)["id"], "selector": options["selector"].lower()}
        given["algorithm"] = options["algorithm"] or _ALGORITHMS[0]
        if options["private_key"] is not None:
            given["privateKey"] = options["private_key"].read()
        if options["sign"]:
            given["state"] = "active"
        made = _with_zone(engine.create("DkimKey", given))
        print_record(made, f"Publish this record:\n{made['zone']}", as_json=as_json)


@dkim.command()
@click.argument("domain")
@click.option("--now", is_flag=True, help="Sign with the new keys at once: somebody else may have the old ones.")
@config_options
@json_option
def rotate(domain: str, config_file: Path | None, data: Path | None, as_json: bool, now: bool) -> None:  # noqa: FBT001
    """Make new keys for a domain. They sign when they were published for long enough; the old ones then retire.

    While the server runs it looks for the records in the DNS, and goes on with the old keys until it sees them.
    """
    from pillarbox.services import dkim_rotation  # noqa: PLC0415 -- `--help` does without
    from pillarbox.services.dkim_rotation import ALGORITHMS, Wanted  # noqa: PLC0415

    with engine_for(config_file, data) as engine:
        id = find_domain(engine, domain)["id"]
        if not now and (waiting := [key for key in _keys(engine, domain) if key["state"] == "published"]):
            names = ", ".join(key["dnsName"] for key in waiting)
            raise Refused(f"there are new keys already, which wait to be seen: {names}")
        secrets = dkim_rotation.make_secrets([Wanted(id, ALGORITHMS, "published")])[id]
        made = engine.store.write(lambda tx: dkim_rotation.rotate(tx, id, secrets, at_once=now))
        records = [_with_zone(record) for record in engine.records("DkimKey", [key.id for key in made])]
    if as_json:
        print_json(records)
        return
    click.echo("Publish these records:\n" + "\n".join(record["zone"] for record in records))


@dkim.command()
@click.argument("domain")
@click.argument("selector")
@click.option("--retire", is_flag=True, help="Let it sign no more instead.")
@config_options
@json_option
def activate(
    domain: str,
    selector: str,
    config_file: Path | None,
    data: Path | None,
    as_json: bool,  # noqa: FBT001
    retire: bool,  # noqa: FBT001
) -> None:
    """Sign with a key from now on, without waiting; the one before it of its kind retires."""
    with engine_for(config_file, data) as engine:
        state = "retired" if retire else "active"
        changed = engine.update("DkimKey", _key(engine, domain, selector)["id"], {"state": state})
        print_record(changed, f"{changed['dnsName']} is {state}.", as_json=as_json)


@dkim.command()
@click.argument("domain")
@click.argument("selector")
@config_options
@json_option
def delete(domain: str, selector: str, config_file: Path | None, data: Path | None, as_json: bool) -> None:  # noqa: FBT001
    """Delete a key that does not sign. Mail under way that it signed does not verify once its record is gone."""
    with engine_for(config_file, data) as engine:
        gone = _key(engine, domain, selector)
        engine.destroy("DkimKey", gone["id"])
        text = f"Deleted {gone['dnsName']}. Its record may go from the DNS."
        print_record({"id": gone["id"], "dnsName": gone["dnsName"]}, text, as_json=as_json)


def _keys(engine: Engine, domain: str | None) -> list[dict[str, Any]]:
    id = find_domain(engine, domain)["id"] if domain else None
    records = [record for record in engine.records("DkimKey") if id in (None, record["domainId"])]
    return sorted(records, key=lambda record: (record["domain"], record["createdAt"], record["selector"]))


def _key(engine: Engine, domain: str, selector: str) -> dict[str, Any]:
    for record in _keys(engine, domain):
        if record["selector"] == selector.lower():
            return record
    raise Refused(f"there is no key {selector} of {domain}; `pillarbox dkim list` shows what there is")


def _with_zone(record: dict[str, Any]) -> dict[str, Any]:
    from pillarbox.formats.mailauth.txt_record import strings, zone_line  # noqa: PLC0415

    text = record["record"]
    return {**record, "strings": list(strings(text)), "zone": zone_line(record["dnsName"], text)}
