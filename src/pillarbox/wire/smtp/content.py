"""DATA, BDAT and BURL: the octets of a message.

Sections: RFC 5321 §4.1.1.4; RFC 3030 §2, §3; RFC 2033 §4.2, §4.3; RFC 4468 §3.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Any

from pillarbox.wire.smtp.dot import DotStream, LineCheck
from pillarbox.wire.smtp.parameter import Body
from pillarbox.wire.smtp.reply import (
    BARE_NEWLINE,
    CHUNK_OK,
    MESSAGE_TOO_BIG,
    NO_ARGUMENT,
    NO_VALID_RECIPIENTS,
    NOT_IMPLEMENTED,
    NUL,
    START_DATA,
    SYNTAX,
    TEXT_LINE_TOO_LONG,
    WRONG_ORDER,
    Reply,
)
from pillarbox.wire.smtp.state import Conversation, Fetch, Message, Octets, Step, Transaction

_PIECE = 256 * 1024
_CHUNK = re.compile(r"([0-9]{1,18})( +LAST)?\Z", re.IGNORECASE)
_URL = re.compile(r"([!-~]{1,1500})( +LAST)?", re.IGNORECASE)
_BAD_CHUNK = Reply(501, "5.5.4", "BDAT takes a number of octets and perhaps LAST")
# What is wrong with content; of several faults the first in this order is told.
_FAULTS = (MESSAGE_TOO_BIG, BARE_NEWLINE, NUL, TEXT_LINE_TOO_LONG)
_BINARY_NEEDS_BDAT = Reply(503, "5.5.1", "BODY=BINARYMIME is sent with BDAT")


def data(conversation: Conversation, argument: str) -> Step:
    """DATA: content up to <CRLF>.<CRLF>."""
    refusal = _data_refusal(conversation, argument)
    transaction = conversation.transaction
    if refusal is not None or transaction is None:
        conversation.refuse(refusal or WRONG_ORDER)
        return
    conversation.say(START_DATA)
    intake = Intake(conversation, transaction)
    stream = DotStream()
    while stream.rest is None:
        intake.take(stream.feed((yield from conversation.reader.chunk(_PIECE))), last=stream.rest is not None)
    conversation.reader.unread(stream.rest)
    yield from _finish(conversation, transaction)


def chunk(conversation: Conversation, argument: str) -> Step:
    """BDAT: a counted piece of content. Its octets are swallowed whatever the answer is (RFC 3030 §2)."""
    match = _CHUNK.match(argument)
    if not match:
        # How many octets follow cannot be known: what comes would be taken for commands.
        conversation.refuse(_BAD_CHUNK)
        conversation.closed = True
        return
    size, last = int(match[1]), match[2] is not None
    transaction = conversation.transaction
    if transaction is None or not transaction.recipients:
        yield from _swallow(conversation, size)
        conversation.refuse(NO_VALID_RECIPIENTS if transaction is not None else WRONG_ORDER)
        return
    yield from _take_chunk(conversation, transaction, size, last=last)
    if last:
        yield from _finish(conversation, transaction)
    else:
        _answer_chunk(conversation, transaction)


def _answer_chunk(conversation: Conversation, transaction: Transaction) -> None:
    if transaction.fault is not None:
        conversation.refuse(transaction.fault)
    else:
        conversation.say(CHUNK_OK)


def by_url(conversation: Conversation, argument: str) -> Step:
    """BURL: content that is somewhere else, as a chunk like those of BDAT (RFC 4468 §3)."""
    match = _URL.fullmatch(argument)
    transaction = conversation.transaction
    if not conversation.options.extensions.burl:
        conversation.refuse(NOT_IMPLEMENTED)
    elif match is None:
        conversation.refuse(SYNTAX)
    elif transaction is None:
        conversation.refuse(WRONG_ORDER)
    elif not transaction.recipients:
        conversation.refuse(NO_VALID_RECIPIENTS)
    else:
        answer = yield Fetch(match[1])
        if isinstance(answer, Octets):
            intake, last = Intake(conversation, transaction), match[2] is not None
            intake.take(answer.data, last=last)
            if last:
                yield from _finish(conversation, transaction)
            else:
                _answer_chunk(conversation, transaction)
        else:
            # What has come of the message so far is no message: the client has to begin anew.
            conversation.reset()
            conversation.refuse(answer)


class Intake:
    """Puts content into the transaction's sink, until something is wrong with it; then the rest is dropped."""

    __slots__ = ("_check", "_may_have_bare", "_options", "_refuses_nul", "_transaction")

    def __init__(self, conversation: Conversation, transaction: Transaction) -> None:
        self._options = conversation.options
        self._transaction = transaction
        is_binary = transaction.parameters.body is Body.BINARY
        self._may_have_bare = self._options.keep_bare_newlines or is_binary
        self._refuses_nul = self._options.refuse_nul and not is_binary
        if transaction.check is None:
            transaction.check = LineCheck(self._options.max_text_line)
        self._check = transaction.check
        if transaction.sink is None and transaction.fault is None:
            transaction.sink = conversation.open_sink()

    def take(self, content: bytes, *, last: bool) -> None:
        """Take the next content; `last` says that it is the end of the message."""
        transaction = self._transaction
        transaction.size += len(content)
        if transaction.fault is not MESSAGE_TOO_BIG:
            # Looked for to the end, so that the answer does not depend on how the octets were divided.
            found = [fault for fault in (transaction.fault, self._fault(content, last=last)) if fault is not None]
            transaction.fault = min(found, key=_FAULTS.index, default=None)
        if transaction.fault is not None:
            transaction.discard()
        elif content and transaction.sink is not None:
            transaction.sink.write(content)

    def _fault(self, content: bytes, *, last: bool) -> Reply | None:
        if self._options.max_size and self._transaction.size > self._options.max_size:
            return MESSAGE_TOO_BIG
        if not self._may_have_bare and self._check.has_bare_newline(content, last=last):
            return BARE_NEWLINE
        if self._refuses_nul and b"\0" in content:
            return NUL
        if self._check.has_long_line(content):
            return TEXT_LINE_TOO_LONG
        return None


def _data_refusal(conversation: Conversation, argument: str) -> Reply | None:
    transaction = conversation.transaction
    if argument:
        return NO_ARGUMENT
    if transaction is None or transaction.check is not None:
        # RFC 3030 §2: "The DATA and BDAT commands cannot be used in the same transaction"
        return WRONG_ORDER
    if not transaction.recipients:
        # RFC 2033 §4.2: with no successful RCPT, DATA "MUST ... fail with a 503 reply code"
        return NO_VALID_RECIPIENTS
    return _BINARY_NEEDS_BDAT if transaction.parameters.body is Body.BINARY else None


def _take_chunk(
    conversation: Conversation, transaction: Transaction, size: int, *, last: bool
) -> Generator[None, Any, None]:
    intake = Intake(conversation, transaction)
    left = size
    while left:
        content = yield from conversation.reader.chunk(min(left, _PIECE))
        left -= len(content)
        intake.take(content, last=last and not left)
    if last and not size:
        intake.take(b"", last=True)


def _swallow(conversation: Conversation, size: int) -> Generator[None, Any, None]:
    while size:
        size -= len((yield from conversation.reader.chunk(min(size, _PIECE))))


def _finish(conversation: Conversation, transaction: Transaction) -> Step:
    """Asks the server, and gives one reply; in LMTP one for each recipient, in the order of RCPT (RFC 2033 §4.2)."""
    conversation.transaction = None
    count = len(transaction.recipients) if conversation.options.lmtp else 1
    if transaction.fault is not None or transaction.sink is None:
        replies = [transaction.fault or WRONG_ORDER] * count
        conversation.errors += 1
    else:
        message = Message(
            transaction.sender,
            tuple(to.recipient for to in transaction.recipients),
            transaction.parameters,
            transaction.sink,
            transaction.size,
            conversation.peer_name,
            tuple(to.parameters for to in transaction.recipients),
        )
        conversation.idle = 0
        answer = yield message
        replies = answer if isinstance(answer, list) else [answer] * count
        if len(replies) != count:
            raise ValueError(f"{count} replies are due, {len(replies)} were given")
    for reply in replies:
        conversation.say(reply)
