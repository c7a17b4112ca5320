"""A client's connection to an IMAP server: blocking, for threads; over TLS but to this machine itself.

RFC 8314 §3 (implicit TLS), RFC 9051 §6.2.1 (STARTTLS), RFC 7817 (whose certificate it is).
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import ipaddress
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pillarbox.wire.imap_client.conversation import Conversation
from pillarbox.wire.imap_client.fault import Dropped, Refused, Unsuitable
from pillarbox.wire.imap_client.response import Bounds, Response
from pillarbox.wire.imap_client.value import ResponseError
from pillarbox.wire.reader import EndOfInput

Security = Literal["implicit", "starttls", "none"]
PORTS: dict[Security, int] = {"implicit": 993, "starttls": 143, "none": 143}
_PIECE = 1 << 18


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server is, and how its identity is checked.

    `ca_file` holds further authorities in PEM. `fingerprint` is the SHA-256 of the one certificate that is trusted, in
    hexadecimal: then neither name nor authority is looked at. "none" is without TLS, and only for loopback.
    """

    host: str
    port: int
    security: Security = "implicit"
    ca_file: Path | None = None
    fingerprint: str | None = None
    timeout_seconds: float = 120.0

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class ImapConnection:
    """A connection, from the greeting on."""

    def __init__(self, endpoint: Endpoint, bounds: Bounds | None = None) -> None:
        """Connect. Raises Dropped when nobody answers, Unsuitable when TLS is not to be had or not to be trusted."""
        self._endpoint = endpoint
        self._conversation = Conversation(bounds)
        self._socket = _connect(endpoint)
        try:
            if endpoint.security == "implicit":
                self._socket = _secured(self._socket, endpoint)
            self.greeting = self._response()
            if self.greeting.name not in ("OK", "PREAUTH"):
                raise Dropped(f"the server does not want us: {self.greeting.text}")
            if endpoint.security == "starttls":
                self._start_tls()
        except BaseException:
            self.close()
            raise

    def _start_tls(self) -> None:
        # RFC 9051 §7.1.4: a PREAUTH greeting is before TLS anybody's, and leaves no way to begin it
        if self.greeting.name == "PREAUTH":
            raise Unsuitable(f"{self._endpoint} logs in by itself, without TLS; that is not trusted")
        try:
            for _ in self.finish(self.begin(b"STARTTLS")):
                pass
        except Refused as refused:
            raise Unsuitable(f"{self._endpoint} does not offer TLS on this port: {refused}") from None
        # RFC 9051 §6.2.1: "the client MUST discard prior information from the server", and what came before TLS
        self._conversation.discard_input()
        self._socket = _secured(self._socket, self._endpoint)
        self.greeting = Response("*", "OK")

    def begin(self, *parts: bytes) -> str:
        """Send a command; its responses come by `finish`. Several may be under way, and end in the order they began."""
        tag = self._conversation.send(*parts)
        self._flush()
        return tag

    def answer(self, line: bytes) -> None:
        """Answer a challenge."""
        self._conversation.answer(line)
        self._flush()

    def finish(self, tag: str) -> Iterator[Response]:
        """The responses up to the command's end, which is the last. Raises Refused for NO and BAD, Dropped."""
        while True:
            response = self._response()
            if response.name == "BYE" and response.tag == "*" and not self._is_leaving:
                raise Dropped(f"the server ended the connection: {response.text}")
            if not response.is_end:
                yield response
                continue
            if response.tag != tag:
                raise Dropped(f"the server answered {response.tag!r} where {tag!r} was due")
            if response.name != "OK":
                raise Refused(response)
            yield response
            return

    _is_leaving = False

    def abort(self) -> None:
        """Let whoever waits for the server find the connection broken. For any thread."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    @property
    def is_closed(self) -> bool:
        """Whether it was closed here."""
        return self._socket.fileno() < 0

    def close(self) -> None:
        """End the connection, politely if that is possible at once."""
        with contextlib.suppress(OSError):
            self._socket.close()

    def leave(self) -> None:
        """Log out, and end the connection."""
        self._is_leaving = True
        with contextlib.suppress(Dropped, Refused, OSError):
            self._socket.settimeout(min(5.0, self._endpoint.timeout_seconds))
            for _ in self.finish(self.begin(b"LOGOUT")):
                pass
        self.close()

    def _response(self) -> Response:
        try:
            while (response := self._conversation.next_response()) is None:
                self._flush()
                self._conversation.receive_data(self._socket.recv(_PIECE))
        except EndOfInput:
            raise Dropped("the server closed the connection") from None
        except ResponseError as error:
            raise Dropped(f"the server sent what is no IMAP: {error}") from None
        except OSError as error:
            raise Dropped(f"the connection broke: {_reason(error)}") from None
        return response

    def _flush(self) -> None:
        if data := self._conversation.data_to_send():
            try:
                self._socket.sendall(data)
            except OSError as error:
                raise Dropped(f"the connection broke: {_reason(error)}") from None


def _connect(endpoint: Endpoint) -> socket.socket:
    try:
        out = socket.create_connection((endpoint.host, endpoint.port), endpoint.timeout_seconds)
    except (OSError, UnicodeError) as error:
        raise Dropped(f"cannot connect to {endpoint}: {_reason(error)}") from None
    if endpoint.security == "none" and not _is_loopback(out.getpeername()[0]):
        out.close()
        raise Unsuitable(f"{endpoint} is not this machine: passwords and mail go there with TLS only")
    out.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return out


def _is_loopback(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_loopback


def _secured(plain: socket.socket, endpoint: Endpoint) -> ssl.SSLSocket:
    try:
        secured = _context(endpoint).wrap_socket(plain, server_hostname=endpoint.host)
    except ssl.SSLCertVerificationError as error:
        raise Unsuitable(
            f"the certificate of {endpoint} is not trusted: {error.verify_message}. If you know it to be right, name"
            " the authority that signed it, or the certificate's own fingerprint"
        ) from None
    except (ssl.SSLError, ValueError) as error:
        raise Unsuitable(f"{endpoint} does not speak TLS as it should: {error}") from None
    except OSError as error:
        raise Dropped(f"cannot begin TLS with {endpoint}: {_reason(error)}") from None
    if endpoint.fingerprint is not None:
        _check_fingerprint(secured, endpoint, endpoint.fingerprint)
    return secured


def _check_fingerprint(secured: ssl.SSLSocket, endpoint: Endpoint, wanted: str) -> None:
    found = hashlib.sha256(secured.getpeercert(binary_form=True) or b"").hexdigest()
    if not hmac.compare_digest(found, wanted.replace(":", "").strip().lower()):
        secured.close()
        raise Unsuitable(f"the certificate of {endpoint} has another fingerprint: {found}")


def _context(endpoint: Endpoint) -> ssl.SSLContext:
    out = ssl.create_default_context()
    out.minimum_version = ssl.TLSVersion.TLSv1_2
    if endpoint.ca_file is not None:
        out.load_verify_locations(endpoint.ca_file)
    if endpoint.fingerprint is not None:
        out.check_hostname = False
        out.verify_mode = ssl.CERT_NONE  # the certificate itself is compared
    return out


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
