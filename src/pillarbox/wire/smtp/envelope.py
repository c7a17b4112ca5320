"""MAIL, RCPT and RSET: the envelope of a transaction.

Sections: RFC 5321 §3.3, §4.1.1.2, §4.1.1.3, §4.1.1.5; RFC 6531 §3.5.
"""

from __future__ import annotations

import re

from pillarbox.wire.smtp.address import Address, BadPath, parse_path
from pillarbox.wire.smtp.extension import mail_parameters, recipient_parameters
from pillarbox.wire.smtp.parameter import MailParameters, Refused, parse_parameters
from pillarbox.wire.smtp.reply import (
    HELLO_FIRST,
    LOGIN_FIRST,
    NEEDS_SMTPUTF8,
    NESTED_MAIL,
    NO_ARGUMENT,
    OK,
    SYNTAX,
    TLS_FIRST,
    TOO_MANY_RECIPIENTS,
    WRONG_ORDER,
    Reply,
)
from pillarbox.wire.smtp.state import Conversation, Recipient, Sender, Step, Transaction

# The space after the colon is in no grammar, but in many programs.
_FROM = re.compile(r"FROM: *", re.IGNORECASE)
_TO = re.compile(r"TO: *", re.IGNORECASE)


def mail(conversation: Conversation, argument: str) -> Step:
    """MAIL FROM:<reverse-path> opens a transaction, if the server agrees."""
    if not conversation.peer_name:
        conversation.refuse(HELLO_FIRST)
        return
    if conversation.options.needs_login and not conversation.is_logged_in:
        # RFC 6409 §4.3; RFC 4954 §6
        conversation.refuse(LOGIN_FIRST if conversation.offer.mechanisms else TLS_FIRST)
        return
    if conversation.transaction is not None:
        conversation.refuse(NESTED_MAIL)
        return
    try:
        sender, parameters = _parse_mail(argument, conversation)
    except Refused as refused:
        conversation.refuse(refused.reply)
        return
    reply = yield Sender(sender, parameters)
    if reply.is_positive:
        conversation.transaction = Transaction(sender, parameters)
    conversation.say(reply)


def recipient(conversation: Conversation, argument: str) -> Step:
    """RCPT TO:<forward-path> adds a recipient, if the server agrees."""
    transaction = conversation.transaction
    if transaction is None or transaction.check is not None:
        conversation.refuse(WRONG_ORDER)
        return
    try:
        event = _parse_recipient(argument, conversation, smtputf8=transaction.parameters.smtputf8)
    except Refused as refused:
        conversation.refuse(refused.reply)
        return
    # RFC 5321 §4.5.3.1.10: past the limit 452, and what was accepted stays accepted.
    if len(transaction.recipients) >= conversation.options.max_recipients:
        conversation.say(TOO_MANY_RECIPIENTS)
        return
    reply = yield event
    if reply.is_positive:
        transaction.recipients.append(event)
    conversation.say(reply)


def reset(conversation: Conversation, argument: str) -> None:
    """RSET forgets the transaction."""
    if argument:
        conversation.refuse(NO_ARGUMENT)
        return
    conversation.reset()
    conversation.say(OK)


def _parse_mail(argument: str, conversation: Conversation) -> tuple[Address | None, MailParameters]:
    match = _FROM.match(argument)
    if not match:
        raise Refused(SYNTAX)
    try:
        sender, rest = parse_path(argument[match.end() :], may_be_null=True)
    except BadPath as bad:
        raise _refusal(bad, "5.1.7") from None
    parameters = mail_parameters(parse_parameters(rest), conversation)
    if not parameters.smtputf8 and not argument.isascii():
        raise Refused(NEEDS_SMTPUTF8)
    return sender, parameters


def _parse_recipient(argument: str, conversation: Conversation, *, smtputf8: bool) -> Recipient:
    match = _TO.match(argument)
    if not match:
        raise Refused(SYNTAX)
    if not smtputf8 and not argument.isascii():
        raise Refused(NEEDS_SMTPUTF8)
    try:
        address, rest = parse_path(argument[match.end() :], may_be_postmaster=True)
    except BadPath as bad:
        raise _refusal(bad, "5.1.3") from None
    parameters = recipient_parameters(parse_parameters(rest), conversation)
    if address is None:  # parse_path was not told that the null path is allowed
        raise Refused(SYNTAX)
    return Recipient(address, parameters)


def _refusal(bad: BadPath, enhanced: str) -> Refused:
    return Refused(Reply(553 if bad.too_long else 501, enhanced, str(bad)))
