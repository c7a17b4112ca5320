"""`pillarbox health`: asks the running server whether it can serve, for people, containers and scripts."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from pathlib import Path
from typing import Any

import click

from pillarbox.app.cli.option import Refused, Unusable, config_options, json_option, load_settings

_OK = 200
_HERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- what listens everywhere is found on loopback
_MOST_OCTETS = 65_536


class _Unix(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


@click.command()
@config_options
@click.option("--live", is_flag=True, help="Ask only whether the process answers, not whether it can serve.")
@click.option("--address", help="Ask there, instead of where the configuration says: HOST:PORT or unix:/PATH.")
@click.option("--timeout", type=click.FloatRange(0.1, 300), default=10, show_default=True, help="Seconds to wait.")
@json_option
def health(
    config_file: Path | None,
    data: Path | None,
    live: bool,  # noqa: FBT001 -- click hands flags over so
    address: str | None,
    timeout: float,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Ask the running server whether it can serve.

    The exit code is 0 when it can, 1 when it cannot or does not answer: fit for a container's health check. It is asked
    at the first address of metrics.listen, or else of http.listen, or else of http.tls_listen.
    """
    settings = load_settings(config_file, data).settings
    clear = (*settings.metrics.listen, *settings.http.listen)
    where = address or next(iter((*clear, *settings.http.tls_listen)), None)
    if where is None:
        raise Unusable("the server listens nowhere: neither metrics.listen nor http.listen is set")
    with_tls = not address and not clear
    headers = {"authorization": f"Bearer {settings.metrics.token}"} if settings.metrics.token else {}
    try:
        status, told = _ask(where, "/healthz/live" if live else "/healthz/ready", headers, timeout, with_tls=with_tls)
    except (OSError, http.client.HTTPException, ValueError, TypeError) as error:
        status, told = 0, {"status": "no answer", "detail": str(error) or type(error).__name__}
    if as_json:
        click.echo(json.dumps({**told, "address": where}))
    else:
        click.echo("\n".join([str(told.get("status")), *_details(told)]))
    if status != _OK:
        raise click.exceptions.Exit(Refused.exit_code)


def _details(told: dict[str, Any]) -> list[str]:
    checks = told.get("checks", {})
    return [f"  {name}: {found}" for name, found in checks.items()] + ([told["detail"]] if "detail" in told else [])


def _ask(
    where: str, path: str, headers: dict[str, str], timeout: float, *, with_tls: bool
) -> tuple[int, dict[str, Any]]:
    from pillarbox.net.socket_address import parse_socket_address  # noqa: PLC0415 -- `--help` does without

    target = parse_socket_address(where)
    if isinstance(target, Path):
        connection: http.client.HTTPConnection = _Unix(target, timeout)
    elif with_tls:
        host, port = target
        # The certificate is for the server's name, and this is one of its addresses, which our settings name.
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(_HERE.get(host, host), port, timeout=timeout, context=context)
    else:
        host, port = target
        connection = http.client.HTTPConnection(_HERE.get(host, host), port, timeout=timeout)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        told = json.loads(answer.read(_MOST_OCTETS))
    finally:
        connection.close()
    if not isinstance(told, dict):
        raise TypeError("this is no answer of Pillarbox")
    return answer.status, told
