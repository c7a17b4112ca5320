"""The addresses of a transaction with the parameters that whoever delivers or relays has to know.

Sections: RFC 8621 §7; RFC 3461 §4; RFC 4865; RFC 8689; RFC 2852; RFC 6710.
"""

from __future__ import annotations

from pillarbox.datatypes.envelope import Address
from pillarbox.servers.smtp.stage import Envelope
from pillarbox.wire.smtp.state import Recipient


def mailbox_of(to: Recipient) -> Address:
    """The recipient, with what its sender wants to be told of it."""
    asked = to.parameters
    given = {"NOTIFY": ",".join(asked.notify) or None, "ORCPT": asked.original}
    return _address(str(to.recipient), given, ())


def reverse_path_of(envelope: Envelope) -> Address:
    """The reverse-path; its address is empty for the null one."""
    given, by = envelope.parameters, envelope.parameters.deliver_by
    values = {
        "RET": given.ret,
        "ENVID": given.envelope_id,
        "HOLDFOR": str(given.hold_for) if given.hold_for is not None else None,
        "HOLDUNTIL": given.hold_until,
        "MT-PRIORITY": str(given.priority) if given.priority is not None else None,
        "BY": f"{by.seconds};{'R' if by.is_return else 'N'}{'T' * by.wants_trace}" if by is not None else None,
    }
    flags = ("SMTPUTF8",) * given.smtputf8 + ("REQUIRETLS",) * given.require_tls
    return _address(str(envelope.sender) if envelope.sender is not None else "", values, flags)


def _address(email: str, values: dict[str, str | None], flags: tuple[str, ...]) -> Address:
    parameters = {name: value for name, value in values.items() if value is not None} | dict.fromkeys(flags)
    return Address(email, parameters or None)
