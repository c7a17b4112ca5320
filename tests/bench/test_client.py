"""The load generator, against small servers of this test on loopback."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bench.client import COUNTER, Job, Step, do, http_length, smtp_length

ANSWER = b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"list":[]}'


class Web(socketserver.StreamRequestHandler):
    """Answers each request in two pieces; what was asked is kept in `asked`."""

    asked: list[bytes]
    answer = ANSWER

    def handle(self) -> None:
        while line := self.rfile.readline():
            length = 0
            while (field := self.rfile.readline()) != b"\r\n":
                length = int(field[15:]) if field.lower().startswith(b"content-length:") else length
            self.asked.append(line.split()[1] + self.rfile.read(length))
            self.wfile.write(self.answer[:20])
            self.wfile.write(self.answer[20:])


class Mail(socketserver.StreamRequestHandler):
    """A small LMTP server that refuses one recipient."""

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        for line in iter(self.rfile.readline, b""):
            if line.startswith(b"LHLO"):
                self.wfile.write(b"250-here\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
            elif line.startswith(b"RCPT"):
                self.wfile.write(b"550 5.1.1 nobody\r\n" if b"nobody" in line else b"250 ok\r\n")
            else:
                self.wfile.write(b"354 go on\r\n" if line.startswith(b"DATA") else b"250 ok\r\n")


@contextmanager
def serving(handler: type[socketserver.BaseRequestHandler]) -> Iterator[tuple[str, int]]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield ("127.0.0.1", server.server_address[1])
        server.shutdown()
        thread.join()


def get(path: bytes, body: bytes = b"") -> tuple[Step, ...]:
    return (Step(b"POST %s HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (path, len(body), body)),)


def test_operations_are_taken_in_turn_by_all_connections() -> None:
    Web.asked = []
    with serving(Web) as address:
        load = do(Job(address, [get(b"/a"), get(b"/b")], connections=3, count=10, must=b'"list"'))
    assert sorted(Web.asked) == [b"/a"] * 5 + [b"/b"] * 5
    assert (load.all_operations, len(load.latencies), load.errors) == (10, 10, 0)
    assert load.octets_in == 10 * len(ANSWER)


def test_a_running_number_takes_the_place_of_the_counter() -> None:
    Web.asked = []
    with serving(Web) as address:
        do(Job(address, [get(b"/", b"[" + COUNTER + b"]")], count=3, first_number=0xAB))
    assert Web.asked == [b"/[000000ab]", b"/[000000ac]", b"/[000000ad]"]


@pytest.mark.parametrize(("must", "never"), [(b"ids", ()), (b"", (b"never seen", b'"list"'))])
def test_an_answer_without_what_it_must_hold_is_an_error(must: bytes, never: tuple[bytes, ...]) -> None:
    Web.asked = []
    with serving(Web) as address:
        load = do(Job(address, [get(b"/")], count=2, must=must, never=never))
    assert load.errors == 2
    assert load.error_sample.startswith("HTTP/1.1 200 OK")


def test_a_request_larger_than_the_sockets_buffers_arrives_whole() -> None:
    Web.asked = []
    body = bytes(range(256)) * 40_000
    with serving(Web) as address:
        load = do(Job(address, [get(b"/", body)], connections=2, count=2))
    assert [len(asked) for asked in Web.asked] == [1 + len(body)] * 2
    assert load.errors == 0


def delivery(recipient: bytes) -> tuple[Step, ...]:
    return Step(b"MAIL FROM:<a@b>\r\nRCPT TO:<%s>\r\nDATA\r\n" % recipient, 3), Step(b".\r\n", 1)


def test_a_delivery_waits_for_each_of_its_replies() -> None:
    with serving(Mail) as address:
        hello = (Step(b"", 1), Step(b"LHLO x\r\n", 1))
        load = do(Job(address, [delivery(b"dora"), delivery(b"nobody")], 2, hello, count=4))
    assert (load.all_operations, load.errors, load.error_sample) == (4, 2, "550 5.1.1 nobody")


def test_a_run_ends_when_its_time_is_over_and_leaves_the_warm_up_out() -> None:
    Web.asked = []
    with serving(Web) as address:
        load = do(Job(address, [get(b"/")], seconds=0.05, warm_up=0.05))
    assert 0 < len(load.latencies) < load.all_operations


def test_a_response_is_whole_with_its_length_or_last_chunk() -> None:
    assert http_length(bytearray(ANSWER)) == len(ANSWER)
    assert http_length(bytearray(ANSWER[:-1])) == 0
    assert http_length(bytearray(ANSWER + b"HTTP/1.1 ")) == len(ANSWER)
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    assert http_length(bytearray(chunked)) == len(chunked)
    assert http_length(bytearray(chunked[:-2])) == 0


def test_a_reply_of_several_lines_is_one_reply() -> None:
    lines = bytearray(b"250-a\r\n250 b\r\n354 c\r\n")
    assert smtp_length(lines, 1) == 14
    assert smtp_length(lines, 2) == 21
    assert smtp_length(lines, 3) == 0
