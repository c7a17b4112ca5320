"""What our own domains tell the world of their mail servers by MTA-STS, and the id that says which policy it is.

Sections: RFC 8461 §3.1 ("a short string used to track policy updates"), §3.2.
"""

from __future__ import annotations

import hashlib

from pillarbox.datatypes.admin.domain import Domain, domain_of
from pillarbox.datatypes.view import View
from pillarbox.formats.mta_sts import Mode, Policy, policy_to_bytes

# Seconds. RFC 8461 §3.2 speaks of weeks for a policy that is enforced; one that is tried out should be gone soon.
_MAX_AGE = {Mode.ENFORCE: 1_209_600, Mode.TESTING: 86_400, Mode.NONE: 86_400}


def own_policy(domain: Domain, hostname: str) -> Policy | None:
    """The policy of a domain whose mail comes to this host; None when it has none."""
    if domain.mta_sts is None or not domain.is_enabled:
        return None
    mode = Mode(domain.mta_sts)
    return Policy(mode, () if mode is Mode.NONE else (hostname,), _MAX_AGE[mode])


def policy_id(policy: Policy) -> str:
    """The id for the DNS: another one for each other policy."""
    return hashlib.sha256(policy_to_bytes(policy)).hexdigest()[:16]


def policy_text(view: View, domain: str, hostname: str) -> bytes | None:
    """What the policy host of a domain serves; None when the domain is not ours or has no policy."""
    found = domain_of(view, domain)
    policy = own_policy(found, hostname) if found is not None else None
    return policy_to_bytes(policy) if policy is not None else None
