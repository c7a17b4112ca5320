"""What feedback about a message comes to, in words for people; it takes reports as JMAP shows them.

Sections: RFC 5965 §7.3; RFC 6430; RFC 6591 §3.2, §3.3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_STOLEN = (
    "If nobody here sent it, look who did: change the password if the account was stolen; if the source is none of"
    " yours, it was forged."
)
_SENT_ON = (
    "Mail of another server was sent on from here, by an address with `forwardTo`, to somebody who complained. What is"
    " taken for junk here is sent on as well: let the receiver know that this server forwards, or send on less."
)
# What a type means, and what to do.
_TYPES = {
    "abuse": (
        "a complaint of unwanted mail",
        "If it was sent to a list of people, have everybody on it asked, and take who complains off it. " + _STOLEN,
    ),
    "fraud": ("a complaint of fraud", "Stop the account until it is clear who sent this. " + _STOLEN),
    "virus": ("a complaint of harmful content", "Look for harmful programs where the account is used. " + _STOLEN),
    "not-spam": ("a note that a message was no spam", "There is nothing to do: the receiver took it for spam first."),
    "opt-out": ("a wish to get no more of this", "Take the recipient off the list."),
    "other": ("a complaint", "Read the mail that brought the report."),
}
_RESULTS = {
    "delivered": "it was delivered all the same",
    "spam": "it went to the junk mailbox",
    "policy": "something was done with it by the receiver's policy",
    "reject": "it was rejected",
    "other": "the receiver does not say what became of it",
}
_FAILURES = {
    "adsp": "the signing practices were not met",
    "bodyhash": "the body was changed after it was signed: perhaps by a mailing list or a filter",
    "revoked": "the key was withdrawn: a server of yours still signs with it",
    "signature": "the signature does not fit: the header was changed, or the key in the DNS is another",
    "spf": "the address may not send for the domain",
    "dmarc": "the author's domain was not proved",
}

_CHECKS = {"dmarc": "DMARC", "spf": "SPF", "signature": "DKIM", "bodyhash": "DKIM"}


def summary(record: Mapping[str, Any]) -> str:
    """A line about a report."""
    times, about = record["incidents"], record["address"] or record["domain"]
    if sender := record["sentOnFor"]:
        about += f", which sent it on for {sender}"
    source = f" from {record['sourceAddress']}" if record["sourceAddress"] else ""
    if record["authFailure"] or record["feedbackType"] == "auth-failure":
        failed = _CHECKS.get(record["authFailure"], record["authFailure"] or "authentication")
        messages = "a message" if times == 1 else f"{times} messages"
        return f"{failed} failed for {messages} as {about}{source}"
    what = _TYPES.get(record["feedbackType"], _TYPES["other"])[0]
    return f"{what} about {about}{source}" + (f", {times} times" if times > 1 else "")


def findings(record: Mapping[str, Any]) -> list[str]:
    """Lines about a report, the most important first."""
    return [summary(record)[:1].upper() + summary(record)[1:] + ".", *_facts(record), *_advice(record)]


def _facts(record: Mapping[str, Any]) -> Iterator[str]:
    for name, title in (
        ("accountId", "Account"),
        ("author", "Author"),
        ("mailFrom", "Reverse-path"),
        ("sentOnFor", "Sent on for"),
        ("recipients", "Recipients"),
        ("subject", "Subject"),
        ("messageId", "Message-ID"),
        ("userAgent", "Written by"),
        ("authenticationResults", "Results"),
    ):
        if value := record[name]:
            yield f"  {title}: {', '.join(value) if isinstance(value, list) else value}"


def _advice(record: Mapping[str, Any]) -> Iterator[str]:
    if not record["authFailure"] and record["feedbackType"] != "auth-failure":
        is_other = record["sentOnFor"] and record["feedbackType"] != "not-spam"
        yield _SENT_ON if is_other else _TYPES.get(record["feedbackType"], _TYPES["other"])[1]
        return
    if meaning := _FAILURES.get(record["authFailure"]):
        yield f"{record['authFailure']}: {meaning}."
    if record["identityAlignment"] and record["identityAlignment"] != "none":
        yield f"Not proved by: {record['identityAlignment']}."
    if became := _RESULTS.get(record["deliveryResult"]):
        yield f"What became of it: {became}."
    yield (
        f"If {record['sourceAddress'] or 'the source'} is yours or sends for you, add it to SPF, and let it sign with"
        " your domain. If not, somebody pretended to be you, or forwarded your mail."
    )
