"""Who sends for all accounts of a process, put together."""

from __future__ import annotations

from pillarbox.app.config.settings import Settings
from pillarbox.app.place import Place
from pillarbox.core.clock import Clock
from pillarbox.services.allowance import Allowances
from pillarbox.services.sending_limit import SendingAllowance, SendingLimits
from pillarbox.services.submission import Sender


def sender_of(settings: Settings, clock: Clock, place: Place) -> Sender:
    """The sender, known to the rules of submissions, by whose limits JMAP sends; SMTP counts in the same memory."""
    given = settings.submission
    allowance = SendingAllowance(
        messages_an_hour=given.messages_an_hour,
        messages_a_day=given.messages_a_day,
        recipients_an_hour=given.recipients_an_hour,
        recipients_a_day=given.recipients_a_day,
    )
    sender = Sender(settings.hostname, SendingLimits(Allowances(clock, place.commons.usage), allowance))
    sender.connect_rules()
    return sender
