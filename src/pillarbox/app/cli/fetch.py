"""`pillarbox fetch`: mail comes over from another server, and what is new or has changed each time after."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from pillarbox.app.cli.fetch_account import PASSWORD_VARIABLE, TOKEN_VARIABLE, Row, read_rows, secret_of, shared_secret
from pillarbox.app.cli.fetch_report import print_end, print_outcomes
from pillarbox.app.cli.lookup import find_account
from pillarbox.app.cli.option import Refused, config_options, engine_for, json_option
from pillarbox.services.mail.mailbox_path import parse_path

if TYPE_CHECKING:
    from pillarbox.app.engine import Engine
    from pillarbox.app.fetching import Errand
    from pillarbox.net.imap_client import Endpoint, Security
    from pillarbox.services.fetch.outcome import Outcome
    from pillarbox.services.fetch.route import Wishes


@click.group()
def fetch() -> None:
    """Bring mail over from another server, while both run."""


_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@fetch.command("imap")
@click.option("--from", "host", metavar="HOST[:PORT]", help="The server that has the mail.")
@click.option("--user", metavar="NAME", help="Who logs in there.")
@click.option("--account", metavar="ADDRESS", help="The account here that gets the mail.")
@click.option("--accounts", type=_FILE, help="Many accounts: a CSV file with columns host, user, password, account.")
@click.option("--password-file", type=_FILE, help=f"The password is this file's first line. Also: {PASSWORD_VARIABLE}.")
@click.option("--password-stdin", is_flag=True, help="Read the password from the first line of standard input.")
@click.option("--token-file", type=_FILE, help=f"An OAuth access token, read at each login. Also: {TOKEN_VARIABLE}.")
@click.option(
    "--auth",
    type=click.Choice(["auto", "plain", "login", "scram-sha-256", "xoauth2", "oauthbearer"]),
    default="auto",
    show_default=True,
    help="How to log in.",
)
@click.option("--master-user", metavar="NAME", help="Log in as this one, with its password, for each user.")
@click.option("--starttls", is_flag=True, help="Begin TLS by STARTTLS, on port 143, not at once on port 993.")
@click.option("--insecure-plain", is_flag=True, help="No TLS: for a server on this machine only.")
@click.option("--ca-file", type=_FILE, help="Further authorities for the server's certificate, in PEM.")
@click.option("--fingerprint", metavar="SHA256", help="Trust the one certificate that has this fingerprint.")
@click.option("--include", multiple=True, metavar="PATTERN", help="Only these folders, such as 'Work*'.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Not these folders.")
@click.option("--map", "maps", multiple=True, metavar="FOLDER=MAILBOX", help="Where a folder there goes here.")
@click.option("--below", metavar="MAILBOX", help="Make the mailboxes below this one.")
@click.option("--shared", is_flag=True, help="Also take what others share with the user.")
@click.option("--include-deleted", is_flag=True, help="Also take what is marked as deleted and not yet expunged.")
@click.option("--remove-gone", is_flag=True, help="Remove here what was fetched before and is gone there.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--connections", type=click.IntRange(1, 32), default=4, show_default=True, help="Accounts at a time.")
@click.option("--timeout", type=click.IntRange(1, 3600), default=120, show_default=True, help="Seconds for an answer.")
@config_options
@json_option
def imap(
    *,
    config_file: Path | None,
    data: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Fetch all mail of an account from an IMAP server.

    Folders, flags, dates and subscriptions come along; the other server stays as it is. Run it again at any time: it
    goes on where it was broken off, and brings only what is new or has other flags. A server may run meanwhile.
    """
    from pillarbox.app.fetching import Fetcher, Meter  # noqa: PLC0415 -- `--help` does without
    from pillarbox.services.fetch.job import Choices  # noqa: PLC0415

    choices = Choices(options["include_deleted"], options["remove_gone"], options["dry_run"])
    wishes, rows = _wishes(options), read_rows(options)
    with engine_for(config_file, data) as engine:
        errands = _errands(engine, rows, options)
        show = not as_json and sys.stderr.isatty()
        bar: Any = click.progressbar(length=1, label="Fetching", file=sys.stderr) if show else None

        def advance(done: int, expected: int) -> None:
            bar.length = max(1, expected)
            bar.update(done - bar.pos)

        def told(errand: Errand, outcome: Outcome) -> None:
            if len(errands) > 1 and not as_json and not show:
                print_end(errand, outcome)

        fetcher = Fetcher(engine.store, wishes, choices, Meter(advance) if show else Meter())
        with bar if show else nullcontext():
            outcomes = fetcher.run(errands, options["connections"], told)
    print_outcomes(list(zip(errands, outcomes, strict=True)), dry_run=choices.dry_run, as_json=as_json)
    if not all(outcome.is_whole for outcome in outcomes):
        raise click.exceptions.Exit(1)


def _wishes(options: dict[str, Any]) -> Wishes:
    from pillarbox.services.fetch.route import Wishes  # noqa: PLC0415

    moves = []
    for text in options["maps"]:
        source, equals, target = text.partition("=")
        if not (equals and parse_path(source) and parse_path(target)):
            raise click.BadParameter(f"{text!r} is not FOLDER=MAILBOX", param_hint="--map")
        moves.append((parse_path(source), parse_path(target)))
    below = parse_path(options["below"] or "")
    return Wishes(options["include"], options["exclude"], tuple(moves), below, options["shared"])


def _errands(engine: Engine, rows: list[Row], options: dict[str, Any]) -> list[Errand]:
    from pillarbox.app.fetching import Errand  # noqa: PLC0415
    from pillarbox.services.fetch.login import Credentials, Mechanism  # noqa: PLC0415

    shared, out = shared_secret(options), []
    mechanism = cast("Mechanism", options["auth"])
    for row in rows:
        try:
            account, endpoint = find_account(engine, row.account), _endpoint(row.host, options)
        except click.ClickException as error:
            raise Refused(row.where + error.message) from None
        secret = secret_of(row, shared)
        if mechanism != "auto" and secret.is_token is not (mechanism in ("xoauth2", "oauthbearer")):
            raise click.UsageError(f"{mechanism} takes a {'password' if secret.is_token else 'token'}")
        if options["master_user"] and mechanism not in ("auto", "plain", "scram-sha-256"):
            raise click.UsageError("--master-user works with plain and scram-sha-256 only")
        credentials = Credentials(row.user, secret.read, mechanism, secret.is_token, options["master_user"])
        out.append(Errand(endpoint, credentials, account["id"], row.account))
    return out


def _endpoint(host: str, options: dict[str, Any]) -> Endpoint:
    from pillarbox.net.imap_client import PORTS, Endpoint  # noqa: PLC0415

    if options["starttls"] and options["insecure_plain"]:
        raise click.UsageError("--starttls and --insecure-plain exclude each other")
    security: Security = "starttls" if options["starttls"] else "none" if options["insecure_plain"] else "implicit"
    name, port = split_host(host)
    return Endpoint(
        name, port or PORTS[security], security, options["ca_file"], options["fingerprint"], float(options["timeout"])
    )


def split_host(text: str) -> tuple[str, int | None]:
    """(host, port) of `host`, `host:port`, `[::1]:port` or an IPv6 address. Raises BadParameter."""
    name, colon, port = text.rpartition(":")
    if text.startswith("[") and text.endswith("]"):
        return text[1:-1], None
    if not colon or (":" in name and not name.endswith("]")):
        return text, None
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536 and name):
        raise click.BadParameter(f"{text!r} is not HOST or HOST:PORT", param_hint="--from")
    return name.strip("[]"), int(port)
