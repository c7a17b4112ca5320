"""The worker that looks after the keys by which mail is signed, by the settings."""

from __future__ import annotations

import msgspec

from pillarbox.app.config.dkim import Dkim
from pillarbox.net.bridge import Bridge
from pillarbox.net.dns.lazy import Resolves
from pillarbox.services.dkim_rotation import Timing
from pillarbox.workers.dkim_keys import DkimKeys


def key_worker(dkim: Dkim, bridge: Bridge, resolver: Resolves) -> DkimKeys:
    """The worker of the process that has the duties."""
    return DkimKeys(bridge, Timing(**msgspec.structs.asdict(dkim)), resolver)
