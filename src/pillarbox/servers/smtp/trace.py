"""The trace fields that are put on top of a message: Received, and by final delivery Return-Path.

Sections: RFC 5321 §4.4; RFC 6531 §4.3 (UTF8LMTP, UTF8SMTP); RFC 3848 (ESMTPSA); RFC 8314 §4.3 (the clause tls).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

import msgspec

from pillarbox.servers.smtp.peer import TlsFacts

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# What a peer calls itself stands in a structured field: only what domains and address literals consist of goes there.
_STRANGE = re.compile(r"[^A-Za-z0-9._:\[\]\x80-\U0010ffff-]")
# With the line break before it, which lets the search leap from line to line.
_OLD_RETURN_PATH = re.compile(rb"\nreturn-path:[^\n]*(?:\n[ \t][^\n]*)*(?=\n)", re.IGNORECASE)


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one transaction; addresses as text, without angle brackets, empty for the null reverse-path."""

    sender: str
    recipients: tuple[str, ...]
    peer_name: str
    peer_address: str  # of the network; empty for a unix socket
    hostname: str
    protocol: str
    id: str
    received_ms: int
    host_name: str = ""  # that the address has by reverse and forward DNS
    tls: TlsFacts | None = None


def trace_to_bytes(trace: Trace) -> bytes:
    """Both fields with CRLF.

    RFC 5321 §4.4: "When the delivery SMTP server makes the "final delivery" of a message, it inserts a return-path line
    at the beginning of the mail data."
    """
    return return_path(trace.sender) + received(trace)


def return_path(sender: str) -> bytes:
    """Return-Path; the sender is empty for the null reverse-path."""
    return f"Return-Path: <{sender}>\r\n".encode()


def received(trace: Trace) -> bytes:
    """Received. A recipient is only named when it is the only one: RFC 5321 §7.2 warns of telling others."""
    name = _STRANGE.sub("_", trace.peer_name)
    literal = f"[IPv6:{trace.peer_address}]" if ":" in trace.peer_address else f"[{trace.peer_address}]"
    host = _STRANGE.sub("_", trace.host_name)
    origin = f"{name} ({host + ' ' if host else ''}{literal})" if trace.peer_address else name
    for_ = f"\r\n\tfor <{trace.recipients[0]}>" if len(trace.recipients) == 1 else ""
    comment = tls = ""
    if trace.tls is not None:
        comment = f"\r\n\t(using {trace.tls.version} with {trace.tls.bits} bits)"
        tls = f"\r\n\ttls {suite_name(trace.tls.cipher)}"
    text = (
        f"Received: from {origin}{comment}\r\n"
        f"\tby {trace.hostname} with {trace.protocol} id {trace.id}{for_}{tls};\r\n\t{date_time(trace.received_ms)}\r\n"
    )
    return text.encode()


def protocol_word(*, is_extended: bool, smtputf8: bool, is_encrypted: bool, is_logged_in: bool) -> str:
    """What stands after `with` (RFC 3848 §2, RFC 6531 §4.3)."""
    if not is_extended:
        return "SMTP"
    return ("UTF8SMTP" if smtputf8 else "ESMTP") + "S" * is_encrypted + "A" * is_logged_in


def suite_name(cipher: str) -> str:
    """The name that IANA has for a cipher suite, made of OpenSSL's: RFC 8314 §4.3 wants that one."""
    if cipher.startswith("TLS_"):
        return cipher
    exchange, _, rest = cipher.partition("-AES")
    size, _, mode = rest.partition("-")
    if rest:
        return f"TLS_{exchange}_WITH_AES_{size}_{mode}".replace("-", "_")
    exchange, chacha, _ = cipher.partition("-CHACHA20")
    name = f"TLS_{exchange}_WITH_CHACHA20_POLY1305_SHA256" if chacha else cipher
    return name.replace("-", "_")


def date_time(ms: int) -> str:
    """A date as header fields have it, in UTC (RFC 5322 §3.3)."""
    at = datetime.fromtimestamp(ms // 1000, UTC)
    day, month = _DAYS[at.weekday()], _MONTHS[at.month - 1]
    return f"{day}, {at.day:02} {month} {at.year:04} {at.hour:02}:{at.minute:02}:{at.second:02} +0000"


def has_return_path(message: bytes) -> bool:
    """Whether the header has a Return-Path field in its usual spelling; this costs a microsecond."""
    name = b"Return-Path:"
    return message.startswith(name) or message.find(b"\n" + name, 0, _header_end(message)) >= 0


def without_return_path(message: bytes) -> bytes:
    """The message without the Return-Path fields that it came with; readers take the last one for the true one.

    RFC 5321 §4.4: "the delivery SMTP server MAY remove Return-path header fields before adding its own."
    """
    end = _header_end(message)
    return _OLD_RETURN_PATH.sub(b"", b"\n" + message[:end])[1:] + message[end:]


def _header_end(message: bytes) -> int:
    return message.find(b"\n\r\n") + 1 or message.find(b"\n\n") + 1 or len(message)
