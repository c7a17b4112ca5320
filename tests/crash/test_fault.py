"""Disks that are full, fail or are slow, and too many open files: all are told, nothing is lost, and it recovers."""

import contextlib
import errno
import resource
import shutil
import smtplib
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.client import Client
from tests.crash.check import Checker, check_store
from tests.crash.fault import Fault, compiled
from tests.crash.load import LOST, Loader
from tests.crash.server import USERS, Nursery, Server

# Connections that break while an answer comes are left to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
TOLD = ("serverUnavailable", "503", "451 ", "452 ", "421 ", "created as #d")  # the last of what was to be sent


class Site:
    """A server whose disk can fail, and a client of each account."""

    def __init__(self, folder: Path, nursery: Nursery, workers: int = 1) -> None:
        self.server = Server(folder, nursery, workers=workers)
        self.server.log = folder.parent.with_name(f"{folder.name}.log")  # where nothing fails
        self.secrets = self.server.make_users()
        self.server.start()
        self.server.wait_ready()
        self.checker = Checker(self.server, self.secrets, 1)
        self.loaders = [
            Loader(self.server, user, self.secrets[user], f"{user[0]}0", seed) for seed, user in enumerate(USERS)
        ]
        for loader in self.loaders:
            loader.roles, loader.tolerates = self.checker.roles[loader.user], True

    def act(self, times: int) -> None:
        """Some acts of each client; connections may break."""
        for loader in self.loaders:
            for _ in range(times):
                try:
                    loader.act()
                except LOST:
                    loader.hang_up()

    def act_well(self, times: int = 10) -> None:
        """Some acts of each client, of which none may be refused."""
        for loader in self.loaders:
            loader.tolerates = False
            for _ in range(times):
                loader.act()
            loader.tolerates = True

    @property
    def refusals(self) -> list[str]:
        return [said for loader in self.loaders for said in loader.refusals]

    def assert_told(self) -> None:
        """Whoever was refused something was told that it is for now."""
        assert self.refusals
        assert [said for said in self.refusals if not any(word in said for word in TOLD)] == []

    def check(self) -> None:
        for loader in self.loaders:
            loader.hang_up()
        assert self.checker.check(self.loaders) == []
        assert check_store(self.server) == []

    def wait_for(self, word: str, count: int = 1) -> None:
        deadline = time.monotonic() + 60  # a supervisor waits up to 30 s between attempts
        while self.server.log.read_text().count(word) < count:
            assert time.monotonic() < deadline, self.server.log.read_text()[-3000:]
            time.sleep(0.02)


@pytest.fixture(scope="module")
def fault(tmp_path_factory: pytest.TempPathFactory) -> Fault:
    folder = tmp_path_factory.mktemp("fault")
    library = compiled(folder)
    if library is None:
        pytest.skip("there is no C compiler here (cc)")
    return Fault(library, folder, folder / "sites")


@pytest.fixture(scope="module")
def nursery(fault: Fault) -> Iterator[Nursery]:
    nursery = Nursery(fault.environment)
    yield nursery
    nursery.close()


@pytest.fixture
def folder(fault: Fault) -> Path:
    sites = Path(fault.environment["FAULT_ROOT"])
    folder = sites / f"site{len(list(sites.glob('*')))}"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def site(folder: Path, nursery: Nursery, fault: Fault) -> Iterator[Site]:
    fault.mend()
    site = Site(folder, nursery, 2)
    yield site
    fault.mend()
    site.server.kill()


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_writes_that_fail_are_told_and_nothing_is_half_done(site: Site, fault: Fault, error: int) -> None:
    site.act_well()
    fault.fail("write", error)
    site.act(12)
    assert fault.failed("write")
    fault.mend()
    site.assert_told()
    site.act_well()
    site.check()


def test_writes_that_fail_now_and_then_lose_nothing(site: Site, fault: Fault) -> None:
    for permille in (5, 50, 300):
        fault.fail("write", errno.ENOSPC, permille=permille)
        site.act(25)
    fault.mend()
    site.act_well()
    site.check()


def test_after_a_failed_sync_all_begin_anew_and_older_states_are_refused(site: Site, fault: Fault) -> None:
    site.act_well()
    site.check()
    client = Client(site.server.session_url, USERS[0], site.secrets[USERS[0]])
    state = client.call("Email/get", ids=[])["state"]
    fault.fail("sync", errno.EIO, after=3)
    while not fault.failed("sync"):
        site.act(1)
    fault.mend()
    site.wait_for("process.ready", 4)
    log = site.server.log.read_text()
    assert "exit code 74" in log
    with contextlib.suppress(*LOST):
        client._connection.close()
    answer = client.request(("Email/changes", {"sinceState": state}))[0]
    assert (answer[0], answer[1].get("type")) == ("error", "cannotCalculateChanges")
    client._connection.close()
    site.act_well()
    site.checker.hang_up()
    site.checker.renew_all()
    site.check()


def test_a_disk_that_goes_on_failing_is_not_asked_without_end(site: Site, fault: Fault) -> None:
    site.act_well(2)
    fault.fail("sync", errno.EIO)
    with contextlib.suppress(*LOST):
        site.loaders[0].create()
    time.sleep(3)
    assert 1 <= site.server.log.read_text().count("process.died") <= 8
    before = _cpu_seconds(site.server)
    time.sleep(1)
    assert _cpu_seconds(site.server) - before < 0.6
    fault.mend()
    site.checker.hang_up()
    deadline = time.monotonic() + 40
    while True:  # by itself, sooner or later
        try:
            site.act_well(1)
            break
        except (*LOST, AssertionError):
            for loader in site.loaders:
                loader.hang_up()
            assert time.monotonic() < deadline, site.server.log.read_text()[-2000:]
            time.sleep(0.1)
    site.checker.hang_up()
    site.checker.renew_all()
    site.check()


def _cpu_seconds(server: Server) -> float:
    total = 0
    for pid in (server.pid, *server.children):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, fields[11:15]))
    return total / 100


@pytest.mark.parametrize("act", ["open", "rename"])
def test_files_that_cannot_be_opened_or_named_are_told(site: Site, fault: Fault, act: str) -> None:
    site.act_well(3)
    fault.fail(act, errno.EMFILE if act == "open" else errno.EIO)
    for loader in site.loaders:
        for _ in range(3):
            loader.large = True
            with contextlib.suppress(*LOST):
                loader.bring()
            loader.large = False
    assert fault.failed(act)
    fault.mend()
    site.assert_told()
    site.act_well()
    site.check()


def test_a_slow_disk_is_waited_for_before_anything_is_acknowledged(site: Site, fault: Fault) -> None:
    fault.delay("sync", 40_000)
    stop, begun, failures = threading.Event(), threading.Semaphore(0), list[BaseException]()
    threads = [threading.Thread(target=loader.run, args=(begun, stop, failures)) for loader in site.loaders]
    for thread in threads:
        thread.start()
    time.sleep(1)
    site.server.kill()
    stop.set()
    for thread in threads:
        thread.join()
    fault.mend()
    assert failures == []
    site.server.start()
    site.server.wait_ready()
    site.check()


def test_more_connections_than_a_process_may_have_open_wait(site: Site) -> None:
    for pid in site.server.children:
        soft = len(list(Path(f"/proc/{pid}/fd").iterdir())) + 6
        _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
    held = []
    for _ in range(40):
        lmtp = smtplib.LMTP()
        with contextlib.suppress(OSError):
            lmtp.timeout = 0.2
            lmtp.connect("127.0.0.1", site.server.lmtp_port)
        held.append(lmtp)
    for lmtp in held:
        lmtp.close()
    time.sleep(1.5)  # so long it looks away
    for loader in site.loaders:
        loader.hang_up()
    site.act_well(3)
    site.check()
    assert len(site.server.children) == 2


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    if mount is None or subprocess.run([mount, "-t", "tmpfs", "-o", "size=5m", "tmpfs", place], check=False).returncode:
        pytest.skip("nothing may be mounted here")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_a_full_disk_is_told_and_when_there_is_room_it_goes_on(small_disk: Path, nursery: Nursery) -> None:
    site = Site(small_disk, nursery)
    try:
        for _ in range(40):
            site.act(10)
            if len(site.refusals) > 30:
                break
        site.assert_told()
        site.server.kill()
        site.server.start()  # on a full disk, too: mail can be read
        site.server.wait_ready()
        client = Client(site.server.session_url, USERS[0], site.secrets[USERS[0]])
        assert client.get("Email", None)
        client._connection.close()
        subprocess.run(["mount", "-o", "remount,size=100m", small_disk], check=True)
        for loader in site.loaders:
            loader.hang_up()
        site.act_well()
        site.check()
    finally:
        site.server.kill()
