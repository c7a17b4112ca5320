"""Commands as octets. Nothing that comes from mail or from people can end a command or begin another.

RFC 5321 §4.1.1, §4.1.2, RFC 3461 §4 (DSN, xtext), RFC 6531 §3.3, RFC 6710 §4.1, RFC 2852 §4, RFC 8689 §2.
"""

from __future__ import annotations

import re

from pillarbox.wire.smtp_client.capability import Capabilities
from pillarbox.wire.smtp_client.message import Parcel, Recipient

# Between < and >: no control characters, and nothing that could close the path outside of a quoted string.
_PATH = re.compile(r'(?:"(?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])*"|[^"<>\\\x00-\x20\x7f])*\Z')
_MAX_PATH = 900  # octets; a path is no longer than 256 (RFC 5321 §4.5.3.1.3), but who is to say so is the server
_WORD = re.compile(r"[\x21-\x7e]{1,512}\Z")
_HOST = re.compile(r"[A-Za-z0-9.\-:\[\]]{1,255}\Z")
_XTEXT = re.compile(r"[!-*,-<>-~]")


class CommandError(ValueError):
    """A value cannot be part of a command: sending it would say something else."""


def hello(verb: str, name: str) -> bytes:
    """EHLO, HELO or LHLO with our name."""
    if not _HOST.match(name):
        raise CommandError(f"{name!r} is no host name")
    return f"{verb} {name}\r\n".encode()


def mail(parcel: Parcel, offered: Capabilities) -> bytes:
    """MAIL FROM with every parameter that the server has offered to understand."""
    words = [f"MAIL FROM:<{_path(parcel.sender)}>"]
    if "SIZE" in offered:
        words.append(f"SIZE={len(parcel.data)}")
    if parcel.needs.eight_bits and "8BITMIME" in offered:
        words.append("BODY=8BITMIME")
    if "SMTPUTF8" in offered and (parcel.needs.utf8_header or not _is_ascii(parcel)):
        words.append("SMTPUTF8")
    if "DSN" in offered:
        words += [f"RET={_word(parcel.ret)}"] if parcel.ret else []
        words += [f"ENVID={xtext(parcel.envelope_id)}"] if parcel.envelope_id else []
    if parcel.require_tls:
        words.append("REQUIRETLS")
    if parcel.priority and "MT-PRIORITY" in offered:
        words.append(f"MT-PRIORITY={min(max(parcel.priority, -9), 9)}")
    if parcel.deliver_by and "DELIVERBY" in offered:
        words.append(f"BY={_word(parcel.deliver_by)}")
    return " ".join(words).encode() + b"\r\n"


def rcpt(to: Recipient, offered: Capabilities) -> bytes:
    """RCPT TO; what its sender wants to be told goes on where that is understood."""
    words = [f"RCPT TO:<{_path(to.address)}>"]
    if "DSN" in offered:
        words += [f"NOTIFY={_word(to.notify)}"] if to.notify else []
        if to.original and (given := _original(to.original, utf8="SMTPUTF8" in offered)):
            words.append(f"ORCPT={given}")
    return " ".join(words).encode() + b"\r\n"


def xtext(text: str) -> str:
    """Text as xtext (RFC 3461 §4). Raises CommandError for what is not ASCII."""
    if not text.isascii():
        raise CommandError("an envelope id that is not ASCII")
    return "".join(c if _XTEXT.match(c) else f"+{ord(c):02X}" for c in text)


def _original(text: str, *, utf8: bool) -> str | None:
    """The value of ORCPT: `type;address`, the address as xtext, or as utf-8-addr-xtext (RFC 6533 §3)."""
    kind, _, address = text.partition(";")
    if not re.match(r"[A-Za-z0-9-]{1,40}\Z", kind):
        return None
    if address.isascii():
        return f"{kind};{xtext(address)}"
    if not utf8:
        return None
    return "utf-8;" + "".join(c if ord(c) < 128 and _XTEXT.match(c) else f"\\x{{{ord(c):X}}}" for c in address)


def _path(address: str) -> str:
    if not _PATH.match(address) or len(address.encode("utf-8", "replace")) > _MAX_PATH:
        raise CommandError(f"{address[:100]!r} cannot be an address")
    try:
        address.encode()
    except UnicodeEncodeError:
        raise CommandError("an address that is no text") from None
    return address


def _word(text: str) -> str:
    if not _WORD.match(text):
        raise CommandError(f"{text[:100]!r} cannot be the value of a parameter")
    return text


def _is_ascii(parcel: Parcel) -> bool:
    return parcel.sender.isascii() and all(to.address.isascii() for to in parcel.recipients)
