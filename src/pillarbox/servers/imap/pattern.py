"""Patterns of LIST and LSUB (RFC 9051 §6.3.9): `*` is anything, `%` anything but the separator."""

from __future__ import annotations

SEPARATOR = "/"


def matches(pattern: str, name: str) -> bool:
    """Whether a name matches. Takes time in proportion to both lengths multiplied, whatever the pattern is.

    INBOX matches in any case (RFC 9051 §5.1).
    """
    return _matches(pattern, name) or (name.partition(SEPARATOR)[0] == "INBOX" and _matches(_with_inbox(pattern), name))


def _with_inbox(pattern: str) -> str:
    return "INBOX" + pattern[5:] if pattern[:5].upper() == "INBOX" else pattern


def _matches(pattern: str, name: str) -> bool:
    # at[i]: whether the pattern up to here matches the first i characters of the name.
    at = [True] + [False] * len(name)
    for sign in pattern:
        if sign in "*%":
            reached = False
            for i, was in enumerate(at):
                is_over = sign == "%" and i > 0 and name[i - 1] == SEPARATOR
                reached = was or (reached and not is_over)
                at[i] = reached
        else:
            at = [False, *(was and name[i] == sign for i, was in enumerate(at[:-1]))]
        if True not in at:
            return False
    return at[-1]
