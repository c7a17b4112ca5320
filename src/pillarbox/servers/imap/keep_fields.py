"""What a FETCH had to make of messages' octets, as it was not stored beside them, is stored for the next one."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from pillarbox.core.faults import Fault
from pillarbox.datatypes.email.declaration import EMAIL
from pillarbox.servers.imap.session import Session
from pillarbox.storage import part
from pillarbox.storage.transaction import Transaction

_MANY = 20  # to read fewer again costs less than a transaction


async def keep_fields(session: Session, account: str, learned: Mapping[str, Mapping[str, bytes]]) -> None:
    """Store fixed parts by email; a store that does not take them has them made again another time."""
    if len(learned) < _MANY:
        return

    def body(tx: Transaction) -> None:
        tx.lock(account)
        for id in tx.get_with_deleted(EMAIL, account, learned):  # some may be gone meanwhile
            # Both parts of a message are of one making: the head of one tells what is in the other.
            part.add(tx.db, account, EMAIL.name, id, learned[id], EMAIL.ordered_parts, anew=True)

    with contextlib.suppress(Fault):
        await session.bridge.write(body, slow=True)
