"""DMARC policy records, as RFC 9989 has them and as RFC 7489 had them.

Sections: RFC 9989 §4.6, §4.7, §4.8, §4.10.1; RFC 9991 §2; RFC 7489 §6.3 (`pct`, sizes of reports).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

# Records are a few hundred octets; what is longer is no record.
MAX_RECORD = 8192
MAX_DESTINATIONS = 10
POLICIES = ("none", "quarantine", "reject")

# §4.8: `"v" equals %s"DMARC1"`, and nothing but a separator after it.
_VERSION = re.compile(r"[Vv][ \t]*=[ \t]*DMARC1[ \t]*(?:;|\Z)")
_MAILTO = re.compile(r"(mailto):([^?!]+)(?:\?[^!]*)?(?:!([0-9]{1,12})([kmgt]?))?\Z", re.IGNORECASE)
_FAILURE_OPTIONS = frozenset("01ds")
_UNITS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


class Destination(msgspec.Struct, frozen=True):
    """An address that a domain wants reports sent to.

    `max_size`, in octets, is RFC 7489's, which RFC 9989 §4.8 has readers ignore; None if there is none.
    """

    address: str
    max_size: int | None = None

    @property
    def host(self) -> str:
        """The destination host of RFC 9990 §4, in lower case."""
        return self.address.rpartition("@")[2].lower()


class DmarcRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a domain wants done with mail that claims to be from it and is not (RFC 9989 §4.7).

    `sub_policy` and `missing_policy` (`sp`, `np`) are None where the record does not say. `psd` is y, n or u.
    `percent` is RFC 7489's, 100 without. Without `is_policy` no policy can be taken from it (§4.10.1): "p" is missing,
    or one of "p", "sp", "np" is wrong, and no reports are asked for; where they are, such a record says none.
    """

    is_policy: bool = True
    policy: str = "none"
    sub_policy: str | None = None
    missing_policy: str | None = None
    is_strict_dkim: bool = False
    is_strict_spf: bool = False
    is_testing: bool = False
    psd: str = "u"
    aggregate: tuple[Destination, ...] = ()
    failure: tuple[Destination, ...] = ()
    failure_options: frozenset[str] = frozenset("0")
    percent: int = 100
    text: str = ""

    @property
    def failure_destinations(self) -> tuple[Destination, ...]:
        """Who gets failure reports. RFC 9991 §2: `ruf` in a record of a public suffix is not considered."""
        return () if self.psd == "y" else self.failure

    def policy_for(self, *, is_subdomain: bool, exists: bool) -> str:
        """The policy for the domain itself, or for one below it that exists or not (§4.10.1)."""
        if not is_subdomain:
            return self.policy
        own = self.sub_policy or self.policy
        return own if exists else self.missing_policy or own

    def applied(self, policy: str) -> str:
        """What is to be done with a message that fails: one level less while the domain is testing (§4.7, `t`).

        §A.6: RFC 7489's `pct=0` was used in the same meaning. Other percentages are ignored, as unknown tags.
        """
        if self.is_testing or self.percent == 0:
            return POLICIES[max(0, POLICIES.index(policy) - 1)]
        return policy


def is_dmarc(octets: bytes) -> bool:
    """Whether a TXT record is of DMARC at all: its version comes first (§4.10, step 2)."""
    return _VERSION.match(octets[:40].decode("latin-1")) is not None


def parse_dmarc_record(octets: bytes) -> DmarcRecord | None:
    """The record; None if it is none of DMARC.

    "Syntax errors in the remainder of the record MUST be discarded in favor of default values (if any) or ignored".
    """
    if len(octets) > MAX_RECORD or not is_dmarc(octets):
        return None
    text = octets.decode("ascii", "replace")
    tags = _tags(text)
    aggregate = _destinations(tags.get("rua", ""))
    policies = {name: tags[name].lower() for name in ("p", "sp", "np") if name in tags}
    is_sound = "p" in policies and all(value in POLICIES for value in policies.values())
    if not is_sound:
        policies = {}
    return DmarcRecord(
        is_policy=is_sound or bool(aggregate),
        policy=policies.get("p", "none"),
        sub_policy=policies.get("sp"),
        missing_policy=policies.get("np"),
        is_strict_dkim=tags.get("adkim", "").lower() == "s",
        is_strict_spf=tags.get("aspf", "").lower() == "s",
        is_testing=tags.get("t", "").lower() == "y",
        psd=psd if (psd := tags.get("psd", "").lower()) in ("y", "n") else "u",
        aggregate=aggregate,
        failure=_destinations(tags.get("ruf", "")),
        failure_options=_options(tags.get("fo", "")),
        percent=int(pct) if re.fullmatch(r"[0-9]{1,3}", pct := tags.get("pct", "")) and int(pct) <= 100 else 100,
        text=text,
    )


def _tags(text: str) -> dict[str, str]:
    """The tags by name; the first of a name counts."""
    tags: dict[str, str] = {}
    for part in text.split(";"):
        name, equals, value = part.partition("=")
        if equals:
            tags.setdefault(name.strip(" \t").lower(), value.strip(" \t"))
    return tags


def _destinations(value: str) -> tuple[Destination, ...]:
    found = (_destination(uri.strip(" \t")) for uri in value.split(","))
    return tuple(destination for destination in found if destination is not None)[:MAX_DESTINATIONS]


def _destination(uri: str) -> Destination | None:
    """A mailto URI; "URIs involving schemes not supported by Mail Receivers MUST be ignored"."""
    match = _MAILTO.match(uri)
    if match is None:
        return None
    address = _percent_decoded(match[2])
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain or not address.isprintable() or any(sign in address for sign in ' <>,;"\\'):
        return None
    size = int(match[3]) * 1024 ** _UNITS[match[4].lower()] if match[3] else None
    return Destination(address, size)


def _percent_decoded(text: str) -> str:
    return re.sub(r"%([0-9A-Fa-f]{2})", lambda match: chr(int(match[1], 16)), text)


def _options(value: str) -> frozenset[str]:
    """The values of `fo`; "0" if there is none that is known."""
    return frozenset(_FAILURE_OPTIONS.intersection(_words(value))) or frozenset("0")


def _words(value: str) -> Iterable[str]:
    return (word.strip(" \t").lower() for word in value.split(":"))
