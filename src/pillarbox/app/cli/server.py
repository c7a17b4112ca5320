"""`pillarbox serve` and `pillarbox demo`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from pillarbox.app.cli.option import Unusable, config_options, load_settings, read_settings


@click.command()
@config_options
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="One setting, such as log.level=debug.")
def serve(config_file: Path | None, data: Path | None, assignments: tuple[str, ...]) -> None:
    """Run the server until SIGTERM or Ctrl-C.

    It runs in the foreground and logs to standard error, as service managers want it. SIGHUP has it read its settings
    anew, without a connection being refused.
    """
    settings = load_settings(config_file, data, assignments).settings
    from pillarbox.app.listening import ServeError  # noqa: PLC0415
    from pillarbox.app.logs import set_up  # noqa: PLC0415 -- heavy modules are imported when they are needed
    from pillarbox.app.serve import serve_settings  # noqa: PLC0415
    from pillarbox.storage.database import StoreError  # noqa: PLC0415

    set_up(settings.log)
    try:
        serve_settings(settings, lambda _: None, lambda: read_settings(config_file, data, assignments).settings)
    except (ServeError, StoreError) as error:
        raise Unusable(str(error)) from None


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON when the server is ready, for programs.")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Keep the data in this directory.")
@click.option(
    "--port-base",
    type=click.IntRange(0, 65000),
    default=8400,
    show_default=True,
    help="HTTP is at this port, LMTP 24 above, HTTP over TLS 43, POP3 over TLS 95; 0: any free ports.",
)
def demo(as_json: bool, data: Path | None, port_base: int) -> None:  # noqa: FBT001 -- click hands flags over so
    """Run a server on loopback with accounts full of mail, to look at or to test a client with.

    Without --data everything is gone when it stops; with it, the next start finds all that was changed.
    """
    from pillarbox.app.config.settings import Log  # noqa: PLC0415
    from pillarbox.app.demo.run import run_demo  # noqa: PLC0415
    from pillarbox.app.listening import ServeError  # noqa: PLC0415
    from pillarbox.app.logs import set_up  # noqa: PLC0415
    from pillarbox.storage.database import StoreError  # noqa: PLC0415

    set_up(Log(level="warning"))
    try:
        run_demo(data, port_base, _print_json if as_json else _print_text)
    except ServeError as error:
        raise Unusable(f"{error}. Another port: --port-base 0") from None
    except StoreError as error:
        raise Unusable(str(error)) from None


def _print_json(ready: dict[str, Any]) -> None:
    click.echo(json.dumps(ready))


def _print_text(ready: dict[str, Any]) -> None:
    lmtp = ready["lmtp"]
    click.echo("Pillarbox is ready.\n")
    click.echo(f"  JMAP session  {ready['jmap']}")
    click.echo(f"  with TLS      {ready['https']}")
    imap = ready["imap"]
    click.echo(
        f"  IMAP          {imap['host']}:{imap['tls_port']} with TLS, {imap['host']}:{imap['port']} with STARTTLS"
    )
    pop3 = ready["pop3"]
    click.echo(f"  POP3          {pop3['host']}:{pop3['tls_port']} with TLS, {pop3['host']}:{pop3['port']} with STLS")
    smtp, submission = ready["smtp"], ready["submission"]
    click.echo(
        f"  submission    {submission['host']}:{submission['tls_port']} with TLS,"
        f" {submission['host']}:{submission['port']} with STARTTLS"
    )
    click.echo(f"  SMTP          {smtp['host']}:{smtp['port']}")
    click.echo(f"  LMTP          {lmtp['host']}:{lmtp['port']}\n")
    click.echo(f"  TLS is certified by an authority of the demo's own: {ready['ca']}\n")
    click.echo("  Log in as          with the password")
    for user in ready["users"]:
        click.echo(f"  {user['name']:<18} {user['password']}")
    name, password = ready["users"][0].values()
    click.echo(f"\nTry it:  curl --user {name}:{password} {ready['jmap']}\nStop it: Ctrl-C")
