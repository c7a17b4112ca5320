"""An OpenSMTPD of its own, on a port of loopback, in a namespace of mounts: nothing of the system is written.

Debian lets it stand beside no other mail server. So OPENSMTPD may name a folder that its package was unpacked into
(`apt-get download opensmtpd libevent-2.1-7`, `dpkg -x`), which is laid over the system's files for this process alone.

It sends by TLS, or not at all. As a server it offers none: that of Debian 12 cannot sign with
its own key under OpenSSL 3 ("EVP lib"), so whoever is offered TLS cannot come in.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.support.free_port import free_port

SECONDS = 30.0
_FOLDER = Path(os.environ.get("OPENSMTPD", "/"))
_MAILBOX = 992  # the user who has the mailboxes, inside
_START = """
set -e
mount --make-rprivate /
mount -t tmpfs own "$1/own"
for part in etc var usr; do mkdir -p "$1/own/$part" "$1/own/work/$part"; done
mount -t overlay own -o "lowerdir=/etc,upperdir=$1/own/etc,workdir=$1/own/work/etc" /etc
mount -t overlay own -o "lowerdir=/var,upperdir=$1/own/var,workdir=$1/own/work/var" /var
[ "$2" = / ] || mount -t overlay own -o "lowerdir=$2/usr:/usr" /usr
for user in opensmtpd:990 opensmtpq:991 pillarbox-peer:$3; do
    grep -q "^${user%:*}:" /etc/passwd || echo "${user%:*}:x:${user#*:}:${user#*:}::$1/mail:/bin/sh" >> /etc/passwd
    grep -q "^${user%:*}:" /etc/group || echo "${user%:*}:x:${user#*:}:" >> /etc/group
done
mkdir -p /var/lib/opensmtpd/empty /var/spool/smtpd
chmod 711 /var/spool/smtpd
exec smtpd -d -f "$1/smtpd.conf"
"""
_SETTINGS = """
table mailboxes {{ "@open.test" = "pillarbox-peer" }}
listen on 127.0.0.1 port {port} hostname mx.open.test
action "in" maildir virtual <mailboxes>
action "out" relay host "smtp+tls://127.0.0.1:{other}" tls no-verify helo mx.open.test
match from any for domain "open.test" rcpt-to "nobody@open.test" reject
match from any for domain "open.test" action "in"
match from any for domain "example.org" action "out"
"""


def hindrance() -> str | None:
    """Why there is no OpenSMTPD here; None when there is."""
    program = _FOLDER / "usr/sbin/smtpd"
    if not program.exists() or not (_FOLDER / "usr/libexec/opensmtpd").exists():
        return "OpenSMTPD is not installed (Debian: opensmtpd; or OPENSMTPD names the folder of an unpacked package)"
    if os.geteuid() != 0:
        return "OpenSMTPD has to be started by root"
    tried = subprocess.run(["unshare", "--mount", "true"], capture_output=True, text=True, check=False)
    return f"no namespace can be made here: {tried.stderr.strip()}" if tried.returncode else None


class OpenSmtpd:
    """A running instance, which takes mail for open.test into a Maildir, and sends on what is for example.org."""

    def __init__(self, folder: Path, other: int) -> None:
        """`other` is the port of the server for example.org."""
        self.folder, self.port = folder, free_port()
        (folder / "own").mkdir()
        (folder / "mail").mkdir()
        os.chown(folder / "mail", _MAILBOX, _MAILBOX)
        (folder / "smtpd.conf").write_text(_SETTINGS.format(folder=folder, port=self.port, other=other))

    def start(self) -> subprocess.Popen[bytes]:
        """Start, and wait until it greets."""
        command = ["unshare", "--mount", "sh", "-c", _START, "sh", str(self.folder), str(_FOLDER), str(_MAILBOX)]
        with (self.folder / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), SECONDS) as one:
                if one.recv(100).startswith(b"220 "):
                    return process
            assert process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.02)

    @property
    def log(self) -> str:
        """What it has said."""
        return (self.folder / "log").read_text()

    def received(self) -> list[bytes]:
        """The messages that it has delivered."""
        return [path.read_bytes() for path in sorted((self.folder / "mail").glob("Maildir/new/*"))]


@contextlib.contextmanager
def running(other: int) -> Iterator[OpenSmtpd]:
    """An instance that runs inside the block."""
    folder = Path(tempfile.mkdtemp(prefix="pillarbox-opensmtpd-"))
    folder.chmod(0o755)  # its users go in and out
    try:
        server = OpenSmtpd(folder, other)
        process = server.start()
        try:
            yield server
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(SECONDS)
    finally:
        shutil.rmtree(folder)
