"""Names of mailboxes as names of files: labels from untrusted paths, percent escapes, and Maildir++ folder names.

RFC 3501 §5.1.3 (modified UTF-7). Names that come out of an archive are labels only and never become paths of this
machine.
"""

import base64
import binascii
import hashlib
import re
import unicodedata

from pillarbox.formats.archive.message import MailboxPath

INBOX: MailboxPath = ("INBOX",)
MAX_LABEL_CHARACTERS = 255
MAX_DEPTH = 32
MAX_FILE_NAME_OCTETS = 200

_CONTROLS = re.compile(r"[\x00-\x1f\x7f\x80-\x9f\u2028\u2029\ud800-\udfff]")
_UNSAFE = re.compile(r'[\x00-\x1f\x7f%/\\:*?"<>|]|^\.|[. ]$|\.(?=(?:mbox|mbx|sbd|eml)$)', re.IGNORECASE)
_ESCAPED = re.compile(r"%([0-7][0-9A-F])")
_SHIFTED = re.compile(r"&([A-Za-z0-9+,]*)-")
_MAILDIR_ESCAPED = re.compile(r"\\(2e|2f|5c)", re.IGNORECASE)
_NOT_ASCII = re.compile(r"[^\x20-\x7e]+")


def is_inbox(path: MailboxPath) -> bool:
    """Tell whether a path is the inbox: INBOX in any case, or no path at all."""
    return not path or (len(path) == 1 and path[0].upper() == "INBOX")


def label_path(parts: list[str]) -> MailboxPath:
    """Make labels of the parts of an untrusted path: NFC, without controls, `.`, `..` and empty parts, bounded."""
    if len(parts) > MAX_DEPTH:
        parts = [*parts[: MAX_DEPTH - 1], parts[-1]]
    cleaned = (_CONTROLS.sub("", unicodedata.normalize("NFC", part[:1024])).strip() for part in parts)
    return tuple(part[:MAX_LABEL_CHARACTERS] for part in cleaned if part not in ("", ".", ".."))


def file_name(label: str) -> str:
    """Write one label as a safe file name: unsafe characters become %XX, overlong names are cut and get a hash."""
    return _shorten(_UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", label) or "%20")


def label_of_file(name: str) -> str:
    """Undo `file_name`."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), name)


def _shorten(name: str) -> str:
    octets = name.encode("utf-8", "replace")
    if len(octets) <= MAX_FILE_NAME_OCTETS:
        return name
    kept = octets[: MAX_FILE_NAME_OCTETS - 10].decode("utf-8", "ignore")
    return f"{kept}~{hashlib.sha256(octets).hexdigest()[:8]}"


def to_maildir_folder(path: MailboxPath) -> str:
    r"""Write a mailbox path as the name of a Maildir++ folder; the inbox is the Maildir itself, and has the empty name.

    `.`, `/` and `\` in a label are written `\2e`, `\2f`, `\5c`, as Dovecot's listescape does.
    """
    if is_inbox(path):
        return ""
    escaped = (re.sub(r"[\x00./\\]", lambda found: f"\\{ord(found[0]):02x}", label) for label in path)
    return _shorten("." + ".".join(to_modified_utf7(label) for label in escaped))


def from_maildir_folder(name: str) -> list[str]:
    """Read the labels out of the name of a Maildir++ folder (with its leading dot)."""
    return [
        _MAILDIR_ESCAPED.sub(lambda found: chr(int(found[1], 16)), from_modified_utf7(label))
        for label in name[1:].split(".")
        if label
    ]


def to_modified_utf7(text: str) -> str:
    """Encode a mailbox name in modified UTF-7 (RFC 3501 §5.1.3)."""
    return _NOT_ASCII.sub(lambda found: f"&{_shift(found[0])}-", text.replace("&", "&-"))


def _shift(text: str) -> str:
    octets = text.encode("utf-16-be", "surrogatepass")
    return base64.b64encode(octets).rstrip(b"=").replace(b"/", b",").decode("ascii")


def from_modified_utf7(name: str) -> str:
    """Decode a mailbox name in modified UTF-7; a shift that is not valid stays as it is."""
    return _SHIFTED.sub(lambda found: _unshift(found[1], found[0]), name)


def _unshift(shifted: str, literal: str) -> str:
    if not shifted:
        return "&"
    try:
        octets = base64.b64decode(shifted.replace(",", "/") + "=" * (-len(shifted) % 4), validate=True)
        return octets.decode("utf-16-be")
    except (binascii.Error, UnicodeDecodeError):
        return literal
