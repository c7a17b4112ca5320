"""The folders of another server, and their names as paths (RFC 9051 §7.3.1, RFC 2342, RFC 6154, RFC 5258)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pillarbox.formats.archive.mailbox_name import from_modified_utf7, label_path
from pillarbox.services.fetch.source import Source
from pillarbox.services.mail.mailbox_path import INBOX, Path
from pillarbox.wire.imap_client.fault import Refused
from pillarbox.wire.imap_client.response import Response
from pillarbox.wire.imap_client.value import Value, octets_of

_INBOX = re.compile(rb"INBOX\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Folder:
    r"""A folder: its name as the server wants it, its path, its attributes in lower case such as `\sent`."""

    name: bytes
    path: Path
    attributes: frozenset[str] = frozenset()
    is_subscribed: bool = True
    is_own: bool = True  # in the account's own namespace, not somebody else's or a shared one

    @property
    def shown(self) -> str:
        """Its path, for people and patterns."""
        return "/".join(self.path)

    @property
    def has_messages(self) -> bool:
        """Whether it can be selected."""
        return self.attributes.isdisjoint((r"\noselect", r"\nonexistent"))


@dataclass(slots=True)
class Namespaces:
    """The prefixes of names, by whose the folders are."""

    own: list[bytes] = field(default_factory=list)
    others: list[bytes] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Listed:
    name: bytes
    separator: bytes
    attributes: frozenset[str]


def read_folders(source: Source) -> list[Folder]:
    """All folders of the account, its own ones first."""
    namespaces = _namespaces(source)
    listed, subscribed = _list(source)
    if not namespaces.own:
        namespaces.own = _guessed_prefix(listed)
    folders = [_folder(one, namespaces, subscribed) for one in listed]
    return sorted((folder for folder in folders if folder.path), key=lambda folder: (not folder.is_own, folder.path))


def _namespaces(source: Source) -> Namespaces:
    out = Namespaces()
    if not source.has("NAMESPACE", "IMAP4REV2"):
        return out
    try:
        for response in source.run(b"NAMESPACE"):
            if response.name == "NAMESPACE":
                own, *others = [_prefixes(value) for value in response.values[:3]] or [[]]
                out.own = own
                out.others = [prefix for group in others for prefix in group if prefix]
    except Refused:
        pass
    return out


def _prefixes(value: Value) -> list[bytes]:
    found = [octets_of(one[0]) for one in value if isinstance(one, list) and one] if isinstance(value, list) else []
    return sorted(found, key=len, reverse=True)


def _list(source: Source) -> tuple[list[_Listed], set[bytes] | None]:
    """What LIST tells, and the names of what is subscribed to; None when nothing is, or the server does not know."""
    if source.has("LIST-EXTENDED", "IMAP4REV2"):
        uses = b" SPECIAL-USE" if source.has("SPECIAL-USE", "IMAP4REV2") else b""
        try:
            listed = _unique(source.run(b'LIST "" "*" RETURN (SUBSCRIBED' + uses + b")"))
        except Refused:
            pass
        else:
            return listed, {one.name for one in listed if r"\subscribed" in one.attributes} or None
    listed = _unique(source.run(b'LIST "" "*"'))
    try:
        subscribed = {one.name for one in _unique(source.run(b'LSUB "" "*"')) if r"\noselect" not in one.attributes}
    except Refused:
        subscribed = set()
    return listed, subscribed or None


def _unique(responses: Iterable[Response]) -> list[_Listed]:
    out: dict[bytes, _Listed] = {}
    for response in responses:
        if response.name in ("LIST", "LSUB") and len(response.values) >= 3:
            attributes, separator, name = response.values[:3]
            words = attributes if isinstance(attributes, list) else []
            lowered = frozenset(octets_of(word).decode("ascii", "replace").lower() for word in words)
            listed = _Listed(octets_of(name), octets_of(separator), lowered)
            out.setdefault(listed.name, listed)
    return list(out.values())


def _guessed_prefix(listed: Sequence[_Listed]) -> list[bytes]:
    """Courier and old Cyrus have all folders below the inbox, and say so by NAMESPACE only."""
    others = [one for one in listed if not _INBOX.match(one.name)]
    if others and all(one.separator and one.name.upper().startswith(b"INBOX" + one.separator) for one in others):
        return [b"INBOX" + others[0].separator]
    return []


def _folder(listed: _Listed, namespaces: Namespaces, subscribed: set[bytes] | None) -> Folder:
    name, is_own = listed.name, True
    if _INBOX.match(name):
        parts = [b"INBOX"]
    else:
        # A personal prefix is left out; where it is empty, folders that others share are told by their own prefixes.
        own = next((prefix for prefix in namespaces.own if prefix and _begins(name, prefix)), b"")
        foreign = next((prefix for prefix in namespaces.others if _begins(name, prefix)), b"")
        is_own = len(own) >= len(foreign)
        rest = name[len(own) :] if is_own else name
        parts = rest.split(listed.separator) if listed.separator else [rest]
    path = label_path([_text(part) for part in parts])
    if path[:1] and path[0].upper() == "INBOX":
        path = INBOX + path[1:]
    is_subscribed = subscribed is None or name in subscribed
    return Folder(name, path, listed.attributes, is_subscribed, is_own)


def _begins(name: bytes, prefix: bytes) -> bool:
    # RFC 9051 §5.1: "INBOX" in any case; other names are what they are
    if prefix[:5].upper() == b"INBOX":
        return name[:5].upper() == b"INBOX" and name[5:].startswith(prefix[5:])
    return name.startswith(prefix)


def _text(part: bytes) -> str:
    try:
        return from_modified_utf7(part.decode("ascii"))
    except UnicodeDecodeError:
        return part.decode("utf-8", "replace")
