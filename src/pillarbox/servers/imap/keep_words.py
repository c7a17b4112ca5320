"""What searches have read of messages is stored, so that no process reads them again."""

from __future__ import annotations

import contextlib

from pillarbox.core.faults import Fault
from pillarbox.datatypes.view import Transaction
from pillarbox.servers.imap.session import Session


async def keep_words(session: Session) -> None:
    """Store the concordances that are new; a store that does not take them has them made again another time."""
    learned = session.service.memory.concordances.take_learned()
    if not learned:
        return

    def body(tx: Transaction) -> None:
        for each in learned:
            each.keep(tx)

    with contextlib.suppress(Fault):
        await session.bridge.write(body, slow=True)
