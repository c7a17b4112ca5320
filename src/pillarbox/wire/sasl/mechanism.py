"""The mechanisms by name, the best first, and the machine that speaks each (RFC 4422 §3.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pillarbox.wire.sasl.bearer import oauthbearer, xoauth2
from pillarbox.wire.sasl.password import login, plain
from pillarbox.wire.sasl.step import Machine

SIMPLE: Mapping[str, Callable[[bytes | None], Machine]] = {
    "OAUTHBEARER": oauthbearer,
    "XOAUTH2": xoauth2,
    "PLAIN": plain,
    "LOGIN": login,
}
