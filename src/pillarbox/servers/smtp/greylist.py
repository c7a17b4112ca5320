"""A stage that asks whoever has not been seen to come again in a while (RFC 6647)."""

from __future__ import annotations

from pillarbox.net.bridge import Bridge
from pillarbox.servers.smtp import observed
from pillarbox.servers.smtp.block_list import is_of_the_internet
from pillarbox.servers.smtp.peer import Peer
from pillarbox.servers.smtp.stage import Answer, Envelope, Stage
from pillarbox.services.greylisting import Attempt, Greylisting, is_known, seconds_to_wait
from pillarbox.wire.smtp.reply import Reply
from pillarbox.wire.smtp.state import Recipient


class GreylistStage(Stage):
    """Greylisting. It remembers nothing of a connection: one object serves all."""

    def __init__(self, bridge: Bridge, settings: Greylisting) -> None:
        self._bridge, self._settings = bridge, settings

    async def recipient(self, peer: Peer, envelope: Envelope, recipient: Recipient) -> Answer:
        if peer.account or not is_of_the_internet(peer.address):
            return None
        sender = str(envelope.sender) if envelope.sender is not None else ""
        attempt = Attempt(peer.address, sender, str(recipient.recipient))
        if await self._bridge.read(lambda view: is_known(view, attempt, self._settings)):
            return None
        seconds = await self._bridge.write(lambda tx: seconds_to_wait(tx, attempt, self._settings))
        if not seconds:
            return None
        observed.GREYLISTED.log(address=peer.address, seconds=seconds)
        # RFC 6647 §2.1: 4.7.1 with a text that tells an administrator what is going on
        return Reply(450, "4.7.1", f"Greylisted: please come again in {seconds} seconds")
