"""`pillarbox dns`: the records that a domain needs, and what is published of them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from pillarbox.app.cli.option import Refused, config_options, engine_for, json_option, load_settings, print_json

if TYPE_CHECKING:
    from pillarbox.app.config.settings import Settings
    from pillarbox.services.dns_check import Finding
    from pillarbox.services.dns_record import DnsRecord, Facts


@click.group()
def dns() -> None:
    """The records that a domain needs in the DNS, and whether they are there."""


def _options(command: Any) -> Any:
    command = click.option("--caa", metavar="ISSUER", default="", help="Also CAA for this authority: letsencrypt.org")(
        command
    )
    command = click.option("--caa-account", metavar="URL", default="", help="... and this account of it only.")(command)
    text = "An address of this server; several times for several. Without it: what the DNS says of hostname."
    return click.option("--address", "addresses", multiple=True, metavar="IP", help=text)(command)


@dns.command()
@click.argument("domain")
@click.option(
    "--format",
    "format",
    type=click.Choice(["zone", "json", "fields"]),
    default="zone",
    show_default=True,
    help="Lines of a zone file, JSON, or the fields that registrars' forms have.",
)
@_options
@config_options
def records(domain: str, format: str, config_file: Path | None, data: Path | None, **options: Any) -> None:
    """Print every record that a domain needs."""
    from pillarbox.services.dns_record import records_of  # noqa: PLC0415 -- `--help` does without
    from pillarbox.services.dns_record_text import fields, zone_line  # noqa: PLC0415

    facts = _facts(load_settings(config_file, data).settings, config_file, data, domain, options)
    found = records_of(facts)
    if format == "zone":
        for topic, group in _by_topic(found).items():
            click.echo(f"; {topic}")
            for record in group:
                click.echo(zone_line(record))
        return
    rows = [fields(record, facts.domain) for record in found]
    if format == "json":
        lines = [{**msgspec.to_builtins(row), "zone": zone_line(r)} for row, r in zip(rows, found, strict=True)]
        print_json(lines)
        return
    for row in rows:
        for name, value in msgspec.to_builtins(row).items():
            if name not in ("name", "strings"):
                click.echo(f"{name + ':':<11}{value}")
        for number, part in enumerate(row.strings, 1):
            click.echo(f"part {number}:    {part}")
        click.echo()


@dns.command()
@click.argument("domain")
@_options
@config_options
@json_option
def check(domain: str, config_file: Path | None, data: Path | None, as_json: bool, **options: Any) -> None:  # noqa: FBT001
    """Compare what a domain publishes with what it needs. The exit code is 1 when something has to be done."""
    from pillarbox.services.dns_check import is_bad  # noqa: PLC0415

    settings = load_settings(config_file, data).settings
    facts = _facts(settings, config_file, data, domain, options)
    show = not as_json and sys.stderr.isatty()
    bar: Any = click.progressbar(length=1, label="Asking", file=sys.stderr) if show else None

    def advance(done: int, expected: int) -> None:
        bar.length = expected
        bar.update(done - bar.pos)

    with bar if show else nullcontext():
        findings = asyncio.run(_check(settings, facts, advance if show else lambda _done, _expected: None))
    if as_json:
        print_json(msgspec.to_builtins(findings))
    else:
        for finding in findings:
            _print(finding)
    if is_bad(findings):
        raise click.exceptions.Exit(1)


async def _check(settings: Settings, facts: Facts, advance: Callable[[int, int], None]) -> list[Finding]:
    from pillarbox.app.dns import resolver_of  # noqa: PLC0415
    from pillarbox.app.dns_facts import addresses_of  # noqa: PLC0415
    from pillarbox.services.dns_check import checks  # noqa: PLC0415

    resolver = resolver_of(settings.dns)
    if not facts.addresses:
        facts = msgspec.structs.replace(facts, addresses=await addresses_of(resolver, facts.hostname))
    tasks = [asyncio.create_task(resolver.run(lookup)) for _, lookup in checks(facts)]
    for done, task in enumerate(asyncio.as_completed(tasks), 1):
        await task
        advance(done, len(tasks))
    await resolver.close()
    return [task.result() for task in tasks]


def _print(finding: Finding) -> None:
    colours = {"ok": "green", "wrong": "red", "missing": "red", "unknown": "yellow", "advice": "yellow"}
    state = click.style(f"{finding.state.value:<8}", fg=colours[finding.state.value])
    click.echo(f"{state} {finding.topic:<12} {finding.name} {finding.type}")
    if finding.state.value == "wrong":
        for text in finding.found:
            click.echo(f"         found:    {_shown(text)}")
        click.echo(f"         expected: {finding.expected}")
    if finding.advice:
        click.echo(f"         {_shown(finding.advice)}")


def _shown(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text[:500])


def _by_topic(found: tuple[DnsRecord, ...]) -> dict[str, list[DnsRecord]]:
    out: dict[str, list[DnsRecord]] = {}
    for record in found:
        out.setdefault(record.topic.value, []).append(record)
    return out


def _facts(
    settings: Settings, config_file: Path | None, data: Path | None, domain: str, options: dict[str, Any]
) -> Facts:
    from pillarbox.app.dns_facts import FactsError, domain_named, facts_of  # noqa: PLC0415
    from pillarbox.net.certificate import CertificateError  # noqa: PLC0415

    with engine_for(config_file, data) as engine, engine.store.snapshot() as view:
        found = domain_named(view, domain)
        if found is None:
            raise Refused(f"there is no domain {domain}; `pillarbox domain list` shows what there is")
        try:
            return facts_of(settings, view, found, (options["caa"], options["caa_account"]), _addresses(options))
        except (FactsError, CertificateError) as error:
            raise Refused(str(error)) from None


def _addresses(options: dict[str, Any]) -> list[str]:
    from ipaddress import ip_address  # noqa: PLC0415

    try:
        return [str(ip_address(text)) for text in options["addresses"]]
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--address") from None
