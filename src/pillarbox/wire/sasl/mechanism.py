"""The mechanisms by name, the best first, and the machine that speaks each (RFC 4422 §3.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from pillarbox.wire.sasl.bearer import oauthbearer, xoauth2
from pillarbox.wire.sasl.password import login, plain
from pillarbox.wire.sasl.scram import Bindings, scram_sha_256
from pillarbox.wire.sasl.step import Machine

PLUS, SCRAM = "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"
SIMPLE: Mapping[str, Callable[[bytes | None], Machine]] = {
    "OAUTHBEARER": oauthbearer,
    "XOAUTH2": xoauth2,
    "PLAIN": plain,
    "LOGIN": login,
}


def speaker(mechanism: str, bindings: Bindings) -> Callable[[bytes | None], Machine]:
    """What makes a machine from the initial response, None without one. Raises KeyError for an unknown mechanism."""
    if mechanism in {PLUS, SCRAM}:
        return partial(scram_sha_256, bindings=bindings, plus=mechanism == PLUS)
    return SIMPLE[mechanism]
