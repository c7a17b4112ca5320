"""How the answer of a FETCH gets to the client: in pieces, no more of it in memory than it is about to take.

RFC 9051 §6.4.5, §7.5.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from functools import partial
from typing import cast

from pillarbox.core.faults import Fault
from pillarbox.net.blob_pieces import BlobMissing, blob_pieces
from pillarbox.servers.imap.chosen import Span, count
from pillarbox.servers.imap.fetch_program import Answer, Pending, Piece, Program
from pillarbox.servers.imap.image import Images
from pillarbox.servers.imap.selected import Selected
from pillarbox.servers.imap.session import Session
from pillarbox.storage.snapshot import Snapshot
from pillarbox.wire.imap.response import without_nul

_QUICK = 1_000  # messages that are told without keeping others waiting


async def tell(session: Session, selected: Selected, program: Program, batch: Sequence[Span]) -> None:
    """Tell of the messages at some places, as fast as the client takes it."""
    while batch:
        answer = await _read(session, selected, program, batch)
        session.say(selected.learn(word for words in program.words for word in words.split()))
        if answer.is_whole:
            session.say(b"".join(cast("list[bytes]", answer.pieces)))
        else:
            with session.in_response():
                await _stream(session, selected.place.account, program, answer.pieces)
        await session.line.drain()
        batch = answer.rest


async def _read(session: Session, selected: Selected, program: Program, batch: Sequence[Span]) -> Answer:
    is_all = batch == [(0, len(selected.uids))]
    # What is recent to a session is told so to nobody else.
    has_recent = bool(selected.uids) and selected.recent.reaches(selected.uids[-1])
    if is_all and program.key is not None and not has_recent:
        return await session.read(partial(_all, session.service.images, selected, program))
    is_slow = count(batch) > (1 if program.reads_octets else _QUICK)
    return await session.read(lambda view: program.run(view, selected, batch), slow=is_slow)


async def _stream(session: Session, account: str, program: Program, pieces: Sequence[Piece]) -> None:
    """Tell responses some of whose octets are read while the client takes those before them."""
    try:
        for piece in pieces:
            if isinstance(piece, bytes):
                session.say(piece)
            elif isinstance(piece, Pending):
                session.say(await session.read(partial(program.read, account=account, pending=piece), slow=True))
                await session.line.drain()
            else:
                async with aclosing(blob_pieces(session.bridge, piece.blob, piece.start, piece.end)) as stored:
                    async for octets in stored:
                        session.say(without_nul(octets))
                        await session.line.drain()
    except (BlobMissing, Fault):
        # So many octets were announced, and cannot be had any more: nothing else can be said in their place.
        session.machine.close()
        raise ConnectionError("a message is gone") from None


def _all(images: Images, selected: Selected, program: Program, view: Snapshot) -> Answer:
    """The answer for all messages, remembered for as long as nothing changes in the mailbox if it is no long one."""
    key, spans = (selected.place.account, selected.place.id), [(0, len(selected.uids))]
    image = images.now(view, *key)
    if image.uids is not selected.uids:  # the client has not been told of everything
        return program.run(view, selected, spans)
    printed = image.printed.get(program.key)
    program.words = image.keywords
    if printed is None:
        if len(selected.uids) > _QUICK:
            view.take_time()
        answer = program.run(view, selected, spans)
        if answer.rest:
            return answer
        printed = b"".join(cast("list[bytes]", answer.pieces))
        images.keep_printed(key, image, program.key, printed)
    return Answer([printed])
