"""What the header of a message in an mbox tells about its keywords and mailboxes.

Status, X-Status, X-Keywords (c-client, mutt, Dovecot), X-Mozilla-Status and X-Mozilla-Keys (Thunderbird),
X-Gmail-Labels (Google Takeout), X-GM-LABELS. Headers that other programs left in the message stay in it, since they may
be signed; only the block of three that Pillarbox's own mbox writer puts in front is taken off again.
"""

import re
from dataclasses import dataclass

from pillarbox.formats.archive.gmail_label import labels_to_mailboxes, parse_labels
from pillarbox.formats.archive.keyword import (
    MOZILLA_EXPUNGED,
    MOZILLA_FLAGS,
    STATUS_FLAGS,
    X_STATUS_DELETED,
    X_STATUS_FLAGS,
    flags_to_keywords,
    keywords_to_flags,
    to_keywords,
)
from pillarbox.formats.archive.message import MailboxPath

MAX_HEADER_OCTETS = 1 << 20

_FIELD = re.compile(
    rb"^(Status|X-Status|X-Keywords|X-Mozilla-Status|X-Mozilla-Keys|X-Gmail-Labels|X-GM-LABELS)[ \t]*:"
    rb"([^\n]*(?:\n[ \t][^\n]*)*)",
    re.MULTILINE | re.IGNORECASE,
)
_OWN_BLOCK = re.compile(
    rb"\AX-Keywords:(?: [!-~]*\r\n)+X-Status: [AFT]*\r\nStatus: R?O\r\n",
)
_STATUSES = frozenset(X_STATUS_FLAGS.values()) | frozenset(STATUS_FLAGS.values())


@dataclass(frozen=True, slots=True)
class HeaderStatus:
    """What was found; `mailbox_paths` is empty unless labels name mailboxes; `data` is the message to keep."""

    data: bytes
    keywords: frozenset[str]
    mailbox_paths: tuple[MailboxPath, ...]
    deleted: bool


def read_status(data: bytes) -> HeaderStatus:
    """Read the status headers of a message with CRLF line ends."""
    own = _OWN_BLOCK.match(data)
    fields = _fields(data[: own.end()] if own else data[: _header_end(data)])
    paths, keywords = _labels(fields)
    keywords |= flags_to_keywords(fields.get("status", ""), STATUS_FLAGS)
    keywords |= flags_to_keywords(fields.get("x-status", ""), X_STATUS_FLAGS)
    mozilla = _mozilla(fields.get("x-mozilla-status", ""))
    keywords |= {keyword for bit, keyword in MOZILLA_FLAGS.items() if mozilla & bit}
    words = f"{fields.get('x-keywords', '')} {fields.get('x-mozilla-keys', '')}"
    keywords |= to_keywords(re.split(r"[\s,]+", words))
    deleted = bool(mozilla & MOZILLA_EXPUNGED) or X_STATUS_DELETED in fields.get("x-status", "")
    return HeaderStatus(data[own.end() :] if own else data, keywords, paths, deleted)


def _header_end(data: bytes) -> int:
    end = data.find(b"\r\n\r\n", 0, MAX_HEADER_OCTETS)
    return end if end >= 0 else min(len(data), MAX_HEADER_OCTETS)


def _fields(header: bytes) -> dict[str, str]:
    return {
        found[1].decode("ascii").lower(): found[2].decode("utf-8", "replace").strip()
        for found in _FIELD.finditer(header)
    }


def _labels(fields: dict[str, str]) -> tuple[tuple[MailboxPath, ...], frozenset[str]]:
    if "x-gmail-labels" in fields:
        return labels_to_mailboxes(parse_labels(fields["x-gmail-labels"]))
    if "x-gm-labels" in fields:
        paths, keywords = labels_to_mailboxes(
            parse_labels(fields["x-gm-labels"], spaced="," not in fields["x-gm-labels"])
        )
        # over IMAP "unread" is a flag and not a label: without a Status nothing is known
        return paths, keywords - {"$seen"}
    return (), frozenset()


def _mozilla(value: str) -> int:
    return int(value, 16) if re.fullmatch(r"[0-9A-Fa-f]{1,8}", value) else 0


def status_to_bytes(keywords: frozenset[str]) -> bytes:
    """Write X-Keywords, X-Status and Status, always all three, with LF line ends, so that the reader knows its own."""
    words = "".join(f" {word}\n" for word in sorted(keywords - _STATUSES) or [""])
    answered = keywords_to_flags(keywords, X_STATUS_FLAGS)
    seen = keywords_to_flags(keywords, STATUS_FLAGS)
    return f"X-Keywords:{words}X-Status: {answered}\nStatus: {seen}O\n".encode("ascii", "replace")
