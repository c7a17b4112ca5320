"""The right to read a message that is lent by a URL: given, taken back, and made use of.

RFC 4467; RFC 4468 §3; RFC 5524.

Each user has a key for each mailbox, and who has a URL that was signed by it may read what the user may read there,
until it expires, or the key is taken away, or the user loses the right. Keys are annotations that no protocol shows.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Container, Sequence
from typing import NamedTuple

from pillarbox.core.account import DIRECTORY, Access
from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.admin.account import account_named
from pillarbox.datatypes.admin.name import login_name
from pillarbox.datatypes.annotation import ANNOTATION, OWNER, annotate, annotations_of
from pillarbox.datatypes.email.declaration import EMAIL
from pillarbox.datatypes.email.imap_reading import MessageReading
from pillarbox.datatypes.mailbox import Mailbox
from pillarbox.datatypes.view import Transaction, View
from pillarbox.services.directory import caller_for, may_log_in
from pillarbox.services.mail.mailbox_named import mailbox_named
from pillarbox.wire.imap.authorized_url import INTERNAL, AuthorizedUrl, Rump, parse_authorized_url, parse_rump
from pillarbox.wire.imap.fetch_item import Section
from pillarbox.wire.imap.message_url import BadUrl

_ENTRY = "/key"
_KEY_OCTETS = 32
# RFC 4467 §2.4.1: the first octet of a token tells how the rest was made. 1: HMAC-SHA-256 over the rump.
_ALGORITHM = b"\x01"


class Content(NamedTuple):
    """What a URL names: its octets, if they are wanted and can be had, and its structure, if it is and it has one."""

    octets: bytes | None
    structure: bytes | None


class Asker(NamedTuple):
    """Who wants to read what a URL names: a login name, "" for nobody; and whether to submit it as their message."""

    username: str
    is_submission: bool = False


def read_by_url(view: View, text: str, asker: Asker) -> bytes | None:
    """The octets of the message, or its part, that an authorised URL names; None when it opens nothing for this asker.

    Nothing tells why. Takes time: for a thread. Raises Fault when the store cannot be read now.
    """
    found = _open(view, text, asker)
    return found[0].section(found[1], found[2]) if found is not None else None


def content_by_url(view: View, text: str, asker: Asker, items: Container[str], *, is_utf8: bool) -> Content | None:
    """As `read_by_url`, with the items of RFC 5524: BODY or BINARY, BODYPARTSTRUCTURE; None when nothing is there."""
    found = _open(view, text, asker)
    if found is None:
        return None
    reading, id, section = found
    if not reading.has_section(id, section):
        return None
    octets = structure = None
    if "BODYPARTSTRUCTURE" in items:
        structure = reading.part_structure(id, section, is_decoded="BINARY" in items, is_utf8=is_utf8)
    if "BINARY" in items:
        octets = reading.decoded(id, section)
    elif "BODY" in items:
        octets = reading.section(id, section)
    return Content(octets, structure)


def _open(view: View, text: str, asker: Asker) -> tuple[MessageReading, str, Section] | None:
    """The message that a URL opens for this asker, its id, and the section that the URL names."""
    try:
        url = parse_authorized_url(text)
    except BadUrl:
        return None
    if not _is_for(url.rump, asker):
        return None
    accounts = _accounts_of(view, url.rump.owner)
    found = mailbox_named(view, accounts, url.rump.message.mailbox or "") if accounts else None
    if found is None or not _holds(view, url, accounts[0].account, *found):
        return None
    return _message(view, url.rump, *found)


def authorize(tx: Transaction, owner: str, texts: Sequence[str]) -> list[str]:
    """The URLs, each with its authorisation; `owner` is the account that lends its right.

    Raises BadUrl for one that is none, is not the owner's, or names no mailbox that they may read.
    """
    out = []
    for text in texts:
        rump = parse_rump(text)
        accounts = _accounts_of(tx, rump.owner)
        if not accounts or accounts[0].account != owner:
            raise BadUrl(text)
        found = mailbox_named(tx, accounts, rump.message.mailbox or "")
        if found is None or not _is_valid(tx, rump, *found):
            raise BadUrl(text)
        key = _key_of(tx, owner, *found) or _make_key(tx, owner, *found)
        out.append(f"{rump.text}:{INTERNAL.lower()}:{_token(key, rump).hex()}")
    return out


def reset_keys(tx: Transaction, owner: str, accounts: Sequence[Access], mailbox: str | None) -> None:
    """Take back all that an account has lent: of a mailbox, or of all in these accounts. Raises NOT_FOUND."""
    if mailbox is not None:
        found = mailbox_named(tx, accounts, mailbox)
        if found is None:
            raise Fault(Kind.NOT_FOUND, "There is no such mailbox")
        access, box = found
        annotate(tx, access.account, box.id, _user(owner, access.account), {_ENTRY: None})
        return
    for access in accounts:
        ids = [id for _, id in tx.find(ANNOTATION, access.account, "user", [_user(owner, access.account)])]
        for one in tx.get_many(ANNOTATION, access.account, ids).values():
            tx.write(ANNOTATION, access.account, one, None)


def _is_for(rump: Rump, asker: Asker) -> bool:
    """RFC 4467 §3: submit+ is for submission alone; by RFC 4468 §3.3 that may use what its user may, too."""
    if rump.kind == "submit+" and not asker.is_submission:
        return False
    if rump.kind == "authuser":
        return bool(asker.username)
    return not rump.user or login_name(rump.user) == login_name(asker.username)


def _accounts_of(view: View, name: str) -> list[Access]:
    """The accounts that the user of this name may open now, their own first; none for nobody who may log in."""
    account = account_named(view, login_name(name))
    if account is None or not may_log_in(view, account):
        return []
    found = caller_for(view, account).accounts
    return [found.pop(account.id), *(access for id, access in found.items() if id != DIRECTORY)]


def _holds(view: View, url: AuthorizedUrl, owner: str, access: Access, mailbox: Mailbox) -> bool:
    key = _key_of(view, owner, access, mailbox)
    if url.mechanism != INTERNAL or key is None or not hmac.compare_digest(url.token, _token(key, url.rump)):
        return False
    return _is_valid(view, url.rump, access, mailbox)


def _is_valid(view: View, rump: Rump, access: Access, mailbox: Mailbox) -> bool:
    """Whether it has not expired, and the mailbox is the one that it was."""
    if rump.expires_at is not None and view.now_ms >= rump.expires_at:
        return False
    validity = rump.message.uid_validity
    return validity is None or validity == view.container(access.account, mailbox.id).uid_validity


def _message(view: View, rump: Rump, access: Access, mailbox: Mailbox) -> tuple[MessageReading, str, Section] | None:
    for row in view.memberships_of(access.account, mailbox.id, [rump.message.uid]):
        emails = view.get_with_deleted(EMAIL, access.account, [row.item])
        return MessageReading(view, access.account, emails), row.item, rump.message.section
    return None


def _user(owner: str, account: str) -> str:
    """Under whom the key is kept: nobody's name, so that no client is shown it among annotations."""
    return f"urlauth {OWNER if owner == account else owner}"


def _key_of(view: View, owner: str, access: Access, mailbox: Mailbox) -> bytes | None:
    found = annotations_of(view, access.account, mailbox.id, _user(owner, access.account)).get(_ENTRY)
    return found.value if found is not None else None


def _make_key(tx: Transaction, owner: str, access: Access, mailbox: Mailbox) -> bytes:
    key = secrets.token_bytes(_KEY_OCTETS)
    annotate(tx, access.account, mailbox.id, _user(owner, access.account), {_ENTRY: key})
    return key


def _token(key: bytes, rump: Rump) -> bytes:
    return _ALGORITHM + hmac.digest(key, rump.text.encode(), hashlib.sha256)
