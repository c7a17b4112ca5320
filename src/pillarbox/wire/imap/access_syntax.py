"""ACL and QUOTA.

Sections: RFC 4314 §3, §7; RFC 9208 §4.1, §7.
"""

from __future__ import annotations

import re

from pillarbox.wire.imap.access_command import GetAcl, GetQuota, GetQuotaRoot, ListRights, MyRights, SetAcl, SetQuota
from pillarbox.wire.imap.mailbox_syntax import named
from pillarbox.wire.imap.refusal import Refused
from pillarbox.wire.imap.scanner import Scanner
from pillarbox.wire.imap.set_syntax import listed

_RIGHTS = re.compile(r"[a-z0-9]*")


def set_acl(scanner: Scanner) -> SetAcl:
    """SETACL. RFC 4314 §2: rights are lower-case letters and digits; others get BAD."""
    mailbox, identifier = _identified(scanner)
    scanner.need(" ")
    rights = scanner.astring()
    scanner.end()
    operation = rights[:1] if rights[:1] in ("+", "-") else ""
    rights = rights.removeprefix(operation)
    if not _RIGHTS.fullmatch(rights):
        raise Refused("Rights are lower-case letters and digits")
    return SetAcl(mailbox, identifier, rights, operation or "=")


def delete_acl(scanner: Scanner) -> SetAcl:
    """DELETEACL."""
    mailbox, identifier = _identified(scanner)
    scanner.end()
    return SetAcl(mailbox, identifier, None)


def list_rights(scanner: Scanner) -> ListRights:
    """LISTRIGHTS."""
    mailbox, identifier = _identified(scanner)
    scanner.end()
    return ListRights(mailbox, identifier)


def _identified(scanner: Scanner) -> tuple[str, str]:
    scanner.need(" ")
    mailbox = scanner.mailbox()
    scanner.need(" ")
    return mailbox, scanner.astring()


def get_quota(scanner: Scanner) -> GetQuota:
    """GETQUOTA."""
    scanner.need(" ")
    root = scanner.astring()
    scanner.end()
    return GetQuota(root)


def set_quota(scanner: Scanner) -> SetQuota:
    """SETQUOTA, with a resource not more than once."""
    scanner.need(" ")
    root = scanner.astring()
    scanner.need(" ")
    limits = listed(scanner, _limit, may_be_empty=True)
    scanner.end()
    if len(dict(limits)) != len(limits):
        raise Refused("A resource stands twice")
    return SetQuota(root, limits)


def _limit(scanner: Scanner) -> tuple[str, int]:
    name = scanner.word()
    scanner.need(" ")
    return name, scanner.number64()


get_acl = named(GetAcl)
my_rights = named(MyRights)
get_quota_root = named(GetQuotaRoot)
