"""GENURLAUTH, URLFETCH and RESETKEY (RFC 4467 §6, §7, §8, §10)."""

from __future__ import annotations

from pillarbox.wire.imap.access_command import GenUrlAuth, ResetKey, UrlFetch
from pillarbox.wire.imap.scanner import Scanner

_MOST = 100


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
    """URLFETCH with URLs."""
    urls: list[str] = []
    while len(urls) < _MOST and (not urls or not scanner.is_at_end()):
        scanner.need(" ")
        urls.append(scanner.astring())
    scanner.end()
    return UrlFetch(tuple(urls))


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
