"""Code of protocols and duties that not every server has: loaded where the settings ask for it, before the fork.

Who does not offer them pays no memory for them; who does has their code in memory once.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pillarbox.app.config.settings import Settings
    from pillarbox.net.bridge import Bridge
    from pillarbox.net.dns.lazy import LazyResolver
    from pillarbox.servers.imap.listener import ImapListener
    from pillarbox.servers.pop3.listener import Pop3Listener
    from pillarbox.workers.relay.tally import Tally
    from pillarbox.workers.relay.worker import RelayWorker


def load_smtp() -> ModuleType:
    """What puts the SMTP listeners together."""
    from pillarbox.app import smtp  # noqa: PLC0415

    return smtp


def load_imap() -> Callable[..., ImapListener]:
    """What puts an IMAP listener together."""
    from pillarbox.app.imap import imap_listener  # noqa: PLC0415

    return imap_listener


def load_pop3() -> Callable[..., Pop3Listener]:
    """The same for POP3."""
    from pillarbox.app.pop3 import pop3_listener  # noqa: PLC0415

    return pop3_listener


def load_relay() -> Callable[[Settings, Bridge, LazyResolver, Tally], RelayWorker]:
    """What puts together what sends mail to other servers."""
    from pillarbox.app.relay import relay_worker  # noqa: PLC0415

    return relay_worker
