"""Gmail's labels, as Google Takeout writes them (X-Gmail-Labels) and as IMAP copies keep them (X-GM-LABELS)."""

import base64
import binascii
import quopri
import re

from pillarbox.formats.archive.mailbox_name import INBOX, label_path
from pillarbox.formats.archive.message import MailboxPath

MAX_LABELS = 200

_ENCODED_WORD = re.compile(r"=\?([!-~]{1,40}?)\?([bqBQ])\?([!->@-~]{0,1000}?)\?=")
_BETWEEN_WORDS = re.compile(r"(\?=)\s+(?==\?)")
_LABEL = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^",]*))\s*(?:,|$)')
_SPACED_LABEL = re.compile(r'"((?:[^"\\]|\\.)*)"|([^\s"]+)')

_KEYWORDS = {"starred": "$flagged", "important": "$important", "draft": "$draft", "drafts": "$draft", "opened": "$seen"}
_MAILBOXES: dict[str, MailboxPath] = {
    "inbox": INBOX,
    "sent": ("Sent",),
    "draft": ("Drafts",),
    "drafts": ("Drafts",),
    "trash": ("Trash",),
    "spam": ("Junk",),
    "junk": ("Junk",),
}
_NEITHER = frozenset(
    {"unread", "archived", "all mail", "allmail", "all", "chat", "muted", "opened", "starred", "important"}
)


def parse_labels(value: str, *, spaced: bool = False) -> list[str]:
    """Split the value of a label header: at commas (Takeout), or at spaces as an IMAP list is; quotes protect both."""
    text = (
        _decode_words(re.sub(r"\r?\n(?=[ \t])", "", value)).strip("() \t\r\n")
        if spaced
        else _decode_words(_unfold(value))
    )
    pattern = _SPACED_LABEL if spaced else _LABEL
    labels: list[str] = []
    for found in pattern.finditer(text):
        label = re.sub(r"\\(.)", r"\1", found[1]) if found[1] is not None else found[2].strip()
        if label and len(labels) < MAX_LABELS:
            labels.append(label)
    return labels


def labels_to_mailboxes(labels: list[str]) -> tuple[tuple[MailboxPath, ...], frozenset[str]]:
    """Translate labels to mailboxes and JMAP keywords.

    System labels become the mailboxes of that role, nested labels (`Work/Invoices`) a path. Read mail is what is not
    labelled Unread. Mail with no mailbox left was archived: its mailbox is Archive. Tabs of the inbox (`Category ...`)
    are Gmail's own sorting and become neither.
    """
    paths: dict[MailboxPath, None] = {}
    keywords = {"$seen"}
    for label in labels:
        name = label.lstrip("\\").lower()
        if name == "unread":
            keywords.discard("$seen")
        elif name in _KEYWORDS and name != "opened":
            keywords.add(_KEYWORDS[name])
        path = _mailbox_of(label, name)
        if path:
            paths[path] = None
    return tuple(paths) or (("Archive",),), frozenset(keywords)


def _mailbox_of(label: str, name: str) -> MailboxPath:
    if name in _MAILBOXES:
        return _MAILBOXES[name]
    if name in _NEITHER or name.startswith(("category ", "category_", "^")):
        return ()
    return label_path(label.split("/"))


def _unfold(value: str) -> str:
    return re.sub(r"\r?\n[ \t]+", " ", value).strip()


def _decode_words(text: str) -> str:
    return _ENCODED_WORD.sub(_decode_word, _BETWEEN_WORDS.sub(r"\1", text))


def _decode_word(found: re.Match[str]) -> str:
    charset, encoding, payload = found.groups()
    try:
        if encoding in "bB":
            octets = base64.b64decode(payload + "=" * (-len(payload) % 4))
        else:
            octets = quopri.decodestring(payload.encode("ascii"), header=True)
        return octets.decode(charset.partition("*")[0], "replace")
    except (binascii.Error, LookupError, ValueError):
        return found[0]
