"""Programs of other people fetch mail here: those of Python, and curl, fetchmail, mpop, getmail where there are any."""

import asyncio
import poplib
import shutil
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from pillarbox.net.handshake import Handshakes
from pillarbox.net.tls import POP3
from pillarbox.storage.embedded import EmbeddedStore
from tests.servers.pop3.pop3_server import PASSWORD, Running, deliver_to, inbox_ids, message, running
from tests.support.certificate_files import CertificateFiles

USER = "alice@example.org"
# A large one, one with dots, and one that is not of ASCII alone.
MESSAGES = [
    message(1),
    message(2, b".\r\n..\r\n.x\r\n" * 3),
    message(3, b"0123456789 \xc3\xa4\r\n" * 60_000),
]


class Place:
    """Where programs run: a folder, the certificate to believe, and the ports of a server."""

    def __init__(self, server: Running, folder: Path) -> None:
        self.folder, self.ca = folder, folder / "ca.pem"
        self.port, self.tls_port = server.port, server.tls_port

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text)
        return path

    async def run(self, *command: str | Path) -> bytes:
        """What a program prints; it has to end well."""
        home = {"HOME": str(self.folder), "FETCHMAILHOME": str(self.folder), "PATH": "/usr/bin:/bin", "LC_ALL": "C"}
        process = await asyncio.create_subprocess_exec(
            *map(str, command), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=home
        )
        out, err = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0, (out[-2_000:], err[-2_000:])
        return out


def with_server(store: EmbeddedStore, folder: Path, body: Callable[[Place], object]) -> None:
    """Run a program against a listener with mail in it."""
    deliver_to(store, "alice", *MESSAGES)
    files = CertificateFiles(folder)
    files._ca.cert_pem.write_to_path(str(folder / "ca.pem"))
    # fetchmail 6.4 takes no certificate without a common name.
    issued = files._ca.issue_cert("localhost", common_name="localhost")
    issued.private_key_and_cert_chain_pem.write_to_path(str(folder / "a.pem"))

    async def main() -> None:
        handshakes = Handshakes(files.contexts(folder / "a.pem"), POP3)
        async with running(store, handshakes) as server:
            await body(Place(server, folder))  # type: ignore[misc]

    asyncio.run(main())


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


def normal(mail: bytes) -> bytes:
    """As programs of Unix keep it."""
    return mail.replace(b"\r\n", b"\n")


@pytest.mark.parametrize("is_implicit", [True, False], ids=["tls", "stls"])
def test_the_standard_library(store: EmbeddedStore, tmp_path: Path, *, is_implicit: bool) -> None:
    def talk(place: Place) -> None:
        context = ssl.create_default_context(cafile=place.ca)
        if is_implicit:
            client: poplib.POP3 = poplib.POP3_SSL("localhost", place.tls_port, context=context, timeout=30)
        else:
            client = poplib.POP3("localhost", place.port, timeout=30)
            assert "STLS" in client.capa()
            client.stls(context)
        client.user(USER)
        client.pass_(PASSWORD)
        assert client.stat() == (3, sum(map(len, MESSAGES)))
        for number, mail in enumerate(MESSAGES, 1):
            _, lines, _ = client.retr(number)
            assert b"".join(line + b"\r\n" for line in lines) == mail
        assert client.top(1, 0)[1][-1] == b""
        assert [line.split()[1].decode() for line in client.uidl()[1]] == inbox_ids(store)
        client.dele(2)
        client.quit()

    with_server(store, tmp_path, lambda place: asyncio.to_thread(talk, place))
    assert len(inbox_ids(store)) == 2


@needs("curl")
def test_curl(store: EmbeddedStore, tmp_path: Path) -> None:
    async def body(place: Place) -> None:
        curl = ("curl", "--silent", "--show-error", "--cacert", place.ca, "--user", f"{USER}:{PASSWORD}")
        url = f"pop3s://localhost:{place.tls_port}/"
        listed = [line.split() for line in (await place.run(*curl, url)).splitlines()]
        assert listed == [[b"%d" % number, b"%d" % len(mail)] for number, mail in enumerate(MESSAGES, 1)]
        for number, mail in enumerate(MESSAGES, 1):
            assert await place.run(*curl, f"{url}{number}") == mail
        plain = f"pop3://localhost:{place.port}/"
        assert await place.run(*curl, "--ssl-reqd", f"{plain}2") == MESSAGES[1]
        await place.run(*curl, "--request", "DELE 1", "--head", url)

    with_server(store, tmp_path, body)
    assert len(inbox_ids(store)) == 2  # curl says QUIT


@needs("fetchmail")
@pytest.mark.parametrize("security", ["ssl", 'sslproto "tls1.2+"'], ids=["tls", "stls"])
def test_fetchmail(store: EmbeddedStore, tmp_path: Path, security: str) -> None:
    async def body(place: Place) -> None:
        port = place.tls_port if security == "ssl" else place.port
        settings = place.write(
            "fetchmailrc",
            "set invisible\n"
            f"poll localhost service {port} protocol pop3 uidl\n"
            f'user "{USER}" password "{PASSWORD}" {security} sslcertck sslcertfile "{place.ca}"\n'
            f'mda "cat >> {place.folder}/got" nokeep no rewrite\n',
        )
        await place.run("fetchmail", "--nosyslog", "--nodetach", "--fetchmailrc", settings)

    with_server(store, tmp_path, body)
    got = (tmp_path / "got").read_bytes()
    assert all(normal(mail.partition(b"\r\n\r\n")[2]) in got for mail in MESSAGES)
    assert inbox_ids(store) == []


@needs("mpop")
@pytest.mark.parametrize("is_implicit", [True, False], ids=["tls", "stls"])
@pytest.mark.parametrize("keep", ["on", "off"])
def test_mpop(store: EmbeddedStore, tmp_path: Path, keep: str, *, is_implicit: bool) -> None:
    async def body(place: Place) -> None:
        place.write("secret", PASSWORD)
        command = (
            *("mpop", "--host=localhost", f"--port={place.tls_port if is_implicit else place.port}", "--tls=on"),
            *(f"--tls-starttls={'off' if is_implicit else 'on'}", f"--tls-trust-file={place.ca}", f"--user={USER}"),
            *(f"--passwordeval=cat {place.folder}/secret", f"--delivery=mbox,{place.folder}/got", f"--keep={keep}"),
            *("--pipelining=on", "--auth=plain", f"--uidls-file={place.folder}/uidls", "--received-header=off"),
        )
        await place.run(*command)
        await place.run(*command)  # what is kept is not fetched a second time

    with_server(store, tmp_path, body)
    got = (tmp_path / "got").read_bytes()
    assert got.count(b"Message-ID: <3@sender.example>") == 1
    assert normal(MESSAGES[2].partition(b"\r\n\r\n")[2]) in got
    assert len(inbox_ids(store)) == (3 if keep == "on" else 0)


@needs("getmail")
def test_getmail(store: EmbeddedStore, tmp_path: Path) -> None:
    async def body(place: Place) -> None:
        settings = place.write(
            "getmailrc",
            f"[retriever]\ntype = SimplePOP3SSLRetriever\nserver = localhost\nport = {place.tls_port}\n"
            f"username = {USER}\npassword = {PASSWORD}\nca_certs = {place.ca}\n"
            "[destination]\ntype = MDA_external\npath = /bin/sh\nunixfrom = false\nallow_root_commands = true\n"
            f"arguments = ('-c', 'cat >> {place.folder}/got')\n"
            "[options]\ndelete = true\ndelivered_to = false\nreceived = false\n",
        )
        await place.run("getmail", f"--rcfile={settings}", f"--getmaildir={place.folder}")

    with_server(store, tmp_path, body)
    got = (tmp_path / "got").read_bytes()
    assert all(normal(mail.partition(b"\r\n\r\n")[2]) in got for mail in MESSAGES)
    assert inbox_ids(store) == []
