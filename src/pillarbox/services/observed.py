"""What services let be seen of themselves: events of the log, numbers for /metrics."""

from __future__ import annotations

import logging

from pillarbox.core.event import Event
from pillarbox.core.metric import Counter

LOGIN_FAILED = Event("login.failed", logging.WARNING, "the credentials were wrong", "address", "login")
LOGIN_THROTTLED = Event(
    "login.throttled",
    logging.WARNING,
    "there were too many failures, and the credentials were not looked at",
    "address", "login",
    per_minute=600,
)  # fmt: skip
LOGIN_UNBOUND = Event(
    "login.unbound",
    logging.WARNING,
    "a client is bound to another connection than ours, or was shown other mechanisms",
    "address",
    "why",
)
LOGGED_IN = Event("login.succeeded", logging.INFO, "somebody logged in", "address", "login", "account")
NOT_RELEASED = Event(
    "submission.not_released", logging.ERROR, "a held message could not be released, and is tried again", "account"
)
NOT_STORED = Event("mail.not_stored", logging.WARNING, "a message was not stored", "accounts", "why", per_minute=600)
FULL = Event("mail.full", logging.WARNING, "full mailboxes got no copy of a message", "accounts", per_minute=600)
LOOP = Event("mail.loop", logging.WARNING, "a message came back that was sent on", "address", per_minute=600)
NOT_ANSWERED = Event(
    "vacation.not_answered", logging.WARNING, "an answer of somebody who is away was not sent", "account", "why"
)
ANSWERED = Event("vacation.answered", logging.INFO, "somebody who is away answered", "account", per_minute=600)
NOT_NOTIFIED = Event(
    "submission.not_notified", logging.WARNING, "a notification was not delivered to its account", "account", "why"
)
NOT_TOLD = Event(
    "submission.not_told",
    logging.ERROR,
    "the sender of mail that waits too long could not be told of it",
    "account",
)
NOT_FOLLOWED = Event(
    "submission.not_followed",
    logging.WARNING,
    "a report about a message was delivered, but its submission does not show it",
    "account",
    "why",
)
REPORT_UNREAD = Event(
    "report.unread", logging.WARNING, "a report by mail is not read, but delivered", "why", per_minute=30
)
SUPPRESSED = Event(
    "suppression.added",
    logging.INFO,
    "an address refused mail for good, and is not written to for a while",
    "account",
    "recipient",
    per_minute=600,
)
NOT_SUPPRESSED = Event(
    "suppression.not_added", logging.WARNING, "an address that refuses mail was not written down", "account", "why"
)
NOT_QUEUED = Event(
    "suppression.not_queued",
    logging.INFO,
    "mail for an address that refused it before was not queued",
    "account",
    "origin",
    "recipient",
    per_minute=600,
)
THROTTLED = Event(
    "relay.throttled",
    logging.INFO,
    "a throttle of the settings is used up, and mail waits for it",
    "throttle",
    "most",
    per_minute=60,
)
TOO_MUCH = Event(
    "submission.too_much",
    logging.WARNING,
    "an account sends more than it may, which may be a stolen password",
    "account",
    "what",
    "used",
    "most",
    per_minute=60,
)

LOGINS = Counter(
    "pillarbox_logins_total",
    "Credentials that were looked at; those that are remembered are not.",
    result=("succeeded", "failed", "repeated", "throttled"),
)
THROTTLES = Counter(
    "pillarbox_relay_throttled_total",
    "How often mail began to wait for a throttle that was used up, by the rule of `relay.throttles`.",
    rule=(),
)
SLOWED = Event(
    "submission.slowed",
    logging.WARNING,
    "an account sends nearly as much as it may, and its mail leaves slowly",
    "account",
    "what",
    "used",
    "most",
    per_minute=60,
)
SENDING_REPORTED = Event(
    "submission.reported",
    logging.WARNING,
    "postmasters were written to about an account that sends too much",
    "account",
    "act",
    "to",
)
SENDING_UNREPORTED = Event(
    "submission.unreported",
    logging.WARNING,
    "nobody could be written to about an account that sends too much",
    "account",
    "act",
)
SENDING_LIMITS = Counter(
    "pillarbox_submission_limits_total",
    "Messages of accounts that were slowed or refused for the number that they send.",
    what=("slowed", "refused"),
)
FAILURE_REPORTS = Counter(
    "pillarbox_failure_reports_total",
    "Reports about messages that failed: queued, held back by a limit, wanted by nobody who may have them, not kept.",
    result=("queued", "limited", "unwanted", "no_room"),
)
