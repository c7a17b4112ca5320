"""GENURLAUTH, URLFETCH and RESETKEY (RFC 4467 §7, §9; RFC 5524 §3, §5)."""

from __future__ import annotations

from pillarbox.wire.imap.access_command import FetchedUrl, GenUrlAuth, ResetKey, UrlFetch
from pillarbox.wire.imap.refusal import Refused
from pillarbox.wire.imap.scanner import Scanner

_MOST = 100
_ITEMS = frozenset({"BODY", "BINARY", "BODYPARTSTRUCTURE"})


def gen_url_auth(scanner: Scanner) -> GenUrlAuth:
    """GENURLAUTH with pairs of a rump and a mechanism."""
    pairs: list[tuple[str, str]] = []
    while len(pairs) < _MOST and (not pairs or not scanner.is_at_end()):
        scanner.need(" ")
        rump = scanner.astring()
        scanner.need(" ")
        pairs.append((rump, scanner.atom().upper()))
    scanner.end()
    return GenUrlAuth(tuple(pairs))


def url_fetch(scanner: Scanner) -> UrlFetch:
    """URLFETCH with URLs, any of them in parentheses with what is wanted of it."""
    urls: list[FetchedUrl] = []
    while len(urls) < _MOST and (not urls or not scanner.is_at_end()):
        scanner.need(" ")
        urls.append(_extended(scanner) if scanner.has("(") else FetchedUrl(scanner.astring()))
    scanner.end()
    return UrlFetch(tuple(urls))


def _extended(scanner: Scanner) -> FetchedUrl:
    """What follows the opening parenthesis. With no items it is as if it stood without parentheses (RFC 5524 §3)."""
    url = scanner.astring()
    items: set[str] = set()
    while scanner.has(" "):
        item = scanner.word()
        if item not in _ITEMS:
            raise Refused("URLFETCH knows no such item")
        if item in items:
            raise Refused("An item may be named once for each URL")
        items.add(item)
    scanner.need(")")
    # RFC 5524 §3.1: "clients MUST NOT request both BINARY and BODY".
    if items >= {"BODY", "BINARY"}:
        raise Refused("BODY and BINARY cannot both be had of one URL")
    return FetchedUrl(url, frozenset(items))


def reset_key(scanner: Scanner) -> ResetKey:
    """RESETKEY, of a mailbox, and of some mechanisms there."""
    if scanner.is_at_end():
        return ResetKey()
    scanner.need(" ")
    mailbox = scanner.mailbox()
    mechanisms: list[str] = []
    while len(mechanisms) < _MOST and not scanner.is_at_end():
        scanner.need(" ")
        mechanisms.append(scanner.atom().upper())
    scanner.end()
    return ResetKey(mailbox, tuple(mechanisms))
