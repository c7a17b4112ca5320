"""What another server may see of a message's header: chosen fields, names and local parts made unreadable.

A local part becomes the same letters wherever it stands, so that reports about one person can be told to be that, and
nobody without the key can tell which person. What is not understood is left out rather than shown.

Sections: RFC 6590; RFC 9991 §7.1; RFC 6376 §3.5.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Collection, Iterator

from pillarbox.formats.message.header import as_addresses, as_message_ids, as_text
from pillarbox.formats.message.header_block import read_block
from pillarbox.formats.report.report_field import group_to_bytes

MAX_HEADER = 16_384
EVERY_FIELD = "*"
_MAX_FIELDS, _MAX_VALUE = 200, 8_192
# A text in quotes, which may be a local part; or a word up to white space or a mark that ends an address. Possessive:
# never given back, so that no text is read twice.
_PLAIN = r'[^\s<>()\[\],;:"@]++'
_UNQUOTED = re.compile(_PLAIN)
_WORD = re.compile(r'"(?:[^"\\]|\\.){0,1000}+"|' + _PLAIN)
_AT = re.compile(r'"?@')  # with a quote whose beginning was another's end
_TAG = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,40}=")
_COPIED = re.compile(r"(?:^|;)\s*z\s*=[^;]*+")  # RFC 6376 §3.5: a copy of whole header fields
_DOMAIN = re.compile(r"[\w.:\[\]-]{1,255}\Z")
_COMMENT = re.compile(r"\([^()]*+\)")
_ADDRESSES = frozenset(
    {
        *("from", "sender", "reply-to", "to", "cc", "bcc", "return-path", "errors-to", "disposition-notification-to"),
        *("resent-from", "resent-sender", "resent-to", "resent-cc", "resent-bcc", "resent-reply-to"),
        *("delivered-to", "x-original-to", "author"),
    }
)
_TAGGED = frozenset(
    {
        *("dkim-signature", "authentication-results", "received-spf"),
        *("arc-seal", "arc-message-signature", "arc-authentication-results"),
    }
)


def header_to_show(header: bytes, wanted: Collection[str], key: bytes | None) -> bytes:
    """The fields of these names, in their order, as a header without its blank line; `*` is every field.

    With a key they are redacted. At most 16 KiB: what does not fit is left out.
    """
    names = {name.lower() for name in wanted}
    block = read_block(header, 0, _MAX_FIELDS, _MAX_VALUE)
    shown, size = list[bytes](), 0
    for field in block.fields:
        if EVERY_FIELD not in names and field.name.lower() not in names:
            continue
        value = header[field.value : field.end]
        octets = _redacted(field.name, value, key) if key is not None else field.name.encode() + b":" + value + b"\r\n"
        if size + len(octets) <= MAX_HEADER:
            shown.append(octets)
            size += len(octets)
    return b"".join(shown)


def redact(text: str, key: bytes, *, is_tagged: bool = False) -> str:
    """The text with all local parts of addresses in it replaced; `is_tagged`: words may begin with a name and `=`."""
    return "".join(_pieces(text, key, _WORD, is_tagged=is_tagged))


def redact_address(address: str, key: bytes) -> str:
    """An address with its local part replaced, and its domain if that is none."""
    local, _, domain = address.rpartition("@")
    if not _DOMAIN.match(domain):
        return f"{_unreadable(address, '', key)}@invalid"
    return f"{_unreadable(local, domain, key)}@{domain}"


def _redacted(name: str, value: bytes, key: bytes) -> bytes:
    lower = name.lower()
    if lower in _ADDRESSES:
        text = ", ".join(f"<{redact_address(each.email, key)}>" for each in as_addresses(value) if each.email)
    elif lower == "message-id":
        # It is for who sent the message to find it again, and was made to be shown.
        text = " ".join(f"<{id}>" for id in as_message_ids(value) or ())
    else:
        text = as_text(value)
        if lower in _TAGGED:
            text = _COPIED.sub("", text)
        elif lower == "received":
            text = _COMMENT.sub(lambda match: "(redacted)" if "auth" in match[0].lower() else match[0], text)
        text = redact(text, key, is_tagged=lower in _TAGGED)
    return group_to_bytes([(name, text)])


def _pieces(text: str, key: bytes, words: re.Pattern[str], *, is_tagged: bool) -> Iterator[str]:
    end = 0
    for match in words.finditer(text):
        word = match[0]
        if at := _AT.match(text, match.end()):
            domain = _UNQUOTED.match(text, at.end())
            beyond = domain[0] if domain is not None else ""
        elif word.startswith('"'):
            yield text[end : match.start()]
            yield from _pieces(word, key, _UNQUOTED, is_tagged=False)
            end = match.end()
            continue
        else:
            # In a URL, or in an encoded word that is none; `=40` may begin the value of a tag.
            encoded = max(word.rfind("%40"), word.rfind("=40") if not is_tagged else -1)
            if encoded <= 0:
                continue
            word, beyond = word[:encoded], word[encoded + 3 :]
        tag = _TAG.match(word) if is_tagged else None
        kept = tag.end() if tag is not None else 0
        yield text[end : match.start()] + word[:kept] + (_unreadable(word[kept:], beyond, key) if word[kept:] else "")
        end = match.start() + len(word)
    yield text[end:]


def _unreadable(local: str, domain: str, key: bytes) -> str:
    """The same for the same address, in any case of its letters; it may stand in any address."""
    words = f"{local.casefold()}@{domain.casefold()}".encode("utf-8", "replace")
    return base64.b32encode(hmac.digest(key, words, hashlib.sha256)[:10]).decode().lower()
