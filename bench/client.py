"""The load: prepared requests over a few connections, each sent when the answer to the one before has come.

One thread and an epoll; it runs in a process of its own (`Pool`), so that it shares no interpreter with the meters. A
request costs it some 30 microseconds, which bounds what it can measure to some 20,000 a second.
"""

import multiprocessing
import select
import socket
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

COUNTER = b"0c0unt0r"  # eight octets in a step's data that are replaced by a running number
CHUNK = 1 << 18
TIMEOUT = 60.0


@dataclass(frozen=True)
class Step:
    """Octets to send, and how to know the reply: `replies` lines of SMTP (RFC 5321 §4.2), or one HTTP response (0)."""

    data: bytes
    replies: int = 0
    counter_at: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "counter_at", self.data.find(COUNTER))

    def numbered(self, number: int) -> bytes:
        """The octets, with the running number in its place."""
        if self.counter_at < 0:
            return self.data
        return self.data[: self.counter_at] + b"%08x" % number + self.data[self.counter_at + len(COUNTER) :]


@dataclass(frozen=True)
class Job:
    """One run: `operations` are taken in turn by `connections` connections, for `seconds` or `count` times.

    What is done in the first `warm_up` seconds is not counted. A reply has to hold `must` and none of `never`.
    """

    address: tuple[str, int]
    operations: Sequence[tuple[Step, ...]]
    connections: int = 1
    hello: tuple[Step, ...] = ()
    seconds: float = 0.0
    count: int = 0
    warm_up: float = 0.0
    must: bytes = b""
    never: tuple[bytes, ...] = ()
    first_number: int = 0


@dataclass
class Load:
    """What came of a job. Latencies in milliseconds; all counts without the warm-up, but `all_operations`."""

    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0
    all_operations: int = 0
    errors: int = 0
    error_sample: str = ""
    octets_in: int = 0
    client_cpu: float = 0.0


class Connection:
    """A connection and the operation that it is about."""

    def __init__(self, job: Job) -> None:
        self.socket = socket.create_connection(job.address, TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = bytearray()
        self.unsent = memoryview(b"")
        self.steps: tuple[Step, ...] = ()
        self.at = 0
        self.started = 0.0
        self.number = 0
        self.replies = b""
        for step in job.hello:
            self.socket.sendall(step.data)
            while not reply_length(self.received, step.replies):
                self.receive()
            self.received.clear()
        self.socket.settimeout(0)

    def begin(self, steps: tuple[Step, ...], number: int) -> None:
        """Start an operation."""
        self.steps, self.at, self.number, self.replies = steps, 0, number, b""
        self.started = time.perf_counter()
        self.send(steps[0].numbered(number))

    def send(self, data: bytes | memoryview) -> None:
        """Send as much as the socket takes; the rest waits in `unsent`."""
        self.unsent = memoryview(data)
        while self.unsent:
            try:
                self.unsent = self.unsent[self.socket.send(self.unsent) :]
            except BlockingIOError:
                return

    def receive(self) -> None:
        """Take what has come. Raises ConnectionError if the server closed."""
        data = self.socket.recv(CHUNK)
        if not data:
            raise ConnectionError("closed by the server")
        self.received += data

    def is_done(self) -> bool:
        """Go on with the operation as far as replies have come; True when its last reply is there."""
        while length := reply_length(self.received, self.steps[self.at].replies):
            self.replies += bytes(self.received[:length])
            del self.received[:length]
            self.at += 1
            if self.at == len(self.steps):
                return True
            self.send(self.steps[self.at].numbered(self.number))
        return False


def reply_length(received: bytearray, replies: int) -> int:
    """How many octets the awaited reply has, 0 as long as it is not whole."""
    return smtp_length(received, replies) if replies else http_length(received)


def http_length(received: bytearray) -> int:
    """The length of an HTTP/1.1 response (RFC 9112 §6), with Content-Length or chunks."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return 0
    head = bytes(received[:end]).lower()
    at = head.find(b"\r\ncontent-length:")
    if at >= 0:
        length = end + 4 + int(head[at + 17 :].split(b"\r\n", 1)[0])
        return length if len(received) >= length else 0
    if b"\r\ntransfer-encoding: chunked" in head:
        return len(received) if received.endswith(b"0\r\n\r\n") else 0
    return end + 4


def smtp_length(received: bytearray, replies: int) -> int:
    """The length of so many replies, each of one or more lines (RFC 5321 §4.2.1)."""
    at = 0
    while replies:
        end = received.find(b"\r\n", at)
        if end < 0:
            return 0
        if received[at + 3 : at + 4] != b"-":
            replies -= 1
        at = end + 2
    return at


def fault(job: Job, steps: tuple[Step, ...], reply: bytes) -> str:
    """What is wrong with the reply, or nothing."""
    if steps[0].replies:
        wrong = next((line for line in reply.split(b"\r\n") if line[:1] in b"45" and line), b"")
        return wrong.decode(errors="replace")
    if reply[9:10] != b"2" or job.must not in reply or any(bad in reply for bad in job.never):
        return reply[:500].decode(errors="replace")
    return ""


class Runner:
    """Does a job."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.load = Load()
        self.begun = 0
        self.poll = select.epoll()
        self.by_file = {one.socket.fileno(): one for one in (Connection(job) for _ in range(job.connections))}
        for number in self.by_file:
            self.poll.register(number, select.EPOLLIN)

    def run(self) -> Load:
        """Do it. Raises ConnectionError or TimeoutError if the server fails."""
        cpu, start = time.process_time(), time.perf_counter()
        self.counts_from = start + self.job.warm_up
        self.ends_at = self.counts_from + self.job.seconds if self.job.seconds else float("inf")
        busy = sum(self.begin(connection) for connection in self.by_file.values())
        while busy:
            events = self.poll.poll(TIMEOUT)
            if not events:
                raise TimeoutError(f"no answer for {TIMEOUT} s")
            for number, event in events:
                busy -= self.go_on(self.by_file[number], event)
        self.load.seconds = time.perf_counter() - self.counts_from
        self.load.client_cpu = time.process_time() - cpu
        for connection in self.by_file.values():
            connection.socket.close()
        return self.load

    def begin(self, connection: Connection) -> bool:
        """Give a connection its next operation; False when there is none left."""
        if (self.job.count and self.begun >= self.job.count) or time.perf_counter() >= self.ends_at:
            return False
        steps = self.job.operations[self.begun % len(self.job.operations)]
        connection.begin(steps, self.job.first_number + self.begun)
        self.begun += 1
        self.await_room(connection)
        return True

    def await_room(self, connection: Connection) -> None:
        """Have the poll say when more can be sent, as long as there is more."""
        interest = select.EPOLLIN | (select.EPOLLOUT if connection.unsent else 0)
        self.poll.modify(connection.socket.fileno(), interest)

    def go_on(self, connection: Connection, event: int) -> bool:
        """Serve one event of a connection; True when it has nothing more to do."""
        if event & select.EPOLLOUT:
            connection.send(connection.unsent)
            self.await_room(connection)
        if not event & ~select.EPOLLOUT:
            return False
        connection.receive()
        if not connection.is_done():
            self.await_room(connection)
            return False
        self.count(connection)
        return not self.begin(connection)

    def count(self, connection: Connection) -> None:
        """Enter a finished operation."""
        now = time.perf_counter()
        self.load.all_operations += 1
        if now < self.counts_from:
            return
        self.load.latencies.append((now - connection.started) * 1000)
        self.load.octets_in += len(connection.replies)
        if wrong := fault(self.job, connection.steps, connection.replies):
            self.load.errors += 1
            self.load.error_sample = self.load.error_sample or wrong


def do(job: Job) -> Load:
    """Do a job in this process."""
    return Runner(job).run()


class Pool:
    """The process in which jobs are done; one job at a time."""

    def __enter__(self) -> Self:
        self._executor = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
        self._executor.submit(time.monotonic).result()  # the process is up before anything is measured
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executor.shutdown(cancel_futures=True)

    def do(self, job: Job) -> Load:
        """Do a job in the other process."""
        return self._executor.submit(do, job).result()
