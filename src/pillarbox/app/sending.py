"""Who sends for all accounts of a process, put together."""

from __future__ import annotations

from pillarbox.app.config.settings import Settings
from pillarbox.net.bridge import Bridge
from pillarbox.services.sending_limit import Notices, SendingAllowance, SendingLimits
from pillarbox.services.submission import Sender
from pillarbox.workers.sending_reports import SendingReports

_NOTICES = Notices()  # of this process


def sender_of(settings: Settings) -> Sender:
    """A sender with the limits of the settings; who comes near them is noted for `SendingReports`."""
    given = settings.submission
    allowance = SendingAllowance(
        messages_an_hour=given.messages_an_hour,
        messages_a_day=given.messages_a_day,
        recipients_an_hour=given.recipients_an_hour,
        recipients_a_day=given.recipients_a_day,
    )
    return Sender(settings.hostname, SendingLimits(allowance, _NOTICES))


def sending_of(settings: Settings, bridge: Bridge) -> tuple[Sender, SendingReports]:
    """The sender of a process, known to the rules of submissions, and who reports what it notes."""
    sender = sender_of(settings)
    sender.connect_rules()
    return sender, SendingReports(bridge, _NOTICES, settings.hostname)
