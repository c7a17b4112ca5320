"""A Postfix of its own, in a folder of its own, on a port of loopback. Debian's /etc/postfix is not touched."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.support.free_port import free_port

SECONDS = 30.0
_PROGRAM = "/usr/sbin/postfix"
_SERVICES = """
{address}:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def hindrance() -> str | None:
    """Why there is no Postfix here; None when there is."""
    if not Path(_PROGRAM).exists():
        return "Postfix is not installed (Debian: postfix)"
    return None if os.geteuid() == 0 else "Postfix has to be started by root"


class Postfix:
    """A running instance, which takes mail for postfix.test into Maildirs."""

    def __init__(
        self, folder: Path, address: str = "127.0.0.1", port: int | None = None, enter: Sequence[str] = ()
    ) -> None:
        """`enter` is a command that runs another one where Postfix is to be."""
        self.folder, self.address, self.port = folder, address, port or free_port()
        self.config, self._enter = folder / "etc", enter

    def configure(self, settings: Mapping[str, str]) -> None:
        """Write its settings, above what every test needs."""
        for name in ("etc", "queue", "data", "mail"):
            (self.folder / name).mkdir()
        for name in ("data", "mail"):
            shutil.chown(self.folder / name, "postfix", "postfix")
        owner = (self.folder / "mail").stat()
        every = {
            "compatibility_level": "3.6",
            "queue_directory": str(self.folder / "queue"),
            "data_directory": str(self.folder / "data"),
            "command_directory": "/usr/sbin",
            "daemon_directory": "/usr/lib/postfix/sbin",
            "mail_owner": "postfix",
            "setgid_group": "postdrop",
            "maillog_file": str(self.folder / "log"),
            "maillog_file_prefixes": str(self.folder),
            "myhostname": "mx.postfix.test",
            "mydestination": "",
            "mynetworks": "127.0.0.0/8",
            "inet_interfaces": self.address,
            "inet_protocols": "ipv4",
            "disable_dns_lookups": "yes",
            "virtual_mailbox_domains": "postfix.test",
            "virtual_mailbox_base": str(self.folder / "mail"),
            "virtual_mailbox_maps": "static:all/",
            "virtual_uid_maps": f"static:{owner.st_uid}",
            "virtual_gid_maps": f"static:{owner.st_gid}",
        }
        text = "".join(f"{name} = {value}\n" for name, value in {**every, **settings}.items())
        (self.config / "main.cf").write_text(text)
        (self.config / "master.cf").write_text(_SERVICES.format(address=self.address, port=self.port))

    def run(self, verb: str) -> None:
        """`postfix start`, `postfix stop`, `postfix flush`."""
        command = [*self._enter, _PROGRAM, "-c", str(self.config), verb]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (done.stdout, done.stderr, self.log)

    @property
    def log(self) -> str:
        """What it has logged."""
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    def received(self) -> list[bytes]:
        """The messages in the mailboxes of postfix.test."""
        return [path.read_bytes() for path in sorted((self.folder / "mail").glob("all/new/*"))]

    def wait_ready(self) -> None:
        """Until it greets."""
        deadline = time.monotonic() + SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection((self.address, self.port), SECONDS) as one:
                if one.recv(100).startswith(b"220 "):
                    return
            assert time.monotonic() < deadline, self.log
            time.sleep(0.02)


@contextlib.contextmanager
def running(settings: Mapping[str, str], certificate: Path) -> Iterator[Postfix]:
    """An instance that runs inside the block, with a certificate and its key in one file."""
    folder = Path(tempfile.mkdtemp(prefix="pillarbox-postfix-"))
    folder.chmod(0o755)  # the user postfix goes in and out
    postfix = Postfix(folder)
    postfix.configure(settings)
    shutil.copy(certificate, postfix.config / "certificate.pem")
    try:
        postfix.run("start")
        try:
            postfix.wait_ready()
            yield postfix
        finally:
            postfix.run("stop")
    finally:
        shutil.rmtree(folder)
