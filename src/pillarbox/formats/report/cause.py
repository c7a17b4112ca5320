"""What an enhanced status code means for the person who sent the message, and what can be done about it.

Sections: RFC 3463 §3; RFC 7505 §4.2; RFC 7372 §3; RFC 8689 §4.2.1; RFC 6531 §3.5.
"""

from __future__ import annotations

# By everything after the class; the class says whether it is for good.
_CAUSES = {
    "1.1": "There is no such address. Please look for a spelling mistake before the @.",
    "1.2": "There is no such domain. Please look for a spelling mistake after the @.",
    "1.3": "The address is not written as an address has to be.",
    "1.6": "The mailbox has moved, and its server does not say where.",
    "1.8": "The other server does not accept the address that the message comes from.",
    "1.10": "The domain says that it takes no mail at all.",
    "2.1": "The mailbox is there no more, or takes no mail.",
    "2.2": "The mailbox is full. Its owner has to make room; please tell them in another way.",
    "2.3": "The message is larger than this mailbox takes. Please send less at a time, or a link.",
    "3.1": "The other server has no room for mail at the moment.",
    "3.2": "The other server does not take mail at the moment.",
    "3.4": "The message is larger than the other server takes. Please send less at a time, or a link.",
    "4.1": "The other server cannot be reached.",
    "4.2": "The connection to the other server broke.",
    "4.3": "The way to the recipient could not be looked up at the moment.",
    "4.4": "The domain names no server that mail could be sent to.",
    "4.6": "The message would go in a circle: the domain's mail server is not set up for it.",
    "4.7": "It was tried again and again, in vain. Please check the address, or reach the recipient in another way.",
    "6.0": "The message is not built as mail has to be, and cannot be passed on as it is.",
    "6.3": "The other server takes only messages of plain ASCII, and the message cannot be changed to that.",
    "6.7": "The other server does not take addresses with other letters than A to Z.",
    "6.9": "The other server does not take a subject or names with other letters than A to Z in this form.",
    "7.0": "The other server refuses it for a reason of its own.",
    "7.1": "A server refuses this message by its rules: for what is in it, whom it is from, or whom it is for.",
    "7.5": "The other server could not prove that it is the right one, so nothing was handed to it.",
    "7.25": "The other server does not trust the address that this server sends from (reverse DNS).",
    "7.26": "The other server could not make sure that the message is really from its sender's domain (DKIM, SPF).",
    "7.30": "You asked for TLS all the way, and the other server does not promise that.",
}
# Where the detail says nothing, the subject may.
_SUBJECTS = {
    "1": "Something is wrong with the address.",
    "2": "Something is wrong with the mailbox.",
    "3": "Something is wrong with the other server.",
    "7": "The other server refuses it by its rules.",
}


def cause(status: str) -> str:
    """A sentence or two for a status such as 5.1.1; "" where there is nothing to say."""
    _, _, rest = status.partition(".")
    return _CAUSES.get(rest) or _SUBJECTS.get(rest.partition(".")[0], "")
