"""A Dovecot of one's own on loopback, where it is installed: another people's server to fetch mail from."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import trustme

from tests.support.free_port import free_port

PROGRAM = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
USERS = {"alice": "secret-a", "bob": "secret-b"}
MASTER = ("keeper", "secret-m")

_CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
listen = 127.0.0.1
protocols = imap
ssl = yes
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_master_user_separator = *
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
mail_location = {format}:{folder}/mail/%u
mail_max_userip_connections = 0
import_environment = $import_environment LD_LIBRARY_PATH
passdb {{
  driver = passwd-file
  master = yes
  args = scheme=PLAIN username_format=%u {folder}/masters
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/users
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/mail/%u
}}
namespace inbox {{
  inbox = yes
  separator = {separator}
  prefix = {prefix}
  mailbox Gesendet {{
    special_use = \\Sent
  }}
  mailbox Papierkorb {{
    special_use = \\Trash
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
"""


@dataclass(frozen=True)
class Dovecot:
    """A server that runs, with the users `USERS`."""

    folder: Path
    port: int
    tls_port: int
    authority: Path


@contextlib.contextmanager
def running(*, separator: str = "/", prefix: str = "", format: str = "sdbox") -> Iterator[Dovecot]:
    """Start one and end it."""
    assert PROGRAM is not None
    folder = Path(tempfile.mkdtemp(prefix="dove-"))  # short: names of Unix sockets are
    try:
        server = _written(folder, separator, prefix, format)
        with (folder / "out").open("wb") as out:
            process = subprocess.Popen(  # noqa: S603
                [PROGRAM, "-F", "-c", str(folder / "dovecot.conf")], stdout=out, stderr=out, start_new_session=True
            )
        try:
            _wait(server, process)
            yield server
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(20)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _written(folder: Path, separator: str, prefix: str, format: str) -> Dovecot:
    folder.chmod(0o755)
    owner = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    for name in ("run", "state", "mail"):
        (folder / name).mkdir()
    os.chown(folder / "mail", owner.pw_uid, owner.pw_gid)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "authority.pem")
    issued = authority.issue_cert("localhost", "127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    (folder / "users").write_text("".join(f"{name}:{password}\n" for name, password in USERS.items()))
    (folder / "masters").write_text(":".join(MASTER) + "\n")
    port, tls_port = free_port(), free_port()
    group = grp.getgrgid(owner.pw_gid).gr_name
    config = _CONFIG.format(
        folder=folder, user=owner.pw_name, group=group, port=port, tls_port=tls_port, separator=separator,
        prefix=prefix, format=format,
    )  # fmt: skip
    (folder / "dovecot.conf").write_text(config)
    return Dovecot(folder, port, tls_port, folder / "authority.pem")


def _wait(server: Dovecot, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        if process.poll() is not None:
            raise RuntimeError(f"dovecot ended: {(server.folder / 'out').read_text()}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", server.port), 5) as opened:
            if opened.recv(10):
                return
        time.sleep(0.05)
    raise RuntimeError("dovecot does not answer")
