import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pillarbox.net.imap_client import Endpoint, ImapConnection, _is_loopback
from pillarbox.wire.imap_client.fault import Dropped, Unsuitable


@contextmanager
def saying(*answers: bytes) -> Iterator[int]:
    """A port where a server says one thing at once, and one after each line that it hears."""

    def serve(listener: socket.socket) -> None:
        client, _ = listener.accept()
        with client, client.makefile("rb") as heard:
            for answer in answers:
                client.sendall(answer)
                if not heard.readline():
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield listener.getsockname()[1]


@pytest.mark.parametrize(
    ("address", "expected"),
    [("127.0.0.1", True), ("127.8.9.1", True), ("::1", True), ("::ffff:127.0.0.1", True), ("192.0.2.1", False),
     ("10.0.0.1", False), ("fe80::1%lo", False), ("::ffff:192.0.2.1", False)],
)  # fmt: skip
def test_only_this_machine_is_spoken_to_without_tls(address: str, expected: bool) -> None:
    assert _is_loopback(address) is expected


def test_what_is_said_before_tls_and_no_tls_is_not_taken() -> None:
    with (
        saying(b"* OK ready\r\n", b"P1 BAD no such command\r\n") as port,
        pytest.raises(Unsuitable, match="does not offer TLS on this port"),
    ):
        ImapConnection(Endpoint("127.0.0.1", port, "starttls"))
    with saying(b"* PREAUTH welcome\r\n") as port, pytest.raises(Unsuitable, match="logs in by itself"):
        ImapConnection(Endpoint("127.0.0.1", port, "starttls"))
    with saying(b"* OK ready\r\n") as port, pytest.raises(Unsuitable, match="does not speak TLS as it should"):
        ImapConnection(Endpoint("127.0.0.1", port))


def test_octets_injected_behind_the_answer_to_starttls_do_not_count() -> None:
    injected = b"P1 OK begin TLS\r\nP2 OK [CAPABILITY IMAP4rev1] you are in\r\n"
    with saying(b"* OK ready\r\n", injected) as port, pytest.raises((Dropped, Unsuitable)):
        ImapConnection(Endpoint("127.0.0.1", port, "starttls"))


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ([b"* BYE too many\r\n"], "does not want us: too many"),
        ([b"HTTP/1.1 400 Bad Request\r\n"], "what is no IMAP"),
        ([], "closed the connection"),
    ],
)
def test_a_greeting_that_is_none_is_told(said: list[bytes], complaint: str) -> None:
    with saying(*said) as port, pytest.raises(Dropped, match=complaint):
        ImapConnection(Endpoint("127.0.0.1", port, "none"))


def test_an_answer_to_another_command_ends_the_connection() -> None:
    with saying(b"* OK ready\r\n", b"P9 OK done\r\n") as port:
        connection = ImapConnection(Endpoint("127.0.0.1", port, "none"))
        with pytest.raises(Dropped, match="'P9' where 'P1' was due"):
            list(connection.finish(connection.begin(b"NOOP")))
        connection.close()
